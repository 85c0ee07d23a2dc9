using AlignProp.Pretraining.Codec;

namespace AlignProp.Pretraining.Commands;

/// <summary>
/// <c>jpeg-head --clip FOLDER --pictures FOLDER --out FOLDER [--size 512] [--quality 90] [--steps 1500]</c>: trains a jpeg-size
/// reward on the real
/// JPEG sizes of a folder of pictures.
/// </summary>
public static class JpegHeadCommand
{
    /// <summary>Runs the command.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var options = new CommandOptions(arguments, "clip", "pictures", "out", "size", "quality", "steps");
        var target = options.Required("out");
        var (trained, rSquared) = JpegHead.Train(options.Required("clip"), options.Required("pictures"), target,
            options.Get("size", 512), options.Get("quality", 90), options.Get("steps", 1500));
        Console.WriteLine(
            $"{target}: trained on {trained} pictures, R2 {rSquared:F2} on the others; use it with reward {{ name = jpeg-size, "
            + $"path = \"{target}\", sign = -1 }}");
        return Task.FromResult(0);
    }
}
