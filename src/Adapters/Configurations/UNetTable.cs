namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of diffusers' UNet2DConditionModel.</summary>
internal static class UNetTable
{
    public static ConfigClass Class { get; } = new ConfigClass("UNet2DConditionModel", "UNet2DConditionModel")
        .Used("sample_size", "in_channels", "out_channels", "center_input_sample", "flip_sin_to_cos", "freq_shift",
            "down_block_types", "mid_block_type", "up_block_types", "only_cross_attention", "block_out_channels",
            "layers_per_block", "downsample_padding", "mid_block_scale_factor", "act_fn", "norm_num_groups", "norm_eps",
            "cross_attention_dim", "transformer_layers_per_block", "reverse_transformer_layers_per_block", "attention_head_dim",
            "num_attention_heads", "use_linear_projection", "addition_embed_type", "addition_time_embed_dim", "num_class_embeds",
            "upcast_attention", "resnet_time_scale_shift", "time_embedding_dim", "conv_in_kernel", "conv_out_kernel",
            "projection_class_embeddings_input_dim")
        .Only("null", "encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type", "time_embedding_act_fn", "timestep_post_act",
            "time_cond_proj_dim")
        .Only("false", "dual_cross_attention", "class_embeddings_concat")
        .Only("\"positional\"", "time_embedding_type")
        .Only("\"default\"", "attention_type")
        // Only block types that are refused read the first four, only addition_embed_type = text the fifth; dropout is off.
        .Idle("resnet_skip_time_act", "resnet_out_scale_factor", "cross_attention_norm", "mid_block_only_cross_attention",
            "addition_embed_type_num_heads", "dropout")
        // Of the moving average that wrote the weights.
        .Idle("decay", "min_decay", "inv_gamma", "power", "optimization_step", "update_after_step", "use_ema_warmup",
            "collected_params");
}
