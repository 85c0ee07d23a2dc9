using System.Diagnostics;
using System.Globalization;

namespace AlignProp.Benchmarks.Scale;

/// <summary>What the system knows about processes and the loopback.</summary>
internal static class ProcessFigures
{
    public static double CpuSeconds(Process process)
    {
        process.Refresh();
        return process.HasExited ? 0 : process.TotalProcessorTime.TotalSeconds;
    }

    public static double ResidentMegabytes(Process process)
    {
        process.Refresh();
        return process.HasExited ? 0 : process.WorkingSet64 / 1e6;
    }

    /// <summary>
    /// Bytes the loopback has carried, TCP and IP headers included; everything on the machine that uses it counts.
    /// </summary>
    public static long LoopbackBytes() => File.ReadLines("/proc/net/dev")
        .Where(l => l.TrimStart().StartsWith("lo:", StringComparison.Ordinal))
        .Select(l => long.Parse(l.Split(':')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0],
            CultureInfo.InvariantCulture)).FirstOrDefault();
}
