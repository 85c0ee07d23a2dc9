namespace AlignProp.Adapters;

/// <summary>Names that one weight has had over the years -> the one it has here.</summary>
public static class PublishedNames
{
    private const string TextModel = "text_model.";

    private static readonly string[] TextParts = ["embeddings.", "encoder.", "final_layer_norm."];

    private static readonly (string From, string To)[] VaeAttention =
        [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

    /// <summary>diffusers renamed the projections of the VAE's attention in 0.18; older files keep the old names.</summary>
    public static string Vae(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Contains(".mid_block.attentions.", StringComparison.Ordinal)
            ? VaeAttention.Aggregate(key, (k, n) => k.Replace(n.From, n.To, StringComparison.Ordinal)) : key;
    }

    /// <summary>
    /// A key of CLIP's text tower: old merges and transformers 5 leave out <c>text_model.</c>, which all others have.
    /// </summary>
    public static string Text(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return TextParts.Any(p => key.StartsWith(p, StringComparison.Ordinal)) ? TextModel + key : key;
    }
}
