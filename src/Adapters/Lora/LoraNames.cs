namespace AlignProp.Adapters;

/// <summary>The internal spelling of LoRA parameters: PEFT's, without prefix or adapter name.</summary>
public static class LoraNames
{
    internal const string DownSuffix = ".lora_A.weight";
    internal const string UpSuffix = ".lora_B.weight";

    /// <summary>
    /// Name of the factor A [r, in] of a module such as <c>mid_block.attentions.0.transformer_blocks.0.attn1.to_q</c>.
    /// </summary>
    public static string Down(string module) => module + DownSuffix;

    /// <summary>Name of the factor B [out, r] of a module.</summary>
    public static string Up(string module) => module + UpSuffix;

    /// <summary>The module of an internal name, and whether it is the factor A.</summary>
    /// <exception cref="ArgumentException">Not an internal name.</exception>
    public static (string Module, bool IsDown) Split(string name)
    {
        var isDown = name.EndsWith(DownSuffix, StringComparison.Ordinal);
        return (isDown || name.EndsWith(UpSuffix, StringComparison.Ordinal)) && name.Length > DownSuffix.Length
            ? (name[..^DownSuffix.Length], isDown)
            : throw new ArgumentException($"'{name}' is not a LoRA parameter; expected MODULE{DownSuffix} or MODULE{UpSuffix}",
                nameof(name));
    }
}
