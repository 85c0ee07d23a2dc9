using AlignProp.Adapters;
using AlignProp.Models.Files;
using static TorchSharp.torch;

namespace AlignProp.Models.Clip;

/// <summary>
/// OpenCLIP's names and layout (open_clip.model.CLIP, which HPS v2 trains) read as transformers' CLIPModel: q, k and v lie in one
/// matrix, the two projections are transposed.
/// </summary>
public static class OpenClipLayout
{
    private static readonly (string From, string To)[] Names =
    [
        ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
        ("visual.conv1.", "vision_model.embeddings.patch_embedding."),
        ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
        ("visual.ln_pre.", "vision_model.pre_layrnorm."),
        ("visual.ln_post.", "vision_model.post_layernorm."),
        ("visual.transformer.resblocks.", "vision_model.encoder.layers."),
        ("visual.proj", "visual_projection.weight"),
        ("token_embedding.", "text_model.embeddings.token_embedding."),
        ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
        ("transformer.resblocks.", "text_model.encoder.layers."),
        ("ln_final.", "text_model.final_layer_norm."),
        ("text_projection", "text_projection.weight"),
    ];

    private static readonly (string From, string To)[] LayerNames =
    [
        (".ln_1.", ".layer_norm1."), (".ln_2.", ".layer_norm2."), (".mlp.c_fc.", ".mlp.fc1."), (".mlp.c_proj.", ".mlp.fc2."),
            (".attn.out_proj.", ".self_attn.out_proj."),
    ];

    /// <summary>Whether a file has OpenCLIP's names.</summary>
    public static bool Is(IWeightFile file) => file.Tensors.ContainsKey("visual.conv1.weight");

    /// <summary>The file's tensors under the names of <see cref="ClipModel"/>.</summary>
    public static IReadOnlyDictionary<string, StoredTensor> Read(IWeightFile file) => Read(file, "");

    /// <param name="prefix">
    /// Only the keys that begin with it, without it: Stable Diffusion's single files hold an OpenCLIP text tower inside.
    /// </param>
    public static IReadOnlyDictionary<string, StoredTensor> Read(IWeightFile file, string prefix)
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (full, info) in file.Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var key = full[prefix.Length..];
            var names = Targets(key);
            var name = names[0];
            if (names.Count > 1)
            {
                AddProjections(stored, file, full, names, info.Shape);
            }
            else if (key is "visual.proj" or "text_projection")
            {
                stored[name] = new StoredTensor(full, [.. info.Shape.Reverse()],
                    () => TensorFile.Read(file, full).t().contiguous());
            }
            else
            {
                stored[name] = new StoredTensor(full, info.Shape, () => TensorFile.Read(file, full));
            }
        }
        return stored;
    }

    /// <summary>Transformers' keys of one of OpenCLIP's: three where q, k and v lie in one matrix, in this order.</summary>
    public static IReadOnlyList<string> Targets(string key)
    {
        const string Together = ".attn.in_proj_";
        ArgumentNullException.ThrowIfNull(key);
        var name = Rename(key);
        return name.Contains(Together, StringComparison.Ordinal)
            ? [.. "qkv".Select(letter => name.Replace(Together, $".self_attn.{letter}_proj.", StringComparison.Ordinal))]
            : [name];
    }

    private static void AddProjections(Dictionary<string, StoredTensor> stored, IWeightFile file, string key,
        IReadOnlyList<string> targets, long[] shape)
    {
        long[] part = [shape[0] / targets.Count, .. shape[1..]];
        foreach (var (index, target) in targets.Index())
        {
            stored[target] = new StoredTensor(key, part,
                () => TensorFile.Read(file, key).narrow(0, index * part[0], part[0]).contiguous());
        }
    }

    private static string Rename(string key)
    {
        var (from, to) = Names.FirstOrDefault(n => key.StartsWith(n.From, StringComparison.Ordinal), (From: "", To: ""));
        var name = to + key[from.Length..];
        return LayerNames.Aggregate(name, (n, pair) => n.Replace(pair.From, pair.To, StringComparison.Ordinal));
    }
}
