using System.Runtime.InteropServices;
using AlignProp.Messages;
using TorchSharp;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// Loads libtorch, once and before several devices' threads want it at the same time: TorchSharp's own loading is not guarded.
/// </summary>
internal static class Libtorch
{
    private static readonly Lock Loading = new();
    private static bool _loaded;

    /// <summary>CUDA devices that libtorch sees; 0 with the CPU build.</summary>
    public static int Gpus()
    {
        Load();
        return torch.cuda.is_available() ? torch.cuda.device_count() : 0;
    }

    /// <param name="name">On CUDA or the CPU: workers on the CPU are numbered, the CPU is one.</param>
    public static torch.Device DeviceOf(DeviceName name)
    {
        Load();
        return new torch.Device(name.Kind == DeviceKind.Cpu ? "cpu" : name.ToString());
    }

    private static void Load()
    {
        lock (Loading)
        {
            if (_loaded)
            {
                return;
            }
            // OpenMP reads it when it is loaded, from the process's own environment. Threads that spin while they wait slow a
            // busy machine down many times over.
            _ = SetEnvironment("OMP_WAIT_POLICY", "PASSIVE", overwrite: 0);
            torch.InitializeDeviceType(DeviceType.CPU);
            _loaded = true;
        }
    }

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment([MarshalAs(UnmanagedType.LPStr)] string name,
        [MarshalAs(UnmanagedType.LPStr)] string value, int overwrite);
}
