using AlignProp.Adapters.Configurations;
using AlignProp.Models;
using AlignProp.Models.Guidance;
using AlignProp.Models.Samplers;
using AlignProp.Models.Training;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>Contact sheets to look at.</summary>
public static class Sheets
{
    private const int Steps = 20;

    public static IReadOnlyList<string> DefaultPrompts { get; } =
    [
        "a cat", "a dog", "a horse", "a lion", "a frog", "a fish", "a duck", "a pig",
        "a 3d render of a fox", "a flat icon of a bee", "a cartoon of a panda", "a sticker of a whale",
        "a line drawing of a rabbit", "a 3d render of a strawberry", "an owl on a blue background", "a rocket",
    ];

    /// <summary>Two seeds of every prompt with guidance, side by side.</summary>
    public static void Samples(Workspace work, TextToLatent model, double scalingFactor, string path,
        IReadOnlyList<string>? prompts = null, double guidance = 3)
    {
        var vae = VaeStage.Load(work);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var twice = (prompts ?? DefaultPrompts).SelectMany(p => new[] { p, p }).ToArray();
        var sampler = new DdimSampler(SchedulerConfig.StableDiffusion);
        var predictor = new ClassifierFree()
            .Prepare(model.UNet, Encode(twice), Encode(twice.Select(_ => "").ToArray()), guidance);
        using var generator = new Generator(7);
        var chain = new DenoisingChain(sampler, sampler.Schedule(Steps, 0, [4, 8, 8]), predictor);
        var x = chain.Sample(randn([twice.Length, 4, 8, 8], generator: generator))[^1];
        var images = vae.Decode(x / (float)scalingFactor).clamp(-1, 1);
        Write(path, 32, 8,
            Enumerable.Range(0, twice.Length).Select(i => images[i].flatten().data<float>().ToArray()).ToList(), 4);

        Conditioning Encode(string[] texts) => new(model.Text.Encode(work.Tokens(texts)).LastHidden);
    }

    /// <param name="images">[3, size, size] each, in [-1, 1].</param>
    public static void Write(string path, int size, int columns, IReadOnlyList<float[]> images, int zoom)
    {
        var rows = (images.Count + columns - 1) / columns;
        using var bitmap = new SKBitmap(columns * size * zoom, rows * size * zoom);
        for (var i = 0; i < images.Count; i++)
        {
            for (var y = 0; y < size * zoom; y++)
            {
                for (var x = 0; x < size * zoom; x++)
                {
                    byte Channel(int c) =>
                        (byte)Math.Clamp((images[i][(c * size + y / zoom) * size + x / zoom] + 1) * 127.5f, 0, 255);
                    bitmap.SetPixel(i % columns * size * zoom + x, i / columns * size * zoom + y,
                        new SKColor(Channel(0), Channel(1), Channel(2)));
                }
            }
        }
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        using var file = File.Create(path);
        png.SaveTo(file);
    }
}
