namespace AlignProp.Adapters.Inspection;

/// <summary>
/// Looks at the numbers of every weight that a loader would read: a NaN or an infinity in one makes every picture black and every
/// reward NaN. What cannot be opened, or has no such weights, is left to those who say so.
/// </summary>
public static class FiniteFiles
{
    /// <summary>A buffer of minus infinities, which is computed, not read.</summary>
    private const string Mask = "attn_mask";

    private static readonly (string Folder, string Stem)[] Parts =
        [("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model"),
            ("text_encoder_2", "model")];

    /// <summary>What is not finite in a model, a reward with the image-text model it names, or one file.</summary>
    /// <param name="path">A pipeline's folder, a network's folder, or a file.</param>
    public static IEnumerable<WeightFileException> Problems(string path) => Files(path).SelectMany(OfFile);

    /// <exception cref="WeightFileException">Something is not finite; the message names the file and the key.</exception>
    public static void Require(string path)
    {
        if (Problems(path).FirstOrDefault() is { } problem)
        {
            throw problem;
        }
    }

    private static IEnumerable<string> Files(string path)
    {
        if (File.Exists(path))
        {
            return Path.GetFileName(path) == "model_index.json" ? Files(Path.GetDirectoryName(Path.GetFullPath(path))!) : [path];
        }

        if (!Directory.Exists(path))
        {
            return [];
        }

        if (File.Exists(Path.Combine(path, "model_index.json")))
        {
            return Parts.Select(p => WeightFiles.TryFind(Path.Combine(path, p.Folder), p.Stem)).OfType<string>();
        }

        var own = WeightFiles.OfFolder(path) is { } found ? [found]
            : Directory.EnumerateFiles(path).Where(f => WeightFiles.Extensions.Contains(Path.GetExtension(f)));
        var heads = Directory.EnumerateFiles(path)
            .Where(f => Path.GetFileName(f).Contains("linearMSE", StringComparison.Ordinal));
        return [.. own.Concat(heads).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
            .. RewardFingerprint.ClipFolder(path) is { } clip && clip != Path.GetFullPath(path) ? Files(clip) : []];
    }

    /// <summary>
    /// Of a single-file checkpoint its networks: schedule buffers may be infinite where the last step has no signal, and moving
    /// averages are not read.
    /// </summary>
    private static IEnumerable<TensorInfo> Read(IWeightFile file)
    {
        bool Begins(TensorInfo tensor, string prefix) => tensor.Name.StartsWith(prefix, StringComparison.Ordinal);
        var parts = KeyPatterns.SingleFile.Where(p => p.Kind != PartKind.Other).Select(p => p.Prefix).ToList();
        var single = file.Tensors.Values.Any(t => Begins(t, LdmNames.UNetPrefix));
        return file.Tensors.Values.Where(t => !t.Name.EndsWith(Mask, StringComparison.Ordinal)
            && (!single || parts.Any(p => Begins(t, p))));
    }

    private static List<WeightFileException> OfFile(string path)
    {
        try
        {
            using var file = WeightFiles.Open(path);
            return [.. FiniteCheck.Problems(file, Read(file))];
        }
        catch (WeightFileException)
        {
            return [];
        }
    }
}
