namespace AlignProp.Adapters.Inspection;

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
    internal void Resnet(string name, long from, long to, long? time)
    {
        Norm($"{name}.norm1", from);
        Conv($"{name}.conv1", from, to, 3);
        if (time is { } width)
        {
            Linear($"{name}.time_emb_proj", width, to);
        }

        Norm($"{name}.norm2", to);
        Conv($"{name}.conv2", to, to, 3);
        if (from != to)
        {
            Conv($"{name}.conv_shortcut", from, to, 1);
        }
    }

    /// <summary>diffusers' Transformer2DModel.</summary>
    internal void Transformer(string name, long width, long layers, long text, bool linear)
    {
        Norm($"{name}.norm", width);
        Project($"{name}.proj_in");
        for (var i = 0L; i < layers; i++)
        {
            var block = $"{name}.transformer_blocks.{i}";
            foreach (var norm in new[] { "norm1", "norm2", "norm3" })
            {
                Norm($"{block}.{norm}", width);
            }

            Attention($"{block}.attn1", width, width);
            Attention($"{block}.attn2", width, text);
            Linear($"{block}.ff.net.0.proj", width, 8 * width);
            Linear($"{block}.ff.net.2", 4 * width, width);
        }

        Project($"{name}.proj_out");

        void Project(string projection)
        {
            if (linear)
            {
                Linear(projection, width, width);
            }
            else
            {
                Conv(projection, width, width, 1);
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
