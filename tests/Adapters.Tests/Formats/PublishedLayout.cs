namespace AlignProp.Adapters.Tests;

/// <summary>
/// The attention projections of UNets, derived from their published configurations: what an adapter of all targets consists of.
/// </summary>
internal static class PublishedLayout
{
    /// <summary>
    /// Stable Diffusion 1.5: channels 320, 640, 1280, 1280, two layers a block, text width 768, no attention in the lowest level.
    /// </summary>
    public static IReadOnlyList<(string Module, int In, int Out)> StableDiffusion15() =>
        UNet([320, 640, 1280, 1280], [true, true, true, false], layers: 2, text: 768);

    /// <summary>The shipped emoji model: channels 64, 128, one layer a block, text width 128, attention everywhere.</summary>
    public static IReadOnlyList<(string Module, int In, int Out)> Emoji() => UNet([64, 128], [true, true], layers: 1, text: 128);

    private static List<(string, int, int)> UNet(int[] channels, bool[] attention, int layers, int text)
    {
        var modules = new List<(string, int, int)>();
        void Block(string path, int width)
        {
            foreach (var (name, source) in new[] { ("attn1", width), ("attn2", text) })
            {
                var module = $"{path}.transformer_blocks.0.{name}";
                modules.AddRange([($"{module}.to_q", width, width), ($"{module}.to_k", source, width),
                    ($"{module}.to_v", source, width), ($"{module}.to_out.0", width, width)]);
            }
        }

        for (var level = 0; level < channels.Length; level++)
        {
            // The way up runs through the levels in reverse, with one layer more.
            var (down, up) = (level, channels.Length - 1 - level);
            for (var i = 0; i < layers && attention[down]; i++)
            {
                Block($"down_blocks.{level}.attentions.{i}", channels[down]);
            }

            for (var i = 0; i < layers + 1 && attention[up]; i++)
            {
                Block($"up_blocks.{level}.attentions.{i}", channels[up]);
            }
        }

        Block("mid_block.attentions.0", channels[^1]);
        return [.. modules.OrderBy(m => m.Item1, StringComparer.Ordinal)];
    }
}
