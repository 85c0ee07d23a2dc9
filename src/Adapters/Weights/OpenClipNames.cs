namespace AlignProp.Adapters;

/// <summary>OpenCLIP's names (open_clip.model.CLIP) -> those of transformers' CLIPModel, and what becomes of shapes.</summary>
public static class OpenClipNames
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

    /// <summary>The text tower's tensors under transformers' names: their keys in the file, and the shapes they get.</summary>
    /// <param name="prefix">Only the keys that begin with it, without it.</param>
    public static IEnumerable<(string Name, string Key, long[] Shape)> Found(IEnumerable<TensorInfo> tensors, string prefix)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var tensor in tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var names = Targets(tensor.Name[prefix.Length..]);
            var shape = names.Count > 1 && tensor.Shape.Length > 0 ? [tensor.Shape[0] / names.Count, .. tensor.Shape[1..]]
                : names[0] == "text_projection.weight" ? [.. tensor.Shape.Reverse()] : tensor.Shape;
            foreach (var name in names)
            {
                yield return (name, tensor.Name, shape);
            }
        }
    }

    private static string Rename(string key)
    {
        var (from, to) = Names.FirstOrDefault(n => key.StartsWith(n.From, StringComparison.Ordinal), (From: "", To: ""));
        var name = to + key[from.Length..];
        return LayerNames.Aggregate(name, (n, pair) => n.Replace(pair.From, pair.To, StringComparison.Ordinal));
    }
}
