using System.Diagnostics;
using System.Text.Json;
using AlignProp.Messages;
using static TorchSharp.torch;

namespace AlignProp.GpuNode;

/// <summary>
/// What <c>alignprop doctor</c> cannot see itself: whether libtorch loads, what it finds, and how fast one core multiplies.
/// </summary>
public static class MachineCheck
{
    private const int Size = 512;
    private const int Rounds = 10;

    public static void Write(TextWriter output)
    {
        using var scope = NewDisposeScope();
        var a = rand(Size, Size);
        a.matmul(a);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Rounds; i++)
        {
            a.matmul(a);
        }
        var gflops = 2.0 * Size * Size * Size * Rounds / watch.Elapsed.TotalSeconds / 1e9;
        var gpus = cuda.is_available() ? cuda.device_count() : 0;
        output.WriteLine(JsonSerializer.Serialize(
            new NodeMachine(__version__, gpus > 0, ["cpu", .. Enumerable.Range(0, gpus).Select(i => $"cuda:{i}")],
                Math.Round(gflops, 1)), JsonSerializerOptions.Web));
    }
}
