using System.Diagnostics;

namespace AlignProp.GpuNode.Compute;

/// <summary>The process's peak resident memory.</summary>
public static class PeakMemory
{
    public static long Bytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
