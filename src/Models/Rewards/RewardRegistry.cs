using AlignProp.Adapters;
using AlignProp.Messages.Configuration;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// Rewards by name. A new one is a class, a line here, and a line in <see cref="RewardCatalog"/> that says what it is.
/// </summary>
public static class RewardRegistry
{
    private static readonly Dictionary<string, Func<RewardTermConfig, Device, ScalarType, IReward>> Loaders = new()
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
        ["jpeg-bytes"] = (r, _, _) => new JpegBytesReward(r.Quality),
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
    public static IReward Load(RewardTermConfig term, Device device, ScalarType dtype) =>
        term.IsRelative ? new RelativeReward(Plain(term, device, dtype), term.GoodWords, term.BadWords)
            : Plain(term, device, dtype);

    private static IReward Plain(RewardTermConfig term, Device device, ScalarType dtype) =>
        Loaders.TryGetValue(term.Name, out var load)
            ? load(term, device, dtype)
            : throw new ModelFileException($"reward {term.Name} is unknown; expected one of {string.Join(", ", Names)}");
}
