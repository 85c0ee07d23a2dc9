namespace AlignProp.Models.Tests;

/// <summary>
/// The keys and shapes of CompVis' UNetModel, written down from its own parameters (channel multipliers, attention resolutions),
/// independently of the structure under test: what single-file checkpoints hold.
/// </summary>
internal sealed class CompVisUNet
{
    private readonly SortedDictionary<string, long[]> _keys = new(StringComparer.Ordinal);
    private readonly int _context;
    private readonly bool _linear;
    private readonly int _time;

    private CompVisUNet(int context, bool linear, int time) => (_context, _linear, _time) = (context, linear, time);

    /// <param name="depths">Transformer blocks per level; 0 = no attention.</param>
    /// <param name="labels">Width of the second embedding's input (SDXL); 0 = none.</param>
    public static SortedDictionary<string, long[]> Keys(int channels, int[] multipliers, int blocks, int[] depths,
        int middleDepth, int context, bool linear, int labels = 0)
    {
        var net = new CompVisUNet(context, linear, 4 * channels);
        net.Layer("time_embed.0", 4 * channels, channels);
        net.Layer("time_embed.2", 4 * channels, 4 * channels);
        if (labels > 0)
        {
            net.Layer("label_emb.0.0", 4 * channels, labels);
            net.Layer("label_emb.0.2", 4 * channels, 4 * channels);
        }
        net.Layer("input_blocks.0.0", channels, 4, 3, 3);
        var (width, index) = (channels, 0);
        var skips = new Stack<int>([channels]);
        for (var level = 0; level < multipliers.Length; level++)
        {
            for (var b = 0; b < blocks; b++)
            {
                index++;
                net.Residual($"input_blocks.{index}.0", width, channels * multipliers[level]);
                width = channels * multipliers[level];
                net.Transformer($"input_blocks.{index}.1", width, depths[level]);
                skips.Push(width);
            }
            if (level < multipliers.Length - 1)
            {
                net.Layer($"input_blocks.{++index}.0.op", width, width, 3, 3);
                skips.Push(width);
            }
        }
        net.Residual("middle_block.0", width, width);
        net.Transformer("middle_block.1", width, middleDepth);
        net.Residual("middle_block.2", width, width);
        index = 0;
        for (var level = multipliers.Length - 1; level >= 0; level--)
        {
            for (var b = 0; b <= blocks; b++)
            {
                net.Residual($"output_blocks.{index}.0", width + skips.Pop(), channels * multipliers[level]);
                width = channels * multipliers[level];
                net.Transformer($"output_blocks.{index}.1", width, depths[level]);
                if (level > 0 && b == blocks)
                {
                    net.Layer($"output_blocks.{index}.{(depths[level] > 0 ? 2 : 1)}.conv", width, width, 3, 3);
                }
                index++;
            }
        }
        net.Norm("out.0", channels);
        net.Layer("out.2", 4, channels, 3, 3);
        return net._keys;
    }

    private void Residual(string at, int from, int to)
    {
        Norm(at + ".in_layers.0", from);
        Layer(at + ".in_layers.2", to, from, 3, 3);
        Layer(at + ".emb_layers.1", to, _time);
        Norm(at + ".out_layers.0", to);
        Layer(at + ".out_layers.3", to, to, 3, 3);
        if (from != to)
        {
            Layer(at + ".skip_connection", to, from, 1, 1);
        }
    }

    private void Transformer(string at, int width, int depth)
    {
        if (depth == 0)
        {
            return;
        }
        long[] projection = _linear ? [width, width] : [width, width, 1, 1];
        Norm(at + ".norm", width);
        Layer(at + ".proj_in", projection);
        for (var d = 0; d < depth; d++)
        {
            var block = $"{at}.transformer_blocks.{d}";
            foreach (var (name, context) in new[] { ("attn1", width), ("attn2", _context) })
            {
                _keys[$"{block}.{name}.to_q.weight"] = [width, width];
                _keys[$"{block}.{name}.to_k.weight"] = [width, context];
                _keys[$"{block}.{name}.to_v.weight"] = [width, context];
                Layer($"{block}.{name}.to_out.0", width, width);
            }
            Layer(block + ".ff.net.0.proj", 8 * width, width);
            Layer(block + ".ff.net.2", width, 4 * width);
            for (var n = 1; n <= 3; n++)
            {
                Norm($"{block}.norm{n}", width);
            }
        }
        Layer(at + ".proj_out", projection);
    }

    private void Norm(string at, int width) => (_keys[at + ".weight"], _keys[at + ".bias"]) = ([width], [width]);

    private void Layer(string at, params long[] shape) => (_keys[at + ".weight"], _keys[at + ".bias"]) = (shape, [shape[0]]);
}
