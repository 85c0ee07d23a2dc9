namespace AlignProp.Adapters;

/// <summary>What a reward's path must hold.</summary>
public enum RewardFiles
{
    /// <summary>It has none: the path stays empty.</summary>
    None,

    /// <summary>A folder with config.json (or open_clip_config.json, med_config.json) and weights.</summary>
    Folder,

    /// <summary>One file.</summary>
    File,
}

/// <param name="Measures">What it measures, for people.</param>
/// <param name="Hacked">What a model learns that maximises it and nothing else.</param>
/// <param name="Words">It looks for the words of the run file.</param>
/// <param name="Prompt">It reads the prompt.</param>
/// <param name="HasGradient">In the picture; false: for methods that learn from the reward's value alone.</param>
public sealed record RewardEntry(string Name, RewardFiles Files, string Measures, string Hacked, bool Words = false,
    bool Prompt = false, bool HasGradient = true);

/// <summary>Every reward there is: one line each here, and one in AlignProp.Models' RewardRegistry, which loads it.</summary>
public static class RewardCatalog
{
    public static IReadOnlyList<RewardEntry> All { get; } =
    [
        new("aesthetic", RewardFiles.Folder,
            "how much people like a picture's look, about 1 to 10 (LAION's head on CLIP ViT-L/14)",
            "one glossy style for every prompt; the prompt is ignored"),
        new("hps", RewardFiles.Folder, "which of two pictures of a prompt people prefer (HPS v2 or v2.1, ViT-H/14), cosine",
            "stock-photo sharpness and saturated colours", Prompt: true),
        new("pickscore", RewardFiles.Folder, "which of two pictures of a prompt users picked (PickScore, ViT-H/14), logits",
            "centred close-ups, high contrast", Prompt: true),
        new("clip", RewardFiles.Folder, "how well a picture fits its prompt, cosine in percent (CLIP score)",
            "the prompt's words written or repeated in the picture; texture that only CLIP sees", Prompt: true),
        new("imagereward", RewardFiles.Folder,
            "what people prefer for a prompt, mean 0 and std 1 over its raters' pictures (ImageReward, BLIP)",
            "every word of the prompt drawn large, over-saturated", Prompt: true),
        new("concept-removal", RewardFiles.Folder,
            "1 - how sure the detector (OWL-ViT) is that any of the words is shown, 0 to 1",
            "the concept drawn in a way the detector misses: blurred, cut at the edge, tiny", Words: true),
        new("count", RewardFiles.Folder, "how many things of the words the detector (OWL-ViT) sees, a soft count",
            "a grid of small half-formed copies", Words: true),
        new("compressibility", RewardFiles.None,
            "- the picture's size as a JPEG in kilobytes, by a differentiable model of the codec",
            "blur and flat colour; the subject goes"),
        new("incompressibility", RewardFiles.None,
            "the picture's size as a JPEG in kilobytes, by a differentiable model of the codec", "fine noise everywhere"),
        new("jpeg-bytes", RewardFiles.None,
            "the picture's size in kilobytes as a real JPEG encoder writes it; no gradient, for ddpo and rwr; a weight below 0 "
            + "compresses", "fine noise, or with a weight below 0 flat colour", HasGradient: false),
        new("colourfulness", RewardFiles.None,
            "colourfulness of Hasler and Süsstrunk, 0 (grey) to about 110 (extremely colourful)",
            "rainbows and neon backgrounds"),
        new("symmetry", RewardFiles.None, "correlation of the picture with its mirror image, -1 to 1",
            "frontal views in the middle of an empty frame"),
        new("brightness", RewardFiles.None, "mean of the picture, 0 (black) to 1 (white); for tests and first looks", "white"),
        new("preference", RewardFiles.Folder,
            "a preference head on an image-text model (the shipped one: 3D style over flat), logits",
            "purple and pink shading, the colour of the preferred family"),
        new("jpeg-size", RewardFiles.Folder,
            "JPEG kilobytes by a regressor on image features, as in the paper; give it a weight below 0 to compress",
            "whatever the features miss: R2 0.63 for the shipped one"),
        new("detector", RewardFiles.Folder, "probability that a head's concept is shown, 0 to 1",
            "the concept's colours without its shape"),
        new("torchscript", RewardFiles.File,
            "whatever the TorchScript module computes: forward(images) or forward(images, prompts) -> one number an image",
            "depends on the module", Prompt: true),
    ];

    public static IEnumerable<string> Names => All.Select(e => e.Name).Order(StringComparer.Ordinal);

    public static RewardEntry? Find(string name) => All.FirstOrDefault(e => e.Name == name);
}
