using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Lora;
using AlignProp.Models.Training;
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
        // A run of half precision is looked at on a machine without a GPU in fp32.
        var model = device.type == DeviceType.CUDA ? config.Model : config.Model with { Precision = "fp32" };
        using var host = ModelHost.Load(model, device, measures: [.. request.Rewards.Select(r => r.Term)]);
        var pictures = Enumerable.Range(0, request.Variants.Count).SelectMany(variant => Draw(request, config, variant, host))
            .ToList();
        PictureRequest.Write(PictureRequest.ResultFile(request.Folder), new PictureResult(pictures));
    }

    private static List<Picture> Draw(PictureRequest request, RunConfig config, int index, ModelHost host)
    {
        var variant = request.Variants[index];
        using var adapter = variant.Adapter is null ? null
            : AdapterAttachment.Attach(host.Model.Denoiser, variant.Adapter, variant.Scale);
        if (adapter?.Note is { } note)
        {
            Console.Error.WriteLine(note);
        }
        var pictures = new List<Picture>();
        foreach (var chunk in request.Items.Select((sample, item) => (Sample: sample, Item: item)).Chunk(config.Batch.ShardSize))
        {
            using var scope = NewDisposeScope();
            var x0 = AdapterWindow.Sample(new SampleBatch(host.Model, config.Sampling, [.. chunk.Select(c => c.Sample)]),
                adapter?.Branches, variant.IsActive);
            for (var i = 0; i < chunk.Length; i++)
            {
                using var one = NewDisposeScope();
                var image = host.Model.Codec.Decode(x0.narrow(0, i, 1));
                var prompt = chunk[i].Sample.Prompt;
                var file = $"{index:D2}-{chunk[i].Item:D4}.png";
                Save(Path.Combine(request.Folder, file), ImageBytes.Rgb(image), (int)image.shape[3], (int)image.shape[2]);
                pictures.Add(new Picture(index, chunk[i].Item, file,
                    [.. host.Measures.Select(r => r.Score(image, [prompt]).to(ScalarType.Float32).item<float>())],
                    host.Measures.Count == 0 ? [] : host.Measures[0].Features(image).flatten().cpu().data<float>().ToArray()));
            }
        }
        return pictures;
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
}
