using AlignProp.Adapters;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// LAION's aesthetic predictor v2: CLIP ViT-L/14 image features through a published head, about 1 to 10. Folder: CLIP's
/// config.json and weights, and beside them the head with the published keys, e.g. sac+logos+ava1-l14-linearMSE.pth, under any
/// name but those of CLIP's.
/// </summary>
public sealed class AestheticReward(ClipEmbedder clip, AestheticHead head) : IReward
{
    /// <exception cref="ModelFileException">A file is missing, damaged or of another shape.</exception>
    public static AestheticReward Load(string folder, Device device, ScalarType dtype)
    {
        var clip = ClipEmbedder.Load(folder, device, dtype, antialias: false);
        var path = Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)
            .FirstOrDefault(f => WeightFiles.Extensions.Contains(Path.GetExtension(f))
                && !Path.GetFileName(f).Contains("model", StringComparison.Ordinal))
            ?? throw new ModelFileException(
                $"{folder}: no aesthetic head; expected for example sac+logos+ava1-l14-linearMSE.pth with layers.0.weight");
        var head = AestheticHead.Load(path, clip.Width);
        head.to(device);
        return new AestheticReward(clip, head);
    }

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return head.forward(clip.Images(images)).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        return clip.Images(images);
    }

    public void Dispose()
    {
        clip.Dispose();
        head.Dispose();
    }
}

/// <summary>
/// Five linear layers without activations; the dropouts between them are off, and leave their numbers in the published keys.
/// </summary>
public sealed class AestheticHead : nn.Module<Tensor, Tensor>
{
    private static readonly string[] PublishedIndices = ["0", "2", "4", "6", "7"];

    private readonly ModuleList<Linear> layers;

    public AestheticHead(int features) : base(nameof(AestheticHead))
    {
        int[] widths = [features, 1024, 128, 64, 16, 1];
        layers = new ModuleList<Linear>(widths.Zip(widths.Skip(1), (a, b) => Parts.Linear(a, b)).ToArray());
        RegisterComponents();
    }

    /// <exception cref="ModelFileException">A key is missing or has another shape.</exception>
    public static AestheticHead Load(string path, int features) => Weights.Load(new AestheticHead(features), path, Rename);

    /// <summary>The published key of a layer -> ours; null for a key that is no layer's.</summary>
    public static string? Rename(string key)
    {
        var parts = key.Split('.');
        var index = parts.Length == 3 ? Array.IndexOf(PublishedIndices, parts[1]) : -1;
        return index < 0 ? null : $"{parts[0]}.{index}.{parts[2]}";
    }

    /// <param name="x">L2-normalised image features [B, features].</param>
    /// <returns>[B].</returns>
    public override Tensor forward(Tensor x) => layers.Aggregate(x, (h, layer) => layer.forward(h)).squeeze(-1);
}
