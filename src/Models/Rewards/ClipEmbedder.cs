using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>A CLIP model as rewards use it: decoded images and prompts into its shared space, L2-normalised.</summary>
/// <param name="antialias">See <see cref="ClipPixels"/>.</param>
public sealed class ClipEmbedder(ClipModel clip, ClipTokenizer? tokenizer, bool antialias) : IDisposable
{
    private static readonly string[] HpsFiles = ["HPS_v2.1_compressed.pt", "HPS_v2_compressed.pt"];
    private static readonly string[] ConfigFiles = ["config.json", "open_clip_config.json"];

    /// <summary>Width D of the shared space.</summary>
    public int Width => clip.Config.ProjectionDim;

    /// <summary>exp(logit_scale).</summary>
    public Tensor LogitScale => clip.LogitScale;

    /// <summary>
    /// Loads config.json and the weights of transformers' CLIPModel (model.safetensors or pytorch_model.bin), or OpenCLIP's
    /// open_clip_config.json and open_clip_model.safetensors, or HPS's published file; and the tokenizer, where the folder has
    /// one.
    /// </summary>
    /// <exception cref="ModelFileException">A file is missing, or a weight has another shape.</exception>
    public static ClipEmbedder Load(string folder, Device device, ScalarType dtype, bool antialias)
    {
        // HPS is published as one file without a configuration: its structure is OpenCLIP's ViT-H/14.
        var hps = HpsFiles.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        var config = hps is null || ConfigFiles.Any(name => File.Exists(Path.Combine(folder, name)))
            ? ClipConfig.LoadFolder(folder) : ClipConfig.OpenClipViTH14;
        var clip = Parts.Blueprint(() => new ClipModel(config));
        Weights.Load(clip, hps ?? folder, file => OpenClipLayout.Is(file) ? OpenClipLayout.Read(file) : Weights.AsNamed(file),
            device, dtype);
        return new ClipEmbedder(clip, File.Exists(Path.Combine(folder, "vocab.json")) ? ClipTokenizer.Load(folder) : null,
            antialias);
    }

    /// <param name="images">The VAE's output [B, 3, H, W].</param>
    /// <returns>[B, D], fp32, differentiable in the images.</returns>
    public Tensor Images(Tensor images)
    {
        using var scope = NewDisposeScope();
        var pixels = ClipPixels.From(images, clip.Config.Vision.ImageSize, antialias).to(clip.WeightType);
        return nn.functional.normalize(clip.ImageFeatures(pixels).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    /// <returns>[B, D], fp32, without gradient.</returns>
    /// <exception cref="ModelFileException">The folder has no tokenizer.</exception>
    public Tensor Prompts(IReadOnlyList<string> prompts, Device device)
    {
        using var scope = NewDisposeScope();
        var words = tokenizer
            ?? throw new ModelFileException("this reward reads prompts: its CLIP folder needs vocab.json and merges.txt");
        return Tokens(tensor(prompts.SelectMany(words.Encode).ToArray(), [prompts.Count, words.MaxLength], device: device))
            .MoveToOuterDisposeScope();
    }

    /// <param name="ids">Token ids [B, L].</param>
    /// <returns>[B, D], fp32, without gradient.</returns>
    public Tensor Tokens(Tensor ids)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return nn.functional.normalize(clip.TextFeatures(ids).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    public void Dispose() => clip.Dispose();
}
