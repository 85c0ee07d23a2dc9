using AlignProp.Adapters;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <param name="Path">The reward's folder or file; empty where it has none.</param>
/// <param name="Words">What a detector looks for.</param>
/// <param name="Quality">JPEG quality of the codec rewards, 1 to 100.</param>
public sealed record RewardSpec(string Name, string Path, IReadOnlyList<string> Words, int Quality)
{
    public RewardSpec(string name, string path) : this(name, path, [], 90)
    {
    }
}

/// <summary>Rewards by name. A new one is a class, a line here, and a line in <see cref="RewardCatalog"/> that says what it is.</summary>
public static class RewardRegistry
{
    private static readonly Dictionary<string, Func<RewardSpec, Device, ScalarType, IReward>> Loaders = new()
    {
        ["aesthetic"] = (r, device, dtype) => AestheticReward.Load(r.Path, device, dtype),
        ["hps"] = (r, device, dtype) => ClipScoreReward.Load(r.Path, device, dtype, ClipScoreScale.Cosine),
        ["pickscore"] = (r, device, dtype) => ClipScoreReward.Load(r.Path, device, dtype, ClipScoreScale.LogitScale),
        ["clip"] = (r, device, dtype) => ClipScoreReward.Load(r.Path, device, dtype, ClipScoreScale.Percent),
        ["imagereward"] = (r, device, dtype) => ImageReward.Load(r.Path, device, dtype),
        ["concept-removal"] = (r, device, dtype) => new ConceptRemovalReward(OwlViTDetector.Load(r.Path, r.Words, device, dtype)),
        ["count"] = (r, device, dtype) => new CountReward(OwlViTDetector.Load(r.Path, r.Words, device, dtype)),
        ["compressibility"] = (r, _, _) => new JpegSizeReward(r.Quality, sign: -1),
        ["incompressibility"] = (r, _, _) => new JpegSizeReward(r.Quality, sign: 1),
        ["colourfulness"] = (_, _, _) => new ColourfulnessReward(),
        ["symmetry"] = (_, _, _) => new SymmetryReward(),
        ["brightness"] = (_, _, _) => new BrightnessReward(),
        ["preference"] = (r, device, dtype) => HeadReward.Load(r.Path, device, dtype),
        ["jpeg-size"] = (r, device, dtype) => HeadReward.Load(r.Path, device, dtype),
        ["detector"] = (r, device, dtype) => HeadReward.Load(r.Path, device, dtype),
        ["torchscript"] = (r, device, _) => TorchScriptReward.Load(r.Path, device),
    };

    public static IEnumerable<string> Names => Loaders.Keys.Order(StringComparer.Ordinal);

    /// <exception cref="ModelFileException">No such reward, or its files are not right.</exception>
    public static IReward Load(RewardSpec spec, Device device, ScalarType dtype) =>
        Loaders.TryGetValue(spec.Name, out var load)
            ? load(spec, device, dtype)
            : throw new ModelFileException($"reward {spec.Name} is unknown; expected one of {string.Join(", ", Names)}");
}
