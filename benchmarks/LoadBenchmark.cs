using System.Diagnostics;
using System.Security.Cryptography;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tests.Weights;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using static TorchSharp.torch;

namespace AlignProp.Benchmarks;

/// <summary>
/// Peak memory (VmHWM) of loading Stable Diffusion 1.5's UNet, 859,520,964 parameters of random bytes, from each kind of file;
/// each load in a process of its own. The files lie in the system's temporary folder (up to 3.5 GB at a time) and are deleted.
/// </summary>
internal static class LoadBenchmark
{
    public static async Task<int> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("alignprop-load-").FullName;
        try
        {
            Console.WriteLine(
                "| file | bytes | loaded as | seconds | runtime before, MB | peak, MB | peak - before / weights in memory "
                + "|\n|---|---|---|---|---|---|---|");
            foreach (var (name, dtype) in new[] { ("unet.safetensors", DType.F32), ("unet.bin", DType.F32),
                ("unet.fp16.safetensors", DType.F16), ("unet.fp16.bin", DType.F16) })
            {
                var path = Path.Combine(folder, name);
                Write(path, dtype);
                foreach (var target in dtype == DType.F32 ? new[] { "Float32" } : ["Float16", "Float32"])
                {
                    using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!,
                        ["load-of", path, target])
                    { RedirectStandardOutput = true })!;
                    Console.Write(await child.StandardOutput.ReadToEndAsync());
                    await child.WaitForExitAsync();
                }
                File.Delete(path);
            }
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Loads one file and prints a line of the table.</summary>
    public static void LoadOf(string path, string target)
    {
        var dtype = Enum.Parse<ScalarType>(target);
        using var warm = zeros(1); // libtorch itself
        var before = Status("VmRSS");
        var clock = Stopwatch.StartNew();
        using var unet = Weights.Load(UNet(), path, device: CPU, dtype: dtype);
        var seconds = clock.Elapsed.TotalSeconds;
        var weights = unet.parameters().Sum(p => p.numel() * p.element_size());
        var peak = Status("VmHWM");
        Console.WriteLine(
            $"| {Path.GetFileName(path)} | {new FileInfo(path).Length:N0} | {target} | {seconds:F1} | {before >> 20} | "
            + $"{peak >> 20} | {(peak - before) / (double)weights:F3} |");
    }

    private static UNet2DConditionModel UNet() =>
        Parts.Blueprint(() => new UNet2DConditionModel(new UNetConfig { CrossAttentionDim = [768, 768, 768, 768] }));

    /// <summary>The UNet's keys and shapes over one block of random bytes.</summary>
    private static void Write(string path, DType dtype)
    {
        using var unet = UNet();
        var shapes = unet.named_parameters().Select(p => (p.name, p.parameter.shape)).ToList();
        var random = RandomNumberGenerator.GetBytes((int)shapes.Max(s => s.shape.Aggregate(1L, (a, b) => a * b)) * dtype.Size());
        ReadOnlyMemory<byte> Bytes(long[] shape) => random.AsMemory(0, (int)shape.Aggregate(1L, (a, b) => a * b) * dtype.Size());
        if (path.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            SafetensorsWriter.Write(path, shapes.Select(s => new TensorData(s.name, dtype, s.shape, Bytes(s.shape))),
                new Dictionary<string, string> { ["format"] = "pt" });
            return;
        }
        using var stream = File.Create(path);
        using var writer = new TorchWriter(stream);
        var pickle = new PickleBuilder().OrderedDict().Op('(');
        foreach (var ((name, shape), index) in shapes.Select((s, i) => (s, i)))
        {
            pickle.Text(name)
                .Tensor(dtype == DType.F16 ? "HalfStorage" : "FloatStorage", $"{index}", Bytes(shape).Length / dtype.Size(), 0,
                shape, TorchWriter.Contiguous(shape));
        }
        writer.Add("data.pkl", pickle.Op('u').Stop());
        foreach (var ((_, shape), index) in shapes.Select((s, i) => (s, i)))
        {
            writer.Add($"data/{index}", Bytes(shape).Length, s => s.Write(Bytes(shape).Span));
        }
        writer.Add("version", "3\n"u8.ToArray());
    }

    private static long Status(string key) =>
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(key + ":", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1]) << 10;
}
