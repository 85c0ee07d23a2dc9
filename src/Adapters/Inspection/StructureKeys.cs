using System.Text.Json;

namespace AlignProp.Adapters.Inspection;

/// <summary>
/// The keys and shapes a config.json stands for, for the structures Stable Diffusion is made of: diffusers' UNet2DConditionModel
/// and AutoencoderKL, transformers' CLIPTextModel and CLIPModel. Written without torch, from the upstream modules; null where a
/// configuration asks for something these four do not have.
/// </summary>
internal static class StructureKeys
{
    /// <summary>Larger numbers are no network's, and would make long lists.</summary>
    private const long MostLayers = 256;

    internal static IReadOnlyDictionary<string, long[]>? Of(JsonFacts config) => config switch
    {
        _ when config.Text("_class_name") == "UNet2DConditionModel" => UNet(config),
        _ when config.Text("_class_name") == "AutoencoderKL" => Vae(config),
        _ when config.Text("model_type") == "clip_text_model" => Text(config),
        _ when config.Text("model_type") == "clip"
            || config.Raw("architectures")?.Contains("\"CLIPModel\"", StringComparison.Ordinal) == true => Clip(config),
        _ => null,
    };

    private static IReadOnlyDictionary<string, long[]>? UNet(JsonFacts config)
    {
        var channels = Longs(config, "block_out_channels", [320, 640, 1280, 1280]);
        if (channels is not { Length: > 0 and < 16 })
        {
            return null;
        }

        var levels = channels.Length;
        var down = Texts(config, "down_block_types",
            ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]);
        var up = Texts(config, "up_block_types", ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]);
        var (layers, depth, text) = (PerLevel(config, "layers_per_block", levels, 2),
            PerLevel(config, "transformer_layers_per_block", levels, 1), PerLevel(config, "cross_attention_dim", levels, 1280));
        string[] others =
        [
            "class_embed_type", "time_embedding_dim", "encoder_hid_dim", "reverse_transformer_layers_per_block",
                "time_cond_proj_dim", "num_class_embeds", "conv_in_kernel", "conv_out_kernel",
            "dual_cross_attention", "only_cross_attention", "mid_block_only_cross_attention", "resnet_time_scale_shift",
                "time_embedding_type",
        ];
        if (down?.Length != levels || up?.Length != levels || layers is null || depth is null || text is null
            || others.Any(k => config.Raw(k) is not (null or "3" or "false" or "\"default\"" or "\"positional\""))
            || down.Any(t => t is not ("DownBlock2D" or "CrossAttnDownBlock2D"))
                || up.Any(t => t is not ("UpBlock2D" or "CrossAttnUpBlock2D"))
            || (config.Text("mid_block_type") ?? "UNetMidBlock2DCrossAttn") != "UNetMidBlock2DCrossAttn"
            || config.Text("addition_embed_type") is not (null or "text_time"))
        {
            return null;
        }

        var (keys, time, linear) = (new StructureBuilder(), 4 * channels[0], config.Raw("use_linear_projection") == "true");
        keys.Conv("conv_in", config.Int("in_channels") ?? 4, channels[0], 3);
        Embedding("time_embedding", channels[0]);
        if (config.Text("addition_embed_type") == "text_time")
        {
            Embedding("add_embedding", config.Int("projection_class_embeddings_input_dim") ?? 0);
        }

        var width = channels[0];
        for (var i = 0; i < levels; i++)
        {
            for (var j = 0; j < layers[i]; j++)
            {
                keys.Resnet($"down_blocks.{i}.resnets.{j}", width, channels[i], time);
                width = channels[i];
                Attention($"down_blocks.{i}", j, i, down[i]);
            }

            if (i < levels - 1)
            {
                keys.Conv($"down_blocks.{i}.downsamplers.0.conv", width, width, 3);
            }
        }

        keys.Resnet("mid_block.resnets.0", width, width, time);
        keys.Transformer("mid_block.attentions.0", width, depth[^1], text[^1], linear);
        keys.Resnet("mid_block.resnets.1", width, width, time);
        for (var i = 0; i < levels; i++)
        {
            var level = levels - 1 - i;
            for (var j = 0; j <= layers[level]; j++)
            {
                // The last residual block of a level takes what the level above gave on the way down.
                var skip = j == layers[level] ? channels[Math.Max(level - 1, 0)] : channels[level];
                keys.Resnet($"up_blocks.{i}.resnets.{j}", width + skip, channels[level], time);
                width = channels[level];
                Attention($"up_blocks.{i}", j, level, up[i]);
            }

            if (i < levels - 1)
            {
                keys.Conv($"up_blocks.{i}.upsamplers.0.conv", width, width, 3);
            }
        }

        keys.Norm("conv_norm_out", channels[0]);
        keys.Conv("conv_out", channels[0], config.Int("out_channels") ?? 4, 3);
        return keys.Keys;

        void Embedding(string name, long from)
        {
            keys.Linear($"{name}.linear_1", from, time);
            keys.Linear($"{name}.linear_2", time, time);
        }

        void Attention(string block, int index, int level, string type)
        {
            if (type.StartsWith("CrossAttn", StringComparison.Ordinal))
            {
                keys.Transformer($"{block}.attentions.{index}", channels[level], depth[level], text[level], linear);
            }
        }
    }

    private static IReadOnlyDictionary<string, long[]>? Vae(JsonFacts config)
    {
        var channels = Longs(config, "block_out_channels", [64]);
        if (channels is not { Length: > 0 and < 16 } || config.Int("layers_per_block") is not (null or (> 0 and < 64))
            || config.Raw("mid_block_add_attention") == "false")
        {
            return null;
        }

        var (keys, latents, layers) = (new StructureBuilder(), config.Int("latent_channels") ?? 4, config.Int("layers_per_block")
            ?? 1);
        keys.Conv("encoder.conv_in", config.Int("in_channels") ?? 3, channels[0], 3);
        Levels("encoder.down_blocks", channels[0], channels, layers, "downsamplers");
        Middle("encoder");
        keys.Norm("encoder.conv_norm_out", channels[^1]);
        keys.Conv("encoder.conv_out", channels[^1], 2 * latents, 3);
        keys.Conv("decoder.conv_in", latents, channels[^1], 3);
        Middle("decoder");
        Levels("decoder.up_blocks", channels[^1], [.. channels.Reverse()], layers + 1, "upsamplers");
        keys.Norm("decoder.conv_norm_out", channels[0]);
        keys.Conv("decoder.conv_out", channels[0], config.Int("out_channels") ?? 3, 3);
        if (config.Raw("use_quant_conv") != "false")
        {
            keys.Conv("quant_conv", 2 * latents, 2 * latents, 1);
        }

        if (config.Raw("use_post_quant_conv") != "false")
        {
            keys.Conv("post_quant_conv", latents, latents, 1);
        }

        return keys.Keys;

        void Levels(string name, long width, long[] widths, int count, string resampler)
        {
            for (var i = 0; i < widths.Length; i++)
            {
                for (var j = 0; j < count; j++)
                {
                    keys.Resnet($"{name}.{i}.resnets.{j}", width, widths[i], time: null);
                    width = widths[i];
                }

                if (i < widths.Length - 1)
                {
                    keys.Conv($"{name}.{i}.{resampler}.0.conv", width, width, 3);
                }
            }
        }

        void Middle(string name)
        {
            keys.Resnet($"{name}.mid_block.resnets.0", channels[^1], channels[^1], time: null);
            keys.Norm($"{name}.mid_block.attentions.0.group_norm", channels[^1]);
            foreach (var projection in new[] { "to_q", "to_k", "to_v", "to_out.0" })
            {
                keys.Linear($"{name}.mid_block.attentions.0.{projection}", channels[^1], channels[^1]);
            }

            keys.Resnet($"{name}.mid_block.resnets.1", channels[^1], channels[^1], time: null);
        }
    }

    private static IReadOnlyDictionary<string, long[]>? Text(JsonFacts config)
    {
        var keys = new StructureBuilder();
        if (!TextTower(keys, config))
        {
            return null;
        }

        if (config.Raw("architectures")?.Contains("CLIPTextModelWithProjection", StringComparison.Ordinal) == true)
        {
            keys.Linear("text_projection", config.Int("hidden_size") ?? 512, config.Int("projection_dim") ?? 512, bias: false);
        }

        return keys.Keys;
    }

    private static bool TextTower(StructureBuilder keys, JsonFacts config)
    {
        var (width, layers) = (config.Int("hidden_size") ?? 512, config.Int("num_hidden_layers") ?? 12);
        keys.Tensor("text_model.embeddings.token_embedding.weight", config.Int("vocab_size") ?? 49408, width);
        keys.Tensor("text_model.embeddings.position_embedding.weight", config.Int("max_position_embeddings") ?? 77, width);
        keys.ClipEncoder("text_model.encoder", width, config.Int("intermediate_size") ?? 2048, Math.Min(layers, MostLayers));
        keys.Norm("text_model.final_layer_norm", width);
        return layers is > 0 and <= (int)MostLayers;
    }

    private static IReadOnlyDictionary<string, long[]>? Clip(JsonFacts config)
    {
        // Old files repeat the sizes under *_config_dict, where transformers lets them win: not guessed at here.
        if (config.Object("text_config") is not { } text || config.Object("vision_config") is not { } vision
            || config.Raw("text_config_dict") is not null || config.Raw("vision_config_dict") is not null)
        {
            return null;
        }

        var keys = new StructureBuilder();
        var (width, layers, size, patch) = (vision.Int("hidden_size") ?? 768, vision.Int("num_hidden_layers") ?? 12,
            vision.Int("image_size") ?? 224, vision.Int("patch_size") ?? 32);
        if (!TextTower(keys, text) || layers is <= 0 or > (int)MostLayers || patch <= 0)
        {
            return null;
        }

        keys.Tensor("vision_model.embeddings.class_embedding", width);
        keys.Tensor("vision_model.embeddings.patch_embedding.weight", width, 3, patch, patch);
        keys.Tensor("vision_model.embeddings.position_embedding.weight", ((long)(size / patch) * (size / patch)) + 1, width);
        keys.Norm("vision_model.pre_layrnorm", width);
        keys.ClipEncoder("vision_model.encoder", width, vision.Int("intermediate_size") ?? 3072, layers);
        keys.Norm("vision_model.post_layernorm", width);
        var space = config.Int("projection_dim") ?? 512;
        keys.Linear("visual_projection", width, space, bias: false);
        keys.Linear("text_projection", text.Int("hidden_size") ?? 512, space, bias: false);
        keys.Tensor("logit_scale");
        return keys.Keys;
    }

    private static long[]? Longs(JsonFacts config, string key, long[] otherwise) => config.Raw(key) is not { } raw ? otherwise
        : Parse<long[]>(raw) is { } values && values.All(v => v is > 0 and < 1 << 20) ? values : null;

    private static string[]? Texts(JsonFacts config, string key, string[] otherwise) => config.Raw(key) is not { } raw
        ? otherwise : Parse<string[]>(raw);

    /// <summary>A list, or one number for all levels; null where it is neither.</summary>
    private static long[]? PerLevel(JsonFacts config, string key, int levels, int otherwise)
    {
        var values = config.Int(key) is { } one ? [.. Enumerable.Repeat((long)one, levels)]
            : Longs(config, key, [.. Enumerable.Repeat((long)otherwise, levels)]);
        return values?.Length == levels
            && values.All(v => v > 0
            && v <= (key switch { "layers_per_block" => 16, "transformer_layers_per_block" => 64, _ => 1 << 20 })) ? values
            : null;
    }

    private static T? Parse<T>(string json) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
