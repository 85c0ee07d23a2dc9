using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode;

/// <summary>Whether a node may take part in a run: the same model and reward files, and a precision its devices have.</summary>
public static class NodeFitness
{
    /// <summary>What differs, with the path and what would be right; null when nothing does.</summary>
    public static string? Reason(RunDescription run, IEnumerable<DeviceName> devices) =>
        run.Files.Select(Difference).FirstOrDefault(d => d is not null)
        ?? devices.Where(d => run.Config.Model.Precision != "fp32" && d.Kind != DeviceKind.Cuda)
            .Select(d => $"model.precision = {run.Config.Model.Precision} on {d}: expected fp32 (half precision runs on CUDA "
                + $"only)").FirstOrDefault();

    private static string? Difference(FileFingerprint file)
    {
        var (what, folder, expected) = (file.Role.ToString().ToLowerInvariant(), file.Path, file.Hash);
        if (file.Role != FileRole.Reward && !Path.Exists(folder))
        {
            return $"{folder}: not found; the run's {what} must lie at the same path on every node";
        }
        string found;
        try
        {
            found = file.Role == FileRole.Reward ? RewardFingerprint.Of(folder) : ModelFingerprint.Of(folder);
        }
        catch (DirectoryNotFoundException e)
        {
            return $"{e.Message}; the run's {what} must lie at the same path on every node";
        }
        return found == expected ? null : $"{folder}: this node's {what} files differ from the coordinator's (SHA-256 "
            + $"{Short(found)}, expected {Short(expected)})";
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
