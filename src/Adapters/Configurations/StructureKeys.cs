namespace AlignProp.Adapters.Configurations;

/// <summary>
/// The keys and shapes a configuration stands for, for the structures Stable Diffusion is made of: diffusers'
/// UNet2DConditionModel and AutoencoderKL, transformers' CLIPTextModel and CLIPModel. Written without torch, from the upstream
/// modules; null for sizes that no network has.
/// </summary>
internal static class StructureKeys
{
    /// <summary>Larger numbers are no network's, and would make long lists.</summary>
    private const int MostLayers = 256;

    internal static IReadOnlyDictionary<string, long[]>? UNet(UNetConfig config)
    {
        var (channels, time) = (config.BlockOutChannels, config.TimeDim);
        int[] counts = [.. config.LayersPerBlock, .. config.TransformerLayers.SelectMany(t => t),
            .. config.UpTransformerLayers.SelectMany(t => t), config.MidTransformerLayers];
        if (channels is not { Length: > 0 and < 16 } || counts.Any(n => n is < 1 or > MostLayers) || channels.Any(c => c < 1))
        {
            return null;
        }

        var (keys, levels, scaleShift) = (new StructureBuilder(), channels.Length, config.TimeScaleShift);
        keys.Conv("conv_in", config.InChannels, channels[0], config.ConvInKernel);
        Embedding("time_embedding", channels[0]);
        if (config.ClassCount is { } classes)
        {
            keys.Tensor("class_embedding.weight", classes, time);
        }

        if (config.TextTime is { } extra)
        {
            Embedding("add_embedding", extra.InputWidth);
        }

        var width = channels[0];
        for (var i = 0; i < levels; i++)
        {
            for (var j = 0; j < config.LayersPerBlock[i]; j++)
            {
                keys.Resnet($"down_blocks.{i}.resnets.{j}", width, channels[i], time, scaleShift);
                width = channels[i];
                if (config.DownAttention[i])
                {
                    Transformer($"down_blocks.{i}.attentions.{j}", i, config.TransformerLayers[i][j]);
                }
            }

            if (i < levels - 1)
            {
                keys.Conv($"down_blocks.{i}.downsamplers.0.conv", width, width, 3);
            }
        }

        if (config.MidBlock != MidBlockKind.None)
        {
            keys.Resnet("mid_block.resnets.0", width, width, time, scaleShift);
        }

        if (config.MidBlock == MidBlockKind.CrossAttention)
        {
            keys.Transformer("mid_block.attentions.0", width, config.Heads[^1], config.MidTransformerLayers,
                config.CrossAttentionDim[^1], config.UseLinearProjection, onlyText: false);
            keys.Resnet("mid_block.resnets.1", width, width, time, scaleShift);
        }

        for (var i = 0; i < levels; i++)
        {
            var level = levels - 1 - i;
            var layers = config.LayersPerBlock[level];
            for (var j = 0; j <= layers; j++)
            {
                // The last residual block of a level takes what the level above gave on the way down.
                var skip = j == layers ? channels[Math.Max(level - 1, 0)] : channels[level];
                keys.Resnet($"up_blocks.{i}.resnets.{j}", width + skip, channels[level], time, scaleShift);
                width = channels[level];
                if (config.UpAttention[i])
                {
                    Transformer($"up_blocks.{i}.attentions.{j}", level, config.UpTransformerLayers[i][j]);
                }
            }

            if (i < levels - 1)
            {
                keys.Conv($"up_blocks.{i}.upsamplers.0.conv", width, width, 3);
            }
        }

        keys.Norm("conv_norm_out", channels[0]);
        keys.Conv("conv_out", channels[0], config.OutChannels, config.ConvOutKernel);
        return keys.Keys;

        void Embedding(string name, long from)
        {
            keys.Linear($"{name}.linear_1", from, time);
            keys.Linear($"{name}.linear_2", time, time);
        }

        void Transformer(string name, int level, int layers) => keys.Transformer(name, channels[level], config.Heads[level],
            layers, config.CrossAttentionDim[level], config.UseLinearProjection, config.OnlyCrossAttention[level]);
    }

