namespace AlignProp.Adapters.Configurations;

/// <summary>
/// A UNet2DConditionModel config.json -> <see cref="UNetConfig"/>. Everything that Stable Diffusion 1, 2 and XL style models set
/// is read; a value that would make another network is refused by key and file (<see cref="UNetTable"/>).
/// </summary>
internal static class UNetConfigReader
{
    /// <exception cref="ModelFileException">
    /// A value is of the wrong type or length, or names a structure that is not implemented.
    /// </exception>
    public static UNetConfig Read(JsonConfig json)
    {
        UNetTable.Class.RequireName(json);
        UNetTable.Class.Require(json);
        var channels = json.Ints("block_out_channels", [320, 640, 1280, 1280]);
        var levels = channels.Length;
        var down = Attention(json, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D", levels, [true, true, true, false]);
        var up = Attention(json, "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", levels, [false, true, true, true]);
        var layers = json.IntPerLevel("layers_per_block", levels, 2);
        const int MostLevels = 15, MostLayers = 64;
        if (levels is < 1 or > MostLevels || channels.Any(c => c < 1))
        {
            throw json.Wrong("block_out_channels", $"1 to {MostLevels} numbers above 0");
        }
        if (layers.Any(n => n is < 1 or > MostLayers))
        {
            throw json.Wrong("layers_per_block", $"1 to {MostLayers}");
        }
        var transformers = json.IntsPerLevel("transformer_layers_per_block", layers, 1);
        // diffusers' historic misnomer: attention_head_dim IS the number of heads, unless num_attention_heads says it.
        var headsKey = json.Has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        var config = new UNetConfig
        {
            InChannels = json.Int("in_channels", 4),
            OutChannels = json.Int("out_channels", 4),
            SampleSize = SampleSize(json),
            CenterInputSample = json.Bool("center_input_sample", false),
            FlipSinToCos = json.Bool("flip_sin_to_cos", true),
            FreqShift = json.Double("freq_shift", 0),
            BlockOutChannels = channels,
            DownAttention = down,
            UpAttention = up,
            MidBlock = MidBlock(json),
            LayersPerBlock = layers,
            TransformerLayers = transformers,
            UpTransformerLayers = UpTransformers(json, layers, transformers),
            MidTransformerLayers = transformers[^1][0],
            Heads = json.IntPerLevel(headsKey, levels, 8),
            CrossAttentionDim = json.IntPerLevel("cross_attention_dim", levels, 1280),
            OnlyCrossAttention = json.BoolPerLevel("only_cross_attention", levels, false),
            UseLinearProjection = json.Bool("use_linear_projection", false),
            UpcastAttention = json.Bool("upcast_attention", false),
            DownsamplePadding = json.OneOf("downsample_padding", 1, 0, 1),
            MidBlockScaleFactor = json.Double("mid_block_scale_factor", 1),
            Activation = json.OneOf("act_fn", "silu", "silu", "swish", "mish", "gelu", "relu"),
            NormNumGroups = json.Int("norm_num_groups", 32),
            NormEps = json.Double("norm_eps", 1e-5),
            TimeScaleShift = json.OneOf("resnet_time_scale_shift", "default", "default", "scale_shift") == "scale_shift",
            TimeEmbeddingDim = json.Has("time_embedding_dim") ? json.Int("time_embedding_dim", 0) : null,
            ClassCount = json.Has("num_class_embeds") ? json.Int("num_class_embeds", 0) : null,
            TextTime = TextTime(json),
            ConvInKernel = json.Int("conv_in_kernel", 3),
            ConvOutKernel = json.Int("conv_out_kernel", 3),
        };
        RequireDivisible(json, config, headsKey);
        return config;
    }

    private static bool[] Attention(JsonConfig json, string key, string with, string without, int levels, bool[] otherwise)
    {
        if (!json.Has(key))
        {
            return otherwise.Length == levels ? otherwise
                : throw json.Wrong(key, "nothing", $"{levels} block types, one per level");
        }
        var types = json.Texts(key, []);
        // diffusers drops this prefix of early configurations.
        const string Old = "UNetRes";
        return types.Length != levels
            ? throw json.Wrong(key, $"{types.Length} block types", $"{levels}, one per level of block_out_channels")
            : [.. types.Select(t => t.StartsWith(Old, StringComparison.Ordinal) ? t[Old.Length..] : t)
                .Select(t => t == with || (t == without ? false : throw json.Wrong(key, t, $"{with} or {without}")))];
    }

    private static MidBlockKind MidBlock(JsonConfig json) => json.IsNull("mid_block_type")
        ? MidBlockKind.None
        : json.OneOf("mid_block_type", "UNetMidBlock2DCrossAttn", "UNetMidBlock2DCrossAttn",
            "UNetMidBlock2D") == "UNetMidBlock2D" ? MidBlockKind.Residual : MidBlockKind.CrossAttention;

    /// <summary>The way up mirrors the way down, unless it is given for itself.</summary>
    private static int[][] UpTransformers(JsonConfig json, int[] layers, int[][] down)
    {
        int[] upLayers = [.. layers.Reverse().Select(n => n + 1)];
        if (json.Has("reverse_transformer_layers_per_block"))
        {
            return json.IntsPerLevel("reverse_transformer_layers_per_block", upLayers, 1);
        }
        if (json.IsNested("transformer_layers_per_block"))
        {
            throw json.Wrong("transformer_layers_per_block", "lists of lists",
                "reverse_transformer_layers_per_block beside them");
        }
        return [.. down.Reverse().Zip(upLayers, (d, n) => Enumerable.Repeat(d[0], n).ToArray())];
    }

    private static (int, int) SampleSize(JsonConfig json)
    {
        if (!json.IsList("sample_size"))
        {
            var side = json.Int("sample_size", 64);
            return (side, side);
        }
        return json.Ints("sample_size", []) is [var height, var width] ? (height, width)
            : throw json.Wrong("sample_size", "a list", "a number, or a list of height and width");
    }

    private static TextTimeEmbedding? TextTime(JsonConfig json)
    {
        if (!json.Has("addition_embed_type"))
        {
            return null;
        }
        json.OneOf("addition_embed_type", "text_time", "text_time");
        var (time, input) = (json.Int("addition_time_embed_dim", 0), json.Int("projection_class_embeddings_input_dim", 0));
        return time > 0 && input > 0 ? new TextTimeEmbedding(time, input)
            : throw json.Wrong("addition_embed_type", "text_time",
                "addition_time_embed_dim and projection_class_embeddings_input_dim beside it");
    }

    private static void RequireDivisible(JsonConfig json, UNetConfig config, string headsKey)
    {
        foreach (var (channels, heads) in config.BlockOutChannels.Zip(config.Heads))
        {
            if (config.NormNumGroups < 1 || channels % config.NormNumGroups != 0)
            {
                throw json.Wrong("norm_num_groups", $"{config.NormNumGroups}",
                    $"a divisor of every level of block_out_channels ({channels})");
            }
            if (heads < 1 || heads > channels)
            {
                throw json.Wrong(headsKey, $"{heads}", $"1 to the level's channels ({channels}): the number of heads");
            }
        }
    }
}
