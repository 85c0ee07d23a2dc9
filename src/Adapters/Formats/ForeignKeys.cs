namespace AlignProp.Adapters;

/// <summary>Relatives of LoRA that other tools write, told by the ends of their keys: they are refused by name.</summary>
internal static class ForeignKeys
{
    private static readonly (string Mark, string Kind)[] Marks =
    [
        ("hada_", "LoHa (LyCORIS)"), ("lokr_", "LoKr (LyCORIS)"), (".oft_", "OFT"), (".boft_", "BOFT"),
        (".oft_blocks", "OFT"), (".diff", "a full difference (LyCORIS)"), (".on_input", "(IA)^3"), (".ia3_l", "(IA)^3"),
        ("glora_", "GLoRA (LyCORIS)"), (".a1.weight", "GLoRA (LyCORIS)"), (".w_norm", "a difference of norms (LyCORIS)"),
        (".b_norm", "a difference of norms (LyCORIS)"), ("dora_scale", "DoRA"), ("lora_magnitude_vector", "DoRA"),
        (".lora_B.bias", "a LoRA bias"), (".lora_A.bias", "a LoRA bias"), ("lora_embedding_", "an embedding's LoRA"),
        (".reft_", "ReFT"), ("vera_lambda", "VeRA"), ("lora_E", "AdaLoRA"),
    ];

    /// <summary>Why the key cannot be used, or null when it is none of these.</summary>
    internal static string? Reason(string key)
    {
        var kind = Marks.Where(m => key.Contains(m.Mark, StringComparison.Ordinal)).Select(m => m.Kind).FirstOrDefault();
        return kind is null ? null : $"belongs to {kind}, which is not supported; expected plain LoRA matrices (down and up)";
    }
}