    internal static IReadOnlyDictionary<string, long[]>? Vae(VaeConfig config)
    {
        var (channels, layers, latents) = (config.BlockOutChannels, config.LayersPerBlock, config.LatentChannels);
        if (channels is not { Length: > 0 and < 16 } || layers is < 1 or > MostLayers || channels.Any(c => c < 1))
        {
            return null;
        }

        var keys = new StructureBuilder();
        keys.Conv("encoder.conv_in", config.InChannels, channels[0], 3);
        Levels("encoder.down_blocks", channels[0], channels, layers, "downsamplers");
        Middle("encoder");
        keys.Norm("encoder.conv_norm_out", channels[^1]);
        keys.Conv("encoder.conv_out", channels[^1], 2 * latents, 3);
        keys.Conv("decoder.conv_in", latents, channels[^1], 3);
        Middle("decoder");
        Levels("decoder.up_blocks", channels[^1], [.. channels.Reverse()], layers + 1, "upsamplers");
        keys.Norm("decoder.conv_norm_out", channels[0]);
        keys.Conv("decoder.conv_out", channels[0], config.OutChannels, 3);
        keys.Conv("quant_conv", 2 * latents, 2 * latents, 1);
        keys.Conv("post_quant_conv", latents, latents, 1);
        return keys.Keys;

        void Levels(string name, long width, int[] widths, int count, string resampler)
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

    /// <param name="projection">CLIPTextModelWithProjection.</param>
    internal static IReadOnlyDictionary<string, long[]>? Text(ClipTextConfig config, bool projection)
    {
        var keys = new StructureBuilder();
        if (!TextTower(keys, config))
        {
            return null;
        }

        if (projection)
        {
            keys.Linear("text_projection", config.HiddenSize, config.ProjectionDim, bias: false);
        }

        return keys.Keys;
    }

    internal static IReadOnlyDictionary<string, long[]>? Clip(ClipConfig config)
    {
        var (keys, vision) = (new StructureBuilder(), config.Vision);
        var width = vision.HiddenSize;
        if (!TextTower(keys, config.Text) || vision.Layers is < 1 or > MostLayers || vision.PatchSize < 1 || width < 1)
        {
            return null;
        }

        long side = vision.ImageSize / vision.PatchSize;
        keys.Tensor("vision_model.embeddings.class_embedding", width);
        keys.Tensor("vision_model.embeddings.patch_embedding.weight", width, 3, vision.PatchSize, vision.PatchSize);
        keys.Tensor("vision_model.embeddings.position_embedding.weight", (side * side) + 1, width);
        keys.Norm("vision_model.pre_layrnorm", width);
        keys.ClipEncoder("vision_model.encoder", width, vision.IntermediateSize, vision.Layers);
        keys.Norm("vision_model.post_layernorm", width);
        keys.Linear("visual_projection", width, config.ProjectionDim, bias: false);
        keys.Linear("text_projection", config.Text.HiddenSize, config.ProjectionDim, bias: false);
        keys.Tensor("logit_scale");
        return keys.Keys;
    }

    private static bool TextTower(StructureBuilder keys, ClipTextConfig config)
    {
        if (config.Layers is < 1 or > MostLayers || config.HiddenSize < 1)
        {
            return false;
        }

        keys.Tensor("text_model.embeddings.token_embedding.weight", config.VocabSize, config.HiddenSize);
        keys.Tensor("text_model.embeddings.position_embedding.weight", config.MaxPositions, config.HiddenSize);
        keys.ClipEncoder("text_model.encoder", config.HiddenSize, config.IntermediateSize, config.Layers);
        keys.Norm("text_model.final_layer_norm", config.HiddenSize);
        return true;
    }
}
