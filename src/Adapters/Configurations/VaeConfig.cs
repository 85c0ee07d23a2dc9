namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of an AutoencoderKL config.json that shape the network.</summary>
public sealed record VaeConfig(int InChannels, int OutChannels, int LatentChannels, int[] BlockOutChannels, int LayersPerBlock,
    int NormNumGroups, double ScalingFactor, int SampleSize)
{
    /// <summary>The VAE overflows in fp16 (SDXL's says so): its weights stay in fp32 whatever the model's precision.</summary>
    public bool ForceUpcast { get; init; }

    /// <exception cref="ModelFileException">
    /// A value is of the wrong type, or names a structure that is not implemented.
    /// </exception>
    public static VaeConfig Load(string path) => Read(JsonConfig.Load(path));

    /// <param name="upcastByDefault">What a file means that lacks force_upcast: only SDXL's pipeline looks at it.</param>
    /// <exception cref="ModelFileException">See above.</exception>
    public static VaeConfig Read(JsonConfig json, bool upcastByDefault = false)
    {
        ArgumentNullException.ThrowIfNull(json);
        VaeTable.Class.RequireName(json);
        VaeTable.Class.Require(json);
        var channels = json.Ints("block_out_channels", [64]);
        RequireBlocks(json, "down_block_types", "DownEncoderBlock2D", channels.Length);
        RequireBlocks(json, "up_block_types", "UpDecoderBlock2D", channels.Length);
        return new VaeConfig(
            json.Int("in_channels", 3),
            json.Int("out_channels", 3),
            json.Int("latent_channels", 4),
            channels,
            json.Int("layers_per_block", 1),
            json.Int("norm_num_groups", 32),
            json.Double("scaling_factor", 0.18215),
            // Only the size of tiles; diffusers' own default would make them four latents wide.
            json.Int("sample_size", 512))
        {
            ForceUpcast = json.Bool("force_upcast", upcastByDefault),
        };
    }

    private static void RequireBlocks(JsonConfig json, string key, string only, int levels)
    {
        var types = json.Texts(key, [.. Enumerable.Repeat(only, levels)]);
        if (types.FirstOrDefault(t => t != only) is { } other)
        {
            throw json.Wrong(key, other, only);
        }
        if (types.Length != levels)
        {
            throw json.Wrong(key, $"{types.Length} block types", $"{levels}, one per level of block_out_channels");
        }
    }

    /// <summary>Pixels per latent, e.g. 8 for Stable Diffusion.</summary>
    public int DownscaleFactor => 1 << (BlockOutChannels.Length - 1);
}
