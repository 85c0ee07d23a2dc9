using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models;
using AlignProp.Models.Alignment;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Rewards;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode;

/// <summary>Pictures on request: every prompt and seed with every adapter, scored by any rewards. Without gradient.</summary>
public static class PicturesCommand
{
    public static void Run(string path)
    {
        var request = PictureRequest.Read<PictureRequest>(path);
        var config = RunFile.Parse(path, request.RunFile);
        set_num_threads(request.Threads > 0 ? request.Threads : Environment.ProcessorCount);
        using var noGrad = no_grad();
        var device = new Device(cuda.is_available() ? "cuda" : "cpu");
        var dtype = DTypeOf(config.Model.Precision, device);
        var rewards = request.Rewards.Select(r => RewardRegistry.Load(new RewardSpec(r.Term.Name, r.Term.Path, r.Term.Words, r.Term.Quality), device, dtype)).ToList();
        var pictures = new List<Picture>();
        StableDiffusion? model = null;
        for (var variant = 0; variant < request.Variants.Count; variant++)
        {
            model ??= StableDiffusion.Load(config.Model.Path, device, dtype,
                new SingleFileOptions(config.Model.Tokenizer, config.Model.Prediction == "auto" ? "" : config.Model.Prediction));
            pictures.AddRange(Draw(request, config, variant, model, device, rewards, out var changed));
            if (changed)
            {
                // The adapter went into the frozen weights: the next one begins with fresh ones.
                model.Dispose();
                model = null;
            }
        }
        model?.Dispose();
        rewards.ForEach(r => r.Dispose());
        PictureRequest.Write(PictureRequest.ResultFile(request.Folder), new PictureResult(pictures));
    }

    private static List<Picture> Draw(PictureRequest request, RunConfig config, int index, StableDiffusion model, Device device, List<IReward> rewards, out bool changed)
    {
        var variant = request.Variants[index];
        using var adapter = variant.Adapter is null ? null : AdapterAttachment.Attach(model, variant.Adapter, variant.Scale);
        changed = adapter?.Merged.Count > 0;
        if (changed && !variant.Always)
        {
            throw new ModelFileException($"{variant.Label}: adapts {adapter!.Merged[0]}, which is no attention projection and cannot be switched by timestep; leave --lora-from and --lora-to away");
        }
        if (adapter?.Note is { } note)
        {
            Console.Error.WriteLine(note);
        }
        var pictures = new List<Picture>();
        foreach (var chunk in request.Items.Select((sample, item) => (Sample: sample, Item: item)).Chunk(config.Batch.ShardSize))
        {
            using var scope = NewDisposeScope();
            var x0 = Sample(config.Sampling, variant, model, adapter, [.. chunk.Select(c => c.Sample)], device);
            for (var i = 0; i < chunk.Length; i++)
            {
                using var one = NewDisposeScope();
                var image = model.Decode(x0.narrow(0, i, 1));
                var prompt = chunk[i].Sample.Prompt;
                var file = $"{index:D2}-{chunk[i].Item:D4}.png";
                Save(Path.Combine(request.Folder, file), ImageBytes.Rgb(image), (int)image.shape[3], (int)image.shape[2]);
                pictures.Add(new Picture(index, chunk[i].Item, file, [.. rewards.Select(r => r.Score(image, [prompt]).to(ScalarType.Float32).item<float>())],
                    rewards.Count == 0 ? [] : rewards[0].Features(image).flatten().cpu().data<float>().ToArray()));
            }
        }
        return pictures;
    }

    /// <summary>x_0 of a batch; the adapter is on where the variant wants it.</summary>
    private static Tensor Sample(SamplingConfig sampling, PictureVariant variant, StableDiffusion model, AdapterAttachment? adapter, List<ShardSample> samples, Device device)
    {
        var shape = model.LatentShape(sampling.Height, sampling.Width);
        var variance = sampling.Eta > 0 ? SampleNoise.Variance(samples.Select(s => s.VarianceSeed).ToList(), sampling.Steps, shape, device) : null;
        var chain = new DenoisingChain(model.UNet, model.Scheduler,
            model.EncodeNegative(sampling.NegativePrompt, samples.Count, sampling.Height, sampling.Width),
            model.EncodePrompts(samples.Select(s => s.Prompt).ToList(), sampling.Height, sampling.Width),
            sampling.Steps, sampling.GuidanceScale, sampling.Eta, variance);
        var x = SampleNoise.Initial(samples.Select(s => s.NoiseSeed).ToList(), shape, device);
        for (var i = 0; i < chain.Length; i++)
        {
            adapter?.Branches?.SetActive(variant.IsActive(chain.Timestep(i)));
            x = chain.Step(i, x);
        }
        return x;
    }

    private static void Save(string path, byte[] rgb, int width, int height)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var i = 0; i < width * height; i++)
        {
            bitmap.SetPixel(i % width, i / width, new SKColor(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]));
        }
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        DurableFile.Replace(path, png.SaveTo);
    }

    private static ScalarType DTypeOf(string precision, Device device) => (precision, device.type) switch
    {
        ("bf16", DeviceType.CUDA) => ScalarType.BFloat16,
        ("fp16", DeviceType.CUDA) => ScalarType.Float16,
        // A run of half precision is looked at on a machine without a GPU in fp32.
        _ => ScalarType.Float32,
    };
}
