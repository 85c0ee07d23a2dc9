using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>Whether a node may take part in a run: the same model and reward files, and a precision its devices have.</summary>
public static class NodeFitness
{
    /// <summary>What differs, with the path and what would be right; null when nothing does.</summary>
    /// <param name="devices">cpu:N or cuda:N.</param>
    public static string? Reason(ShardSettings settings, IEnumerable<string> devices) =>
        Difference("model", settings.ModelPath, settings.ModelHash)
        ?? Difference("tokenizer", settings.TokenizerPath, settings.TokenizerHash)
        ?? Difference("reward", settings.RewardPath, settings.RewardHash)
        ?? devices.Where(d => settings.Precision != "fp32" && !d.Contains("cuda", StringComparison.Ordinal))
            .Select(d => $"model.precision = {settings.Precision} on {d}: expected fp32 (half precision runs on CUDA only)").FirstOrDefault();

    private static string? Difference(string what, string folder, string expected)
    {
        if (folder.Length > 0 && !Path.Exists(folder))
        {
            return $"{folder}: not found; the run's {what} must lie at the same path on every node";
        }
        var found = ModelFingerprint.Of(folder);
        return found == expected ? null : $"{folder}: this node's {what} files differ from the coordinator's (SHA-256 {Short(found)}, expected {Short(expected)})";
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
