namespace AlignProp.Adapters.Configurations;

/// <summary>
/// What shapes a UNet2DConditionModel, with diffusers' defaults; <see cref="UNetConfigReader"/> reads it from a config.json.
/// Lists hold one value per level, from the highest resolution down.
/// </summary>
public sealed record UNetConfig
{
    public int InChannels { get; init; } = 4;

    public int OutChannels { get; init; } = 4;

    /// <summary>Latent height and width the model was made for.</summary>
    public (int Height, int Width) SampleSize { get; init; } = (64, 64);

    /// <summary>The input is shifted from [0, 1] to [-1, 1] first.</summary>
    public bool CenterInputSample { get; init; }

    public bool FlipSinToCos { get; init; } = true;

    public double FreqShift { get; init; }

    public int[] BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Whether a level has attention on the way down.</summary>
    public bool[] DownAttention { get; init; } = [true, true, true, false];

    /// <summary>The same on the way up; from the lowest resolution, as up_block_types is.</summary>
    public bool[] UpAttention { get; init; } = [false, true, true, true];

    public MidBlockKind MidBlock { get; init; } = MidBlockKind.CrossAttention;

    /// <summary>Residual blocks of a level on the way down; one more on the way up.</summary>
    public int[] LayersPerBlock { get; init; } = [2, 2, 2, 2];

    /// <summary>Transformer blocks of every attention of a level on the way down.</summary>
    public int[][] TransformerLayers { get; init; } = [[1, 1], [1, 1], [1, 1], [1, 1]];

    /// <summary>The same on the way up; from the lowest resolution.</summary>
    public int[][] UpTransformerLayers { get; init; } = [[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]];

    public int MidTransformerLayers { get; init; } = 1;

    /// <summary>Attention heads.</summary>
    public int[] Heads { get; init; } = [8, 8, 8, 8];

    /// <summary>Width of the text states.</summary>
    public int[] CrossAttentionDim { get; init; } = [1280, 1280, 1280, 1280];

    /// <summary>The first attention of a transformer block looks at the text too.</summary>
    public bool[] OnlyCrossAttention { get; init; } = [false, false, false, false];

    public bool UseLinearProjection { get; init; }

    /// <summary>Attention in fp32 whatever the weights' dtype.</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>0 pads right and bottom before a downsampling convolution, 1 all sides.</summary>
    public int DownsamplePadding { get; init; } = 1;

    public double MidBlockScaleFactor { get; init; } = 1;

    public string Activation { get; init; } = "silu";

    public int NormNumGroups { get; init; } = 32;

    public double NormEps { get; init; } = 1e-5;

    /// <summary>Time scales and shifts the second norm of a residual block instead of being added before it.</summary>
    public bool TimeScaleShift { get; init; }

    /// <summary>Width of the time embedding; null = 4 x the first level's channels.</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>Classes whose embedding is added to the time embedding (e.g. the noise level of SD's upscaler).</summary>
    public int? ClassCount { get; init; }

    /// <summary>SDXL's pooled text and image sizes, added to the time embedding.</summary>
    public TextTimeEmbedding? TextTime { get; init; }

    public int ConvInKernel { get; init; } = 3;

    public int ConvOutKernel { get; init; } = 3;

    /// <summary>Width of the embedded timestep all blocks get.</summary>
    public int TimeDim => TimeEmbeddingDim ?? BlockOutChannels[0] * 4;

    /// <exception cref="ModelFileException">
    /// A value is of the wrong type or length, or names a structure that is not implemented.
    /// </exception>
    public static UNetConfig Load(string path) => UNetConfigReader.Read(JsonConfig.Load(path));

    /// <summary>A configuration whose levels are all alike, as tests and the shipped model use it.</summary>
    public static UNetConfig Uniform(int[] channels, int layers, int[] heads, int contextDim, int groups, int sampleSize)
    {
        T[] Each<T>(T value) => [.. channels.Select(_ => value)];
        return new UNetConfig
        {
            SampleSize = (sampleSize, sampleSize),
            BlockOutChannels = channels,
            DownAttention = Each(true),
            UpAttention = Each(true),
            LayersPerBlock = Each(layers),
            TransformerLayers = Each(Enumerable.Repeat(1, layers).ToArray()),
            UpTransformerLayers = Each(Enumerable.Repeat(1, layers + 1).ToArray()),
            Heads = heads,
            CrossAttentionDim = Each(contextDim),
            OnlyCrossAttention = Each(false),
            NormNumGroups = groups,
        };
    }
}

/// <summary>The lowest block: two residual blocks around attention, one residual block, or nothing.</summary>
public enum MidBlockKind
{
    CrossAttention,
    Residual,
    None,
}

/// <summary>addition_embed_type = text_time.</summary>
/// <param name="TimeWidth">Sinusoids of each of the six sizes (addition_time_embed_dim).</param>
/// <param name="InputWidth">Pooled text and all sinusoids (projection_class_embeddings_input_dim).</param>
public sealed record TextTimeEmbedding(int TimeWidth, int InputWidth);
