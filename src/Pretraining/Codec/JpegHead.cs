using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Models.Files;
using AlignProp.Models.Rewards;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Codec;

/// <summary>
/// The paper's compressibility reward: a small regressor from a CLIP model's image features to the size of the picture as a JPEG,
/// trained on the sizes a real encoder gives the pictures of a folder.
/// </summary>
public static class JpegHead
{
    private const int Hidden = 64;
    private const int Batch = 128;
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".webp"];

    /// <summary>Trains and writes a reward folder (config.json, head.safetensors).</summary>
    /// <param name="clip">Folder of the image-text model.</param>
    /// <param name="pictures">Folder of pictures; every fifth is held out.</param>
    /// <param name="size">Pixels: pictures are scaled to squares of this size, that of the model to be aligned.</param>
    /// <returns>Pictures trained on, and R2 on the held-out ones.</returns>
    /// <exception cref="ArgumentException">Fewer than 20 pictures.</exception>
    public static (int Trained, double RSquared) Train(string clip, string pictures, string target, int size, int quality,
        int steps)
    {
        manual_seed(6);
        var (features, kilobytes) = Collect(clip, pictures, size, quality);
        var held = Enumerable.Range(0, kilobytes.Length).Where(i => i % 5 == 0).ToArray();
        var trained = Enumerable.Range(0, kilobytes.Length).Where(i => i % 5 != 0).ToArray();
        var (mean, std) = (trained.Average(i => kilobytes[i]),
            (float)Math.Sqrt(trained.Average(i => Math.Pow(kilobytes[i] - trained.Average(j => kilobytes[j]), 2))));

        using var scope = NewDisposeScope();
        var head = new RewardHead(features[0].Length, [Hidden]);
        var optimizer = optim.AdamW(head.parameters(), 2e-3, weight_decay: 0.01);
        var random = new Random(11);
        for (var step = 0; step < steps; step++)
        {
            using var inner = NewDisposeScope();
            var batch = Enumerable.Range(0, Math.Min(Batch, trained.Length)).Select(_ => trained[random.Next(trained.Length)])
                .ToArray();
            optimizer.zero_grad();
            nn.functional.mse_loss(head.forward(Stack(features, batch)),
                tensor(batch.Select(i => (kilobytes[i] - mean) / std).ToArray())).backward();
            optimizer.step();
        }
        Rescale(head, std, mean);
        using var noGrad = no_grad();
        var scores = head.forward(Stack(features, held)).data<float>().ToArray();
        var average = held.Average(i => kilobytes[i]);
        Write(head, clip, target);
        return (trained.Length,
            1 - held.Select((i, n) => Math.Pow(kilobytes[i] - scores[n], 2))
            .Sum() / held.Sum(i => Math.Pow(kilobytes[i] - average, 2)));
    }

    private static (float[][] Features, float[] Kilobytes) Collect(string clip, string pictures, int size, int quality)
    {
        using var embedder = ClipEmbedder.Load(clip, CPU, ScalarType.Float32, antialias: true);
        using var noGrad = no_grad();
        var (features, kilobytes) = (new List<float[]>(), new List<float>());
        foreach (var path in Directory.EnumerateFiles(pictures)
            .Where(p => Extensions.Contains(Path.GetExtension(p).ToLowerInvariant())).Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            var image = Load(path, size);
            features.Add(embedder.Images(image)[0].data<float>().ToArray());
            kilobytes.Add(RealJpeg.Bytes(image[0], quality) / 1024f);
        }
        return features.Count >= 20
            ? ([.. features], [.. kilobytes])
            : throw new ArgumentException(
                $"{pictures}: {features.Count} pictures (png, jpg, webp); expected 20 at least, better thousands of the kind the "
                + $"model draws");
    }

    private static Tensor Load(string path, int size)
    {
        using var bitmap = SKBitmap.Decode(path) ?? throw new ArgumentException($"{path}: not a picture");
        using var square = bitmap.Resize(new SKImageInfo(size, size, SKColorType.Rgba8888, SKAlphaType.Premul),
            new SKSamplingOptions(SKCubicResampler.Mitchell));
        using var scope = NewDisposeScope();
        var rgb = tensor(square.GetPixelSpan().ToArray(), [size, size, 4]).narrow(2, 0, 3).permute(2, 0, 1)
            .to(ScalarType.Float32);
        return (rgb / 127.5f - 1f).unsqueeze(0).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>It was trained on numbers of mean 0 and spread 1; its last layer takes it back to kilobytes.</summary>
    private static void Rescale(RewardHead head, float std, float mean)
    {
        using var noGrad = no_grad();
        var last = head.parameters().TakeLast(2).ToArray();
        last[0].mul_(std);
        last[1].mul_(std).add_(mean);
    }

    private static void Write(RewardHead head, string clip, string target)
    {
        Directory.CreateDirectory(target);
        Weights.Save(head, Path.Combine(target, "head.safetensors"), ScalarType.Float32);
        var config = new
        {
            kind = "jpeg-size",
            clip = Path.GetRelativePath(target, clip).Replace('\\', '/'),
            hidden = new[] { Hidden }
        };
        DurableFile.Replace(Path.Combine(target, "config.json"), stream => JsonSerializer.Serialize(stream, config));
    }

    private static Tensor Stack(float[][] features, int[] which) =>
        tensor(which.SelectMany(i => features[i]).ToArray(), [which.Length, features[0].Length]);
}
