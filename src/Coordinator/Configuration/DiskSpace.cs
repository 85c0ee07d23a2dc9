using System.Globalization;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>Whether the disk of a run's folder has room for what the run keeps.</summary>
public static class DiskSpace
{
    private const long Megabyte = 1 << 20;

    /// <summary>Journal, pictures, reports and logs.</summary>
    private const long Others = 16 * Megabyte;

    /// <param name="parameters">Numbers of the adapter.</param>
    /// <returns>
    /// Bytes: adapter and moments of two steps and of the one that is being written, and an adapter an epoch.
    /// </returns>
    public static long Need(RunConfig config, long parameters)
    {
        const long FloatBytes = 4, StepsKept = 3, WithMoments = 3;
        return checked(parameters * FloatBytes * (StepsKept * WithMoments + config.Stopping.MaxEpochs) + Others);
    }

    /// <exception cref="ConfigException">There is less room than the run needs.</exception>
    public static void Require(string folder, long need)
    {
        var place = Path.GetFullPath(folder);
        while (!Directory.Exists(place))
        {
            place = Path.GetDirectoryName(place)!;
        }
        Require(folder, need, new DriveInfo(place).AvailableFreeSpace);
    }

    internal static void Require(string folder, long need, long free)
    {
        if (free < need)
        {
            throw new ConfigException($"{folder}: {Size(free)} are free on its disk; this run keeps up to {Size(need)} (an "
                + "adapter an epoch, and the newest steps with their moments); expected more room, or another folder "
                + "with --runs");
        }
    }

    private static string Size(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)Megabyte:N0} MB");
}
