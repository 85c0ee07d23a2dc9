namespace AlignProp.Adapters;

/// <summary>
/// Module paths of a diffusers UNet with underscores for dots, as kohya's keys have them. Since names hold underscores
/// themselves, the way back needs the vocabulary of names.
/// </summary>
internal static class KohyaModuleNames
{
    private static readonly string[] Words =
    [
        "down_blocks", "mid_block", "up_blocks", "attentions", "resnets", "downsamplers", "upsamplers", "transformer_blocks",
        "attn1", "attn2", "to_q", "to_k", "to_v", "to_out", "ff", "net", "proj", "proj_in", "proj_out",
        "conv", "conv1", "conv2", "conv_in", "conv_out", "conv_shortcut", "time_emb_proj", "time_embedding", "add_embedding",
            "linear_1", "linear_2",
    ];

    internal static string Flatten(string module) => module.Replace('.', '_');

    /// <summary>The path with dots, or null if the name is not made of the vocabulary and numbers.</summary>
    internal static string? Expand(string flat)
    {
        var parts = new List<string>();
        for (var rest = flat; ;)
        {
            var length = LengthOfFirst(rest);
            if (length == 0)
            {
                return null;
            }

            parts.Add(rest[..length]);
            if (length == rest.Length)
            {
                return string.Join('.', parts);
            }

            rest = rest[(length + 1)..];
        }
    }

    /// <summary>Length of the longest word, or number, that ends at an underscore or at the end; 0 if there is none.</summary>
    private static int LengthOfFirst(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        return Words.Where(word => text.StartsWith(word, StringComparison.Ordinal)).Select(word => word.Length).Append(digits)
            .Where(length => length == text.Length || text[length] == '_').DefaultIfEmpty(0).Max();
    }
}
