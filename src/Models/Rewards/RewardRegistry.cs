using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Rewards by name. A new one is a class and a line here.</summary>
public static class RewardRegistry
{
    private static readonly Dictionary<string, Func<string, Device, ScalarType, IReward>> Loaders = new()
    {
        ["brightness"] = (_, _, _) => new BrightnessReward(),
        ["preference"] = HeadReward.Load,
        ["jpeg-size"] = HeadReward.Load,
        ["detector"] = HeadReward.Load,
        ["aesthetic"] = AestheticReward.Load,
        ["hps"] = (folder, device, dtype) => ClipScoreReward.Load(folder, device, dtype, ClipScoreScale.Cosine),
        ["pickscore"] = (folder, device, dtype) => ClipScoreReward.Load(folder, device, dtype, ClipScoreScale.LogitScale),
        ["clip"] = (folder, device, dtype) => ClipScoreReward.Load(folder, device, dtype, ClipScoreScale.Percent),
    };

    public static IEnumerable<string> Names => Loaders.Keys.Order(StringComparer.Ordinal);

    /// <param name="folder">The reward model's files; unused by brightness.</param>
    /// <exception cref="ModelFileException">No such reward, or its files are not right.</exception>
    public static IReward Load(string name, string folder, Device device, ScalarType dtype) =>
        Loaders.TryGetValue(name, out var load)
            ? load(folder, device, dtype)
            : throw new ModelFileException($"reward {name} is unknown; expected one of {string.Join(", ", Names)}");
}
