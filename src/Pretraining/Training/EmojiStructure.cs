using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;

namespace AlignProp.Pretraining.Training;

/// <summary>The shapes of the shipped model: Stable Diffusion 1.5 in miniature, in the same config classes.</summary>
public static class EmojiStructure
{
    public const int ImageSize = 32;
    public const int TextLength = 16;
    public const int TextWidth = 128;

    /// <param name="scalingFactor">1 / std of the latents; 1 while the VAE itself is trained.</param>
    public static VaeConfig Vae(double scalingFactor) => new(3, 3, 4, [32, 64, 64], 1, 8, scalingFactor, ImageSize);

    public static UNetConfig UNet { get; } = UNetConfig.Uniform([64, 128], layers: 1, heads: [2, 4], TextWidth, groups: 8,
        ImageSize / 4);

    public static ClipTextConfig Text(int vocabulary, long eos) =>
        new(vocabulary, TextWidth, TextWidth * 4, 2, 4, TextLength, "quick_gelu", 1e-5, eos);

    /// <summary>The image-text model the rewards stand on: a small ViT with 4-pixel patches.</summary>
    public static ClipConfig Clip(int vocabulary, long eos) => new(
        new ClipTextConfig(vocabulary, 128, 256, 2, 4, TextLength, "quick_gelu", 1e-5, eos),
        new ClipVisionConfig(128, 384, 4, 4, ImageSize, 4, "quick_gelu", 1e-5),
        96);
}
