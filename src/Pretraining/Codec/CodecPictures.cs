using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Codec;

/// <summary>
/// Pictures to compare the codec model with a real encoder on: the shipped model's samples, and textures of every roughness.
/// </summary>
public static class CodecPictures
{
    // The contact sheets in docs/pictures show every 32 x 32 sample four times as large.
    private const int Zoom = 4;
    private const int Sample = 32;

    /// <param name="sheets">Folder with the sheets model-*.png.</param>
    /// <param name="seed">Another seed makes other textures and takes other samples.</param>
    /// <returns>Kind and picture [1, 3, H, W] in [-1, 1]; the caller's scope owns them.</returns>
    public static IReadOnlyList<(string Kind, Tensor Image)> Make(string sheets, int seed)
    {
        manual_seed(seed);
        var pictures = new List<(string, Tensor)>();
        foreach (var path in Directory.EnumerateFiles(sheets, "model-*.png").Order(StringComparer.Ordinal))
        {
            var sheet = Load(path);
            var (rows, columns) = (sheet.shape[2] / (Sample * Zoom), sheet.shape[3] / (Sample * Zoom));
            for (var tile = seed % 2; tile < rows * columns; tile += 2)
            {
                var large = sheet.narrow(2, tile / columns * Sample * Zoom, Sample * Zoom)
                    .narrow(3, tile % columns * Sample * Zoom, Sample * Zoom);
                var small = large[.., .., TensorIndex.Slice(null, null, Zoom), TensorIndex.Slice(null, null, Zoom)];
                pictures.Add(("samples", small.contiguous()));
                pictures.Add(("smoothly enlarged samples",
                    nn.functional.interpolate(small, [128, 128], mode: InterpolationMode.Bicubic, align_corners: false)
                    .clamp(-1, 1)));
            }
        }
        foreach (var size in new[] { 64, 128, 256 })
        {
            foreach (var slope in new[] { 0.0, 0.5, 1.0, 1.5, 2.0 })
            {
                pictures.Add(("textures", Texture(size, slope, 0.35f)));
                pictures.Add(("textures", Texture(size, slope, 0.1f)));
            }
            pictures.Add(("discs", Discs(size, 4)));
            pictures.Add(("discs", Discs(size, 12)));
        }
        return pictures;
    }

    /// <summary>The PNG files of a folder, [1, 3, H, W] in [-1, 1] each.</summary>
    public static IReadOnlyList<Tensor> LoadFolder(string folder) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*.png").Order(StringComparer.Ordinal).Select(Load)]
        : throw new ArgumentException($"{folder}: folder not found; expected one with PNG files");

    /// <summary>Octaves of coloured noise, each 2^slope as strong as the next finer one.</summary>
    private static Tensor Texture(int size, double slope, float contrast)
    {
        using var scope = NewDisposeScope();
        var sum = zeros(1, 3, size, size);
        var octave = 0;
        for (var cells = size; cells >= 4; cells /= 2, octave++)
        {
            // Mostly grey, as pictures are.
            var noise = randn(1, 1, cells, cells) + 0.4f * randn(1, 3, cells, cells);
            sum += nn.functional.interpolate(noise, [size, size], mode: InterpolationMode.Bicubic,
                align_corners: false) * (float)Math.Pow(2, slope * octave);
        }
        return (sum / sum.std() * contrast).clamp(-1, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Flat discs on a slow gradient: drawings.</summary>
    private static Tensor Discs(int size, int count)
    {
        using var scope = NewDisposeScope();
        var ramp = linspace(-0.7, 0.7, size);
        var image = (ramp.view(1, 1, 1, size) * (rand(1, 3, 1, 1) - 0.5f) + ramp.view(1, 1, size, 1) * (rand(1, 3, 1, 1) - 0.5f))
            .to(ScalarType.Float32);
        var (x, y) = (arange(size).view(1, 1, 1, size), arange(size).view(1, 1, size, 1));
        for (var i = 0; i < count; i++)
        {
            var (cx, cy, r) = (rand(1).item<float>() * size, rand(1).item<float>() * size,
                (0.05f + 0.2f * rand(1).item<float>()) * size);
            var inside = ((x - cx).square() + (y - cy).square()).lt(r * r);
            image = where(inside, rand(1, 3, 1, 1) * 2 - 1, image);
        }
        return image.clamp(-1, 1).MoveToOuterDisposeScope();
    }

    private static Tensor Load(string path)
    {
        using var bitmap = SKBitmap.Decode(path) ?? throw new ArgumentException($"{path}: not a picture");
        using var rgba = bitmap.Copy(SKColorType.Rgba8888);
        using var scope = NewDisposeScope();
        var bytes = tensor(rgba.GetPixelSpan().ToArray(), [rgba.Height, rgba.Width, 4]);
        return (bytes.narrow(2, 0, 3).permute(2, 0, 1).to(ScalarType.Float32) / 127.5f - 1f).unsqueeze(0).contiguous()
            .MoveToOuterDisposeScope();
    }
}
