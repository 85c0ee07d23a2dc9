namespace AlignProp.Adapters.Inspection;

/// <summary>What a file or folder is, and what it lacks.</summary>
/// <param name="Path">What was looked at.</param>
/// <param name="Kind">What it is, in a few words.</param>
/// <param name="Parts">The networks in it.</param>
/// <param name="Facts">What else decides how it is used, by name.</param>
/// <param name="Problems">What is missing or does not fit, one line each; empty if nothing.</param>
/// <param name="Metadata">The <c>__metadata__</c> of a safetensors file.</param>
public sealed record Inspection(
    string Path,
    string Kind,
    IReadOnlyList<InspectedPart> Parts,
    IReadOnlyList<KeyValuePair<string, string>> Facts,
    IReadOnlyList<string> Problems,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>One network: a folder of a pipeline, or some keys of a file.</summary>
/// <param name="Name">Folder, or prefix of the keys.</param>
/// <param name="What">Which network.</param>
/// <param name="Files">Names of the files it lies in.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Parameters">Floating-point numbers in them.</param>
/// <param name="Bytes">Bytes of all tensors.</param>
/// <param name="DTypes">Tensors by element type, as a safetensors header spells it.</param>
/// <param name="Published">The published network that has exactly as many parameters, if one is known.</param>
public sealed record InspectedPart(
    string Name,
    string What,
    IReadOnlyList<string> Files,
    int Tensors,
    long Parameters,
    long Bytes,
    IReadOnlyDictionary<string, int> DTypes,
    string? Published)
{
    internal static InspectedPart Of(string name, PartKind kind, string what, IEnumerable<string> files,
        IReadOnlyCollection<TensorInfo> tensors)
    {
        var parameters = tensors.Where(t => t.DType.IsFloatingPoint()).Sum(t => t.Count);
        return new InspectedPart(name, what, [.. files.Select(f => System.IO.Path.GetFileName(f))], tensors.Count, parameters,
            tensors.Sum(t => t.ByteCount),
            tensors.GroupBy(t => t.DType.HeaderName()).OrderByDescending(g => g.Count()).ToDictionary(g => g.Key, g => g.Count()),
            PublishedSizes.Find(kind, parameters));
    }
}

/// <summary>Kinds of networks that are told apart.</summary>
internal enum PartKind
{
    UNet,
    Vae,
    TextEncoder,
    Clip,
    OwlViT,
    ImageReward,
    Head,
    Lora,
    Other,
}

/// <summary>
/// Parameters of published networks: from the published configurations (see docs/models.md and the tests of the full-size
/// structures).
/// </summary>
internal static class PublishedSizes
{
    private static readonly (PartKind Kind, long Parameters, string Name)[] Known =
    [
        (PartKind.UNet, 859_520_964, "SD 1.x UNet"),
        (PartKind.UNet, 859_535_364, "SD 1.5 inpainting UNet"),
        (PartKind.UNet, 865_910_724, "SD 2.x UNet"),
        (PartKind.UNet, 865_925_124, "SD 2 inpainting UNet"),
        (PartKind.UNet, 2_567_463_684, "SDXL base UNet"),
        (PartKind.Vae, 83_653_863, "SD VAE (1, 2, XL)"),
        (PartKind.TextEncoder, 123_060_480, "CLIP ViT-L/14 text tower"),
        (PartKind.TextEncoder, 340_387_840, "OpenCLIP ViT-H/14 text tower, 23 layers (SD 2)"),
        (PartKind.TextEncoder, 354_032_641, "OpenCLIP ViT-H/14 text tower, 24 layers (SD 2)"),
        (PartKind.TextEncoder, 694_659_840, "OpenCLIP ViT-bigG/14 text tower (SDXL)"),
        (PartKind.TextEncoder, 694_659_841, "OpenCLIP ViT-bigG/14 text tower (SDXL)"),
        (PartKind.Clip, 427_616_513, "CLIP ViT-L/14"),
        (PartKind.Clip, 986_109_441, "OpenCLIP ViT-H/14 (HPS v2, PickScore)"),
        (PartKind.Head, 927_969, "LAION aesthetic head v2"),
    ];

    internal static string? Find(PartKind kind, long parameters) =>
        Known.FirstOrDefault(k => k.Kind == kind && k.Parameters == parameters).Name;
}
