using System.Runtime.InteropServices;
using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>
/// Whether convolutions on this processor are right. On some (an AMD EPYC with AVX-512 under a hypervisor, libtorch 2.10) oneDNN
/// computes the gradient in the input wrongly for several images and output channels that are no multiple of 16, as the last
/// layers of UNet and VAE have them, silently: a run goes on and learns next to nothing. So small convolutions are compared with
/// the same in fp64, which oneDNN does not compute, and where they differ oneDNN is switched off in this process: ATen's own
/// convolutions are right. Where they agree nothing changes, not a bit.
/// </summary>
public static class ConvolutionCheck
{
    private const double Tolerance = 1e-3;

    /// <summary>VAE's and UNet's last layers, an odd number, and a number that is well.</summary>
    private static readonly int[] OutputChannels = [3, 4, 12, 16];

    private static readonly Lazy<bool> Checked = new(Run);

    /// <summary>Checks once a process. False where oneDNN had to be switched off.</summary>
    /// <exception cref="ModelFileException">Convolutions are wrong without it, too.</exception>
    public static bool UsesOneDnn => Checked.Value;

    private static bool Run()
    {
        if (Error() < Tolerance)
        {
            return true;
        }
        SwitchOff("_ZN2at7Context20setUserEnabledMkldnnEb");
        // Asked next, and on such a processor it only complains on standard error.
        SwitchOff("_ZN2at7Context20setUserEnabledNNPACKEb");
        return Error() < Tolerance
            ? false
            : throw new ModelFileException(
                "libtorch's convolutions are wrong on this processor, with oneDNN and without; use another libtorch");
    }

    /// <summary>Largest relative difference of output and gradients between fp32 and fp64.</summary>
    private static double Error()
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        return OutputChannels.SelectMany(channels => Compute(channels, ScalarType.Float32)
            .Zip(Compute(channels, ScalarType.Float64)))
            .Select(pair => ((pair.First.to(ScalarType.Float64) - pair.Second).abs().max() / pair.Second.abs().max())
                .item<double>())
            .Max(e => double.IsNaN(e) ? double.PositiveInfinity : e);
    }

    private static Tensor[] Compute(int channels, ScalarType dtype)
    {
        var x = Wave([2, 8, 10, 10], dtype).requires_grad_();
        var weight = Wave([channels, 8, 3, 3], dtype).requires_grad_();
        var y = nn.functional.conv2d(x, weight, padding: [1, 1]);
        y.backward([Wave(y.shape, dtype)]);
        return [y.detach(), x.grad!, weight.grad!];
    }

    private static Tensor Wave(long[] shape, ScalarType dtype) =>
        arange(shape.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float64).mul(1.7).sin().view(shape).to(dtype);

    /// <summary>A setter of at::Context, by its mangled name: TorchSharp has no word for these.</summary>
    private static unsafe void SwitchOff(string setter)
    {
        // Another libtorch may lack it; whether convolutions are right then is asked again.
        if (NativeLibrary.TryLoad("libtorch_cpu.so", out var torch)
            && NativeLibrary.TryGetExport(torch, "_ZN2at13globalContextEv", out var context)
            && NativeLibrary.TryGetExport(torch, setter, out var set))
        {
            ((delegate* unmanaged<nint, byte, void>)set)(((delegate* unmanaged<nint>)context)(), 0);
        }
    }
}
