using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Models;

/// <summary>
/// A text-to-image model: five parts, each of which may be another one's. The chain, the alignment step, LoRA, pictures and
/// exports know these only. All weights are frozen.
/// </summary>
public sealed record TextToImage(ITextEncoder Text, IDenoiser Denoiser, ILatentCodec Codec, ISampler Sampler, IGuidance Guidance)
    : IDisposable
{
    /// <summary>Height and width in pixels of the images the model was made for.</summary>
    public (int Height, int Width) DefaultSize =>
        (Denoiser.SampleSize.Height * Codec.Factor, Denoiser.SampleSize.Width * Codec.Factor);

    /// <summary>Height and width in pixels; 0 = the model's own.</summary>
    public (int Height, int Width) Size(int height, int width) =>
        (height == 0 ? DefaultSize.Height : height, width == 0 ? DefaultSize.Width : width);

    /// <summary>[C, h, w] of the latents of an image; 0 = the model's own size.</summary>
    /// <exception cref="ModelFileException">The size is not a multiple of the codec's factor.</exception>
    public long[] LatentShape(int height, int width)
    {
        var (h, w) = Size(height, width);
        return h % Codec.Factor == 0 && w % Codec.Factor == 0
            ? [Codec.Channels, h / Codec.Factor, w / Codec.Factor]
            : throw new ModelFileException($"sampling.height x width = {h} x {w}: expected multiples of {Codec.Factor}");
    }

    /// <summary>The sampler that <c>sampling.sampler</c> names.</summary>
    /// <exception cref="ModelFileException">This model has no such sampler.</exception>
    public ISampler SamplerOf(SamplingConfig sampling) => sampling.Sampler == SamplingConfig.Ancestral
        ? Sampler.Ancestral ?? throw new ModelFileException(
            "sampling.sampler = ancestral: this model has no ancestral sampler; expected ddim")
        : Sampler;

    public void Dispose()
    {
        Text.Dispose();
        Denoiser.Dispose();
        Codec.Dispose();
    }
}
