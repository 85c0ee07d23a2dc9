using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Benchmarks.FullSize;

/// <summary>
/// A diffusers folder of Stable Diffusion 1.5 at full size: the published configurations and key lists, random fp32 weights.
/// </summary>
internal static class RandomModelWriter
{
    public static void Write(string folder)
    {
        manual_seed(15);
        foreach (var (part, file) in new[] { ("unet", "unet/config.json"), ("vae", "vae/config.json"),
            ("text_encoder", "text_encoder/config.json"), ("scheduler", "scheduler/scheduler_config.json") })
        {
            Directory.CreateDirectory(Path.Combine(folder, part));
            File.Copy(Project.Path("tests", "fixtures", "published", "sd15", part + ".json"), Path.Combine(folder, file),
                overwrite: true);
        }
        File.WriteAllText(Path.Combine(folder, "model_index.json"), """{"_class_name": "StableDiffusionPipeline"}""");
        Tokenizer(Path.Combine(folder, "tokenizer"));
        Weights(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"),
            Parts.Blueprint(() => new UNet2DConditionModel(UNetConfig.Load(Path.Combine(folder, "unet", "config.json")))));
        Weights(Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors"),
            Parts.Blueprint(() => new AutoencoderKL(VaeConfig.Load(Path.Combine(folder, "vae", "config.json")))));
        Weights(Path.Combine(folder, "text_encoder", "model.safetensors"),
            Parts.Blueprint(() => new ClipTextModel(ClipTextConfig.Load(Path.Combine(folder, "text_encoder", "config.json")))));
    }

    /// <summary>The shipped model's small vocabulary, at CLIP's length of 77.</summary>
    private static void Tokenizer(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var name in new[] { "vocab.json", "merges.txt" })
        {
            File.Copy(Project.Path("models", "emoji-diffusion", "tokenizer", name), Path.Combine(folder, name), overwrite: true);
        }
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"model_max_length": 77}""");
    }

    /// <summary>Streams a safetensors file, one random tensor in memory at a time.</summary>
    private static void Weights(string path, nn.Module blueprint)
    {
        var parameters = blueprint.named_parameters().Select(p => (Name: p.name, Shape: p.parameter.shape))
            .OrderBy(p => p.Name, StringComparer.Ordinal).ToList();
        var header = new Dictionary<string, object>();
        var offset = 0L;
        foreach (var (name, shape) in parameters)
        {
            var bytes = shape.Aggregate(4L, (a, b) => a * b);
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { offset, offset + bytes } };
            offset += bytes;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach (var (name, shape) in parameters)
        {
            using var scope = NewDisposeScope();
            var fanIn = shape.Skip(1).Aggregate(1L, (a, b) => a * b);
            // Scaled so that activations keep their size; norms as they begin.
            var values = shape.Length > 1 ? randn(shape) / Math.Sqrt(fanIn)
                : name.Contains("norm", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal)
                    ? ones(shape) : zeros(shape);
            stream.Write(MemoryMarshal.AsBytes(values.to(ScalarType.Float32).contiguous().data<float>().ToArray().AsSpan()));
        }
    }
}
