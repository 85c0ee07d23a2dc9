namespace AlignProp.Adapters.Configurations;

/// <summary>
/// The structure of a single-file checkpoint, read off the shapes of its tensors: such files carry no configuration. What shapes
/// do not say is as published: 8 heads in SD 1, heads of 64 channels in SD 2 and XL, 32 groups, CLIP's quick GELU or OpenCLIP's
/// GELU.
/// </summary>
/// <param name="shapes">Shape of every key of the file.</param>
/// <param name="path">For messages.</param>
internal sealed class LdmStructure(IReadOnlyDictionary<string, long[]> shapes, string path)
{
    private const int HeadWidth = 64;
    private const string Transformers = ".1.transformer_blocks.";

    /// <exception cref="ModelFileException">Not such a file, or one of another kind of model.</exception>
    public UNetConfig UNet()
    {
        var (channels, transformers) = DownLevels();
        bool[] attends = [.. Levels.Attention];
        var anyAttention = shapes.Keys.FirstOrDefault(k =>
            k.StartsWith(LdmNames.UNetPrefix + "middle_block.1.transformer_blocks.0.attn2.to_k.", StringComparison.Ordinal))
            ?? throw Not("has no attention in its UNet's middle block");
        var context = (int)Find(anyAttention)[1];
        var linear = Shape("middle_block.1.proj_in.weight").Length == 2;
        int[][] full = [.. transformers.Select((t, i) => attends[i] ? t : [.. t.Select(_ => 1)])];
        return new UNetConfig
        {
            InChannels = (int)Shape("input_blocks.0.0.weight")[1],
            OutChannels = (int)Shape("out.2.weight")[0],
            SampleSize = Sample(context),
            BlockOutChannels = [.. channels],
            DownAttention = attends,
            UpAttention = [.. attends.Reverse()],
            LayersPerBlock = [.. Levels.Layers],
            TransformerLayers = full,
            UpTransformerLayers = [.. full.Reverse().Select(t => Enumerable.Repeat(t[0], t.Length + 1).ToArray())],
            MidTransformerLayers = Count(LdmNames.UNetPrefix + "middle_block.1.transformer_blocks."),
            Heads = [.. channels.Select(c => linear ? Math.Max(1, c / HeadWidth) : 8)],
            CrossAttentionDim = [.. channels.Select(_ => context)],
            OnlyCrossAttention = [.. channels.Select(_ => false)],
            UseLinearProjection = linear,
            UpcastAttention = linear && !IsXl,
            TextTime = IsXl ? new TextTimeEmbedding(256, (int)Shape("label_emb.0.0.weight")[1]) : null,
        };
    }

    /// <summary>SDXL has a second embedding beside the timestep's.</summary>
    public bool IsXl => shapes.ContainsKey(LdmNames.UNetPrefix + "label_emb.0.0.weight");

    public VaeConfig Vae()
    {
        var levels = Count(LdmNames.VaePrefix + "encoder.down.");
        var channels = Enumerable.Range(0, levels)
            .Select(i => (int)Find($"{LdmNames.VaePrefix}encoder.down.{i}.block.0.conv1.weight")[0]).ToArray();
        return new VaeConfig(3, 3, (int)Find(LdmNames.VaePrefix + "post_quant_conv.weight")[0], channels,
            Count(LdmNames.VaePrefix + "encoder.down.0.block."), 32,
            IsXl ? 0.13025 : 0.18215, IsXl ? 1024 : 512)
        {
            ForceUpcast = IsXl,
        };
    }

    /// <summary>A text tower with transformers' names (CLIP ViT-L), with or without <c>text_model.</c>.</summary>
    public ClipTextConfig HuggingFaceText(string prefix)
    {
        var model = shapes.ContainsKey(prefix + "embeddings.token_embedding.weight") ? prefix : prefix + "text_model.";
        return Text(Find(model + "embeddings.token_embedding.weight"), Count(model + "encoder.layers."),
            Find(model + "embeddings.position_embedding.weight"), Find(model + "encoder.layers.0.mlp.fc1.weight"), "quick_gelu");
    }

    /// <summary>A text tower with OpenCLIP's names.</summary>
    /// <param name="penultimate">
    /// SD 2 reads the layer before OpenCLIP's last. As published the file has the whole tower, whose last layer is left out;
    /// diffusers' converter writes the 23 layers that are read, and no projection.
    /// </param>
    public ClipTextConfig OpenClipText(string prefix, bool penultimate)
    {
        const int WholeViTH = 24;
        var layers = Count(prefix + "transformer.resblocks.");
        var projected = shapes.TryGetValue(prefix + "text_projection", out var projection);
        var text = Text(Find(prefix + "token_embedding.weight"), penultimate && (projected || layers == WholeViTH) ? layers - 1
            : layers,
            Find(prefix + "positional_embedding"), Find(prefix + "transformer.resblocks.0.mlp.c_fc.weight"), "gelu");
        return projected ? text with { ProjectionDim = (int)projection![1] } : text;
    }

    // OpenCLIP takes the features of the largest token id, which transformers means by eos_token_id 2; SD 1's configuration says
    // 2 as well.
    private static ClipTextConfig Text(long[] tokens, int layers, long[] positions, long[] inner, string activation) =>
        new((int)tokens[0], (int)tokens[1], (int)inner[0], layers, Math.Max(1, (int)tokens[1] / HeadWidth), (int)positions[0],
            activation, 1e-5, 2);

    /// <summary>How the file counts its blocks.</summary>
    public LdmLevels Levels { get; } = LdmLevels.Of(shapes.Keys);

    private (List<int> Channels, List<int[]> Transformers) DownLevels()
    {
        var (channels, transformers) = (new List<int>(), new List<int[]>());
        var n = 0;
        foreach (var layers in Levels.Layers)
        {
            if (layers == 0)
            {
                throw Not("has no residual blocks in a level of its UNet");
            }
            int[] blocks = [.. Enumerable.Range(n + 1, layers)];
            channels.Add((int)Shape($"input_blocks.{blocks[^1]}.0.out_layers.3.weight")[0]);
            transformers.Add([.. blocks.Select(b => Count($"{LdmNames.UNetPrefix}input_blocks.{b}{Transformers}"))]);
            // The downsampling convolution counts as a block.
            n = blocks[^1] + 1;
        }
        return (channels, transformers);
    }

    private (int, int) Sample(int context) => IsXl ? (128, 128) : context == 1024 ? (96, 96) : (64, 64);

    /// <summary>How many numbered parts a prefix has.</summary>
    private int Count(string prefix) => shapes.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))
        .Select(k => k[prefix.Length..].Split('.')[0]).Distinct().Count(s => int.TryParse(s, out _));

    private long[] Shape(string unetKey) => Find(LdmNames.UNetPrefix + unetKey);

    private long[] Find(string key) => !shapes.TryGetValue(key, out var shape) ? throw Not($"lacks {key}")
        : shape.Length < 2 || shape.Any(n => n is < 1 or > 1 << 20)
        ? throw Not($"{key} has shape [{string.Join(", ", shape)}]") : shape;

    private ModelFileException Not(string what) =>
        new($"{path}: {what}; expected a single-file Stable Diffusion checkpoint ({LdmNames.UNetPrefix}*, {LdmNames.VaePrefix}*, "
        + "cond_stage_model.* or conditioner.embedders.*), or a diffusers folder");
}
