namespace AlignProp.Adapters;

/// <summary>Relatives of LoRA that other tools write, told by the ends of their keys: they are refused by name.</summary>
internal static class ForeignKeys
{
    private static readonly (string Mark, string Kind)[] Marks =
    [
        ("hada_", "LoHa (LyCORIS)"), ("lokr_", "LoKr (LyCORIS)"), (".oft_", "OFT"), (".diff", "a full difference (LyCORIS)"),
        ("lora_mid", "a convolution in CP form (LyCORIS)"), ("dora_scale", "DoRA"), ("lora_magnitude_vector", "DoRA"),
            (".lora_B.bias", "a LoRA bias"),
    ];

    /// <summary>Why the key cannot be used, or null when it is none of these.</summary>
    internal static string? Reason(string key)
    {
        var kind = Marks.Where(m => key.Contains(m.Mark, StringComparison.Ordinal)).Select(m => m.Kind).FirstOrDefault();
        return kind is null ? null : $"belongs to {kind}, which is not supported; expected plain LoRA matrices (down and up)";
    }
}
