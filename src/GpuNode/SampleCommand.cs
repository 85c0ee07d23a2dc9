using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Models;
using AlignProp.Models.Alignment;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Lora;
using SkiaSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode;

/// <summary>Pictures of one prompt in a row, with or without an adapter, as a PNG.</summary>
public static class SampleCommand
{
    public static void Run(NodeOptions options)
    {
        var (steps, guidance, count) = ((int)options.Number("steps", 20), options.Number("guidance", 3), (int)options.Number("count", 1));
        var (seed, path, prompt) = ((ulong)options.Number("seed", 0), options.Get("out", "sample.png"), options.Required("prompt"));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var device = new Device(cuda.is_available() ? "cuda" : "cpu");
        using var model = StableDiffusion.Load(options.Required("model"), device, options: new SingleFileOptions(options.Get("tokenizer", "")));
        using var lora = options.Get("adapter", "") is { Length: > 0 } adapter ? AdapterAttachment.Attach(model, adapter) : null;
        if (lora?.Note is { } note)
        {
            Console.Error.WriteLine(note);
        }
        var prompts = Enumerable.Repeat(prompt, count).ToList();
        var noise = SampleNoise.Initial(Enumerable.Range(0, count).Select(i => Seeds.Derive(seed, 0, i, Seeds.Noise)).ToList(), model.LatentShape(0, 0), device);
        var chain = new DenoisingChain(model.UNet, model.Scheduler, model.EncodeNegative(options.Get("negative", ""), count),
            model.EncodePrompts(prompts), steps, guidance, 0);
        var x0 = AlignmentStep.Sample(chain, noise)[^1];
        var images = Enumerable.Range(0, count).Select(i => model.Decode(x0.narrow(0, i, 1))).ToList();
        var (height, width) = ((int)images[0].shape[2], (int)images[0].shape[3]);
        Write(path, images.Select(ImageBytes.Rgb).ToList(), height, width);
        Console.WriteLine(path);
    }

    private static void Write(string path, IReadOnlyList<byte[]> images, int height, int width)
    {
        // Small models' pictures are enlarged without smoothing, so that one sees what was made.
        var zoom = Math.Max(1, 256 / width);
        using var bitmap = new SKBitmap(images.Count * width * zoom, height * zoom, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var i = 0; i < images.Count; i++)
        {
            for (var y = 0; y < height * zoom; y++)
            {
                for (var x = 0; x < width * zoom; x++)
                {
                    var at = 3 * (y / zoom * width + x / zoom);
                    bitmap.SetPixel(i * width * zoom + x, y, new SKColor(images[i][at], images[i][at + 1], images[i][at + 2]));
                }
            }
        }
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        DurableFile.Replace(path, png.SaveTo);
    }
}
