namespace AlignProp.Adapters.Configurations;

/// <summary>Keys and shapes of a structure, written down layer by layer.</summary>
internal sealed class StructureBuilder
{
    private readonly Dictionary<string, long[]> _keys = new(StringComparer.Ordinal);

    internal IReadOnlyDictionary<string, long[]> Keys => _keys;

    internal void Tensor(string name, params long[] shape) => _keys[name] = shape;

    internal void Linear(string name, long from, long to, bool bias = true)
    {
        Tensor($"{name}.weight", to, from);
        if (bias)
        {
            Tensor($"{name}.bias", to);
        }
    }

    internal void Conv(string name, long from, long to, long kernel)
    {
        Tensor($"{name}.weight", to, from, kernel, kernel);
        Tensor($"{name}.bias", to);
    }

    internal void Norm(string name, long width)
    {
        Tensor($"{name}.weight", width);
        Tensor($"{name}.bias", width);
    }

    /// <summary>diffusers' ResnetBlock2D.</summary>
    /// <param name="time">Width of the time embedding; null without one (VAE).</param>
    /// <param name="scaleShift">The time embedding scales and shifts, which takes two numbers a channel.</param>
    internal void Resnet(string name, long from, long to, long? time, bool scaleShift = false)
    {
        Norm($"{name}.norm1", from);
        Conv($"{name}.conv1", from, to, 3);
        if (time is { } width)
        {
            Linear($"{name}.time_emb_proj", width, scaleShift ? 2 * to : to);
        }

        Norm($"{name}.norm2", to);
        Conv($"{name}.conv2", to, to, 3);
        if (from != to)
        {
            Conv($"{name}.conv_shortcut", from, to, 1);
        }
    }

    /// <summary>diffusers' Transformer2DModel.</summary>
    /// <param name="heads">Of equal width: where they do not divide the channels, the blocks are narrower.</param>
    /// <param name="onlyText">The first attention of a block looks at the text too.</param>
    internal void Transformer(string name, long width, long heads, long layers, long text, bool linear, bool onlyText)
    {
        var inner = heads * (width / heads);
        Norm($"{name}.norm", width);
        Project($"{name}.proj_in", width, inner);
        for (var i = 0L; i < layers; i++)
        {
            var block = $"{name}.transformer_blocks.{i}";
            foreach (var norm in new[] { "norm1", "norm2", "norm3" })
            {
                Norm($"{block}.{norm}", inner);
            }

            Attention($"{block}.attn1", inner, onlyText ? text : inner);
            Attention($"{block}.attn2", inner, text);
            Linear($"{block}.ff.net.0.proj", inner, 8 * inner);
            Linear($"{block}.ff.net.2", 4 * inner, inner);
        }

        Project($"{name}.proj_out", inner, width);

        void Project(string projection, long from, long to)
        {
            if (linear)
            {
                Linear(projection, from, to);
            }
            else
            {
                Conv(projection, from, to, 1);
            }
        }
    }

    /// <summary>transformers' CLIPEncoder.</summary>
    internal void ClipEncoder(string name, long width, long inner, long layers)
    {
        for (var i = 0L; i < layers; i++)
        {
            var layer = $"{name}.layers.{i}";
            foreach (var projection in new[] { "q_proj", "k_proj", "v_proj", "out_proj" })
            {
                Linear($"{layer}.self_attn.{projection}", width, width);
            }

            Norm($"{layer}.layer_norm1", width);
            Norm($"{layer}.layer_norm2", width);
            Linear($"{layer}.mlp.fc1", width, inner);
            Linear($"{layer}.mlp.fc2", inner, width);
        }
    }

    private void Attention(string name, long width, long text)
    {
        Linear($"{name}.to_q", width, width, bias: false);
        Linear($"{name}.to_k", text, width, bias: false);
        Linear($"{name}.to_v", text, width, bias: false);
        Linear($"{name}.to_out.0", width, width);
    }
}
