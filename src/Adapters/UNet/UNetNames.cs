namespace AlignProp.Adapters;

/// <summary>
/// Names of a UNet's modules where no model is at hand to look them up: diffusers' and CompVis' paths, with dots or, as kohya's
/// keys have them, with underscores. Since names hold underscores themselves, the way back needs the vocabulary of names.
/// </summary>
internal static class UNetNames
{
    private static readonly string[] OriginalHeads =
        ["input_blocks", "middle_block", "output_blocks", "time_embed", "label_emb", "out"];

    private static readonly string[] Words =
    [
        .. OriginalHeads, "in_layers", "out_layers", "emb_layers", "skip_connection", "op",
        "down_blocks", "mid_block", "up_blocks", "attentions", "resnets", "downsamplers", "upsamplers", "transformer_blocks",
        "attn1", "attn2", "to_q", "to_k", "to_v", "to_out", "ff", "net", "proj", "proj_in", "proj_out",
        "conv", "conv1", "conv2", "conv_in", "conv_out", "conv_shortcut", "time_emb_proj", "time_embedding", "add_embedding",
        "linear_1", "linear_2",
    ];

    private static readonly Dictionary<string, string> PublishedModules = LdmNames.PublishedUNetModules();

    /// <summary>
    /// The module, in diffusers' names, of a path of either kind; null if it is not made of the vocabulary. Blocks are counted as
    /// in every published UNet of CompVis' and Stability's: two residual blocks a level on the way down.
    /// </summary>
    internal static string? Find(string name)
    {
        if (Expand(name.Replace('.', '_')) is not { } path)
        {
            return null;
        }

        if (!OriginalHeads.Contains(path.Split('.')[0]))
        {
            return path;
        }

        // The table is one of keys, and a key goes on after its module.
        const string end = ".weight";
        var renamed = LdmNames.UNet(path + end, PublishedModules);
        return renamed == path + end ? null : renamed[..^end.Length];
    }

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
