namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of diffusers' AutoencoderKL.</summary>
internal static class VaeTable
{
    public static ConfigClass Class { get; } = new ConfigClass("AutoencoderKL", "AutoencoderKL")
        .Used("in_channels", "out_channels", "down_block_types", "up_block_types", "block_out_channels", "layers_per_block",
            "latent_channels", "norm_num_groups", "sample_size", "scaling_factor", "force_upcast")
        .Only("\"silu\"|\"swish\"", "act_fn")
        .Only("null", "latents_mean", "latents_std")
        .Only("null|0", "shift_factor")
        .Only("true", "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention");
}
