namespace AlignProp.Adapters;

/// <summary>
/// Opens weights whatever they lie in, and chooses among the variants a publisher puts beside each other.
/// <para>
/// The order, first found first taken: safetensors before pickles (<c>.bin</c>, <c>.pt</c>, <c>.pth</c>, <c>.ckpt</c>); within
/// those the plain name, then the half-precision variants <c>fp16</c> and <c>bf16</c> - or, when one of these precisions is asked
/// for, its variant first and the plain name next; within those the single file before the sharded index. <c>non_ema</c> variants
/// are never chosen.
/// </para>
/// </summary>
public static class WeightFiles
{
    /// <summary>
    /// Names that stand for the weights of a folder, without extension: diffusers, transformers, OpenCLIP, and LoRA folders.
    /// </summary>
    private static readonly string[] Stems =
        ["diffusion_pytorch_model", "model", "pytorch_model", "open_clip_model", "open_clip_pytorch_model",
            "pytorch_lora_weights", "adapter_model", "adapter", "head"];

    private static readonly string[] PickleExtensions = [".bin", ".pt", ".pth", ".ckpt"];

    /// <summary>Extensions of files that <see cref="Open"/> reads, with the dot.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".safetensors", .. PickleExtensions];

    /// <summary>
    /// Opens a safetensors file, a PyTorch zip file, a sharded index (<c>*.index.json</c>), or a folder that has one of these
    /// under a name known to diffusers, transformers or OpenCLIP. Formats are told by content, not by extension.
    /// </summary>
    /// <param name="path">File or folder.</param>
    /// <param name="prefer"><see cref="DType.F16"/> or <see cref="DType.BF16"/> to take that variant of a folder first.</param>
    /// <exception cref="WeightFileException">Malformed, refused, or no weights in the folder.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static IWeightFile Open(string path, DType? prefer = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Directory.Exists(path))
        {
            return IsIndex(path) ? ShardedWeights.Open(path) : OpenOne(path);
        }

        var found = OfFolder(path, prefer);
        return found is null
            ? throw new WeightFileException(path, null,
                $"no weights in this folder; expected for example {Stems[0]}.safetensors or {Stems[1]}.safetensors")
            : Open(found);
    }

    /// <summary>What <see cref="Open"/> opens of a folder; null where there are no weights of a known name.</summary>
    internal static string? OfFolder(string folder, DType? prefer = null) =>
        Stems.Select(stem => TryFind(folder, stem, prefer)).FirstOrDefault(f => f is not null);

    /// <summary>The file (or index) of a folder's weights; see the class for the order.</summary>
    /// <param name="folder">Folder to look in.</param>
    /// <param name="stem">
    /// The published name without extension: <c>diffusion_pytorch_model</c>; for <c>model</c>, <c>pytorch_model</c> is found as
    /// well.
    /// </param>
    /// <param name="prefer"><see cref="DType.F16"/> or <see cref="DType.BF16"/> to take that variant first.</param>
    /// <exception cref="WeightFileException">None is there.</exception>
    public static string Find(string folder, string stem, DType? prefer = null) => TryFind(folder, stem, prefer)
        ?? throw new WeightFileException(folder, null,
            $"no weights here; expected {stem}.safetensors (or {stem}.fp16.safetensors, {stem}.safetensors.index.json, "
            + $"{PickleStem(stem)}.bin)");

    /// <summary>Like <see cref="Find"/>; null where there is none.</summary>
    public static string? TryFind(string folder, string stem, DType? prefer = null) =>
        Candidates(stem, prefer).Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>All file names <see cref="Find"/> looks for, in order.</summary>
    public static IEnumerable<string> Candidates(string stem, DType? prefer = null)
    {
        string[] variants = prefer switch
        {
            DType.F16 => ["fp16", "", "bf16"],
            DType.BF16 => ["bf16", "", "fp16"],
            _ => ["", "fp16", "bf16"],
        };
        (string Stem, string Extension)[] kinds = [(stem, ".safetensors"),
            .. PickleExtensions.Select(e => (PickleStem(stem), e))];
        foreach (var (name, extension) in kinds)
        {
            foreach (var variant in variants)
            {
                yield return variant.Length == 0 ? name + extension : $"{name}.{variant}{extension}";
                yield return variant.Length == 0 ? $"{name}{extension}.index.json" : $"{name}{extension}.index.{variant}.json";
            }
        }
    }

    /// <summary>Whether a file name is that of a sharded index: <c>*.index.json</c>, or <c>*.index.VARIANT.json</c>.</summary>
    public static bool IsIndex(string path)
    {
        var name = Path.GetFileName(path);
        return name.EndsWith(".json", StringComparison.Ordinal) && name.Contains(".index.", StringComparison.Ordinal);
    }

    /// <summary>A file held in memory, told by content like one on disk; the bytes must not change while it is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="origin">What to call the bytes in error messages.</param>
    /// <exception cref="WeightFileException">Malformed or refused.</exception>
    public static IWeightFile Parse(ReadOnlyMemory<byte> bytes, string origin) => Over(new MappedBytes(origin, bytes));

    internal static IWeightFile OpenOne(string path) => Over(MappedBytes.Open(path));

    private static IWeightFile Over(MappedBytes bytes)
    {
        switch (FileSignature.Of(bytes))
        {
            case FileKind.Zip:
                return TorchFile.Over(bytes);
            case FileKind.Safetensors:
                return SafetensorsFile.Over(bytes);
            case var other:
                bytes.Dispose();
                throw new WeightFileException(bytes.Path, null, FileSignature.WhyNot(other));
        }
    }

    // transformers saves model.safetensors and pytorch_model.bin.
    private static string PickleStem(string stem) => stem == "model" ? "pytorch_model" : stem;
}
