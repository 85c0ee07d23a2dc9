using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>Whether a node may take part in a run: the same model and reward files, and a precision its devices have.</summary>
public static class NodeFitness
{
    /// <summary>What differs, with the path and what would be right; null when nothing does.</summary>
    public static string? Reason(ShardSettings settings, IEnumerable<DeviceName> devices) =>
        Difference("model", settings.ModelPath, settings.ModelHash)
        ?? Difference("tokenizer", settings.TokenizerPath, settings.TokenizerHash)
        ?? settings.Rewards.Concat(settings.EvaluationRewards).Select(r => Difference("reward", r.Path, r.Hash)).FirstOrDefault(d => d is not null)
        ?? devices.Where(d => settings.Precision != "fp32" && d.Kind != DeviceKind.Cuda)
            .Select(d => $"model.precision = {settings.Precision} on {d}: expected fp32 (half precision runs on CUDA only)").FirstOrDefault();

    /// <summary>What <see cref="Reason"/> looks at, as one text.</summary>
    public static string Subject(ShardSettings settings) =>
        string.Join('\n', [settings.ModelPath, settings.ModelHash, settings.TokenizerPath, settings.TokenizerHash, settings.Precision, .. settings.Rewards.Concat(settings.EvaluationRewards).Select(r => $"{r.Path}\n{r.Hash}")]);

    private static string? Difference(string what, string folder, string expected)
    {
        if (folder.Length > 0 && what != "reward" && !Path.Exists(folder))
        {
            return $"{folder}: not found; the run's {what} must lie at the same path on every node";
        }
        string found;
        try
        {
            found = what == "reward" ? RewardFingerprint.Of(folder) : ModelFingerprint.Of(folder);
        }
        catch (DirectoryNotFoundException e)
        {
            return $"{e.Message}; the run's {what} must lie at the same path on every node";
        }
        return found == expected ? null : $"{folder}: this node's {what} files differ from the coordinator's (SHA-256 {Short(found)}, expected {Short(expected)})";
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
