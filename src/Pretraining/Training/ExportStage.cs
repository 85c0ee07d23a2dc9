using System.Text.Json;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// Writes what the stages made as fp16 in the layout of diffusers (the model) and transformers (CLIP, with a head each).
/// </summary>
public static class ExportStage
{
    /// <summary>
    /// What transformers 5 loads the parts in, which else takes the file's fp16, while diffusers takes fp32 for its own.
    /// </summary>
    private const string Type = "float32";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Run(Workspace work, double scalingFactor, string folder)
    {
        var diffusion = Path.Combine(folder, "emoji-diffusion");
        Json(diffusion, "model_index.json", new()
        {
            ["_class_name"] = "StableDiffusionPipeline",
            ["_diffusers_version"] = "0.27.2",
            ["scheduler"] = new[] { "diffusers", "DDIMScheduler" },
            ["text_encoder"] = new[] { "transformers", "CLIPTextModel" },
            ["tokenizer"] = new[] { "transformers", "CLIPTokenizer" },
            ["unet"] = new[] { "diffusers", "UNet2DConditionModel" },
            ["vae"] = new[] { "diffusers", "AutoencoderKL" },
            ["safety_checker"] = new string?[] { null, null },
            ["feature_extractor"] = new string?[] { null, null },
            ["requires_safety_checker"] = false,
        });
        var text = EmojiStructure.Text(work.Vocabulary, work.Tokenizer.EosId);
        Part(Path.Combine(diffusion, "unet"), "diffusion_pytorch_model", new UNet2DConditionModel(EmojiStructure.UNet), work,
            "unet", UNet());
        Part(Path.Combine(diffusion, "text_encoder"), "model", new ClipTextModel(text), work, "text",
            Text(text, "clip_text_model", ("architectures", new[] { "CLIPTextModel" }),
                ("torch_dtype", Type)));
        Part(Path.Combine(diffusion, "vae"), "diffusion_pytorch_model", new AutoencoderKL(EmojiStructure.Vae(1)), work,
            "vae-finetuned", Vae(scalingFactor));
        Json(Path.Combine(diffusion, "scheduler"), "scheduler_config.json", Scheduler());
        CopyTokenizer(work, Path.Combine(diffusion, "tokenizer"));

        var clip = Path.Combine(folder, "emoji-clip");
        var config = EmojiStructure.Clip(work.Vocabulary, work.Tokenizer.EosId);
        Part(clip, "model", new ClipModel(config), work, "clip", Clip(config));
        CopyTokenizer(work, clip);
        Json(clip, "preprocessor_config.json", new()
        {
            ["image_mean"] = new[] { 0.48145466, 0.4578275, 0.40821073 },
            ["image_std"] = new[] { 0.26862954, 0.26130258, 0.27577711 },
            ["size"] = new Dictionary<string, object> { ["shortest_edge"] = EmojiStructure.ImageSize },
            ["crop_size"] = new Dictionary<string, object>
            {
                ["height"] = EmojiStructure.ImageSize,
                ["width"] = EmojiStructure.ImageSize
            },
            ["do_resize"] = true,
            ["do_center_crop"] = true,
            ["do_normalize"] = true,
            ["feature_extractor_type"] = "CLIPFeatureExtractor",
        });
        foreach (var head in new[] { "preference", "jpeg-size", "detector" })
        {
            var target = Path.Combine(folder, $"emoji-{head}");
            Directory.CreateDirectory(target);
            var module = Weights.Load(new RewardHead(config.ProjectionDim, HeadStage.Hidden),
                Path.Combine(work.Folder, $"head-{head}.safetensors"));
            Weights.Save(module, Path.Combine(target, "head.safetensors"), ScalarType.Float32);
            Json(target, "config.json", new()
            {
                ["kind"] = head,
                ["clip"] = "../emoji-clip",
                ["hidden"] = HeadStage.Hidden,
                ["concept"] = head == "detector" ? HeadStage.DetectedConcept : null,
            });
        }
    }

    private static void Part(string folder, string name, nn.Module module, Workspace work, string checkpoint,
        Dictionary<string, object?> config)
    {
        Weights.Load(module, Path.Combine(work.Folder, $"{checkpoint}.safetensors"));
        Json(folder, "config.json", config);
        Weights.Save(module, Path.Combine(folder, name + ".safetensors"), ScalarType.Float16);
    }

    private static void Json(string folder, string file, Dictionary<string, object?> values)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, file), JsonSerializer.Serialize(values, Indented) + "\n");
    }

    private static void CopyTokenizer(Workspace work, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(work.Folder, "tokenizer")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }
    }

    private static Dictionary<string, object?> UNet() => new()
    {
        ["_class_name"] = "UNet2DConditionModel",
        ["act_fn"] = "silu",
        ["attention_head_dim"] = EmojiStructure.UNet.Heads,
        ["block_out_channels"] = EmojiStructure.UNet.BlockOutChannels,
        ["cross_attention_dim"] = EmojiStructure.TextWidth,
        ["down_block_types"] = EmojiStructure.UNet.BlockOutChannels.Select(_ => "CrossAttnDownBlock2D").ToArray(),
        ["up_block_types"] = EmojiStructure.UNet.BlockOutChannels.Select(_ => "CrossAttnUpBlock2D").ToArray(),
        ["mid_block_type"] = "UNetMidBlock2DCrossAttn",
        ["flip_sin_to_cos"] = true,
        ["freq_shift"] = 0,
        ["in_channels"] = 4,
        ["out_channels"] = 4,
        ["layers_per_block"] = 1,
        ["norm_eps"] = EmojiStructure.UNet.NormEps,
        ["norm_num_groups"] = EmojiStructure.UNet.NormNumGroups,
        ["sample_size"] = EmojiStructure.UNet.SampleSize.Height,
    };

    private static Dictionary<string, object?> Vae(double scalingFactor)
    {
        var vae = EmojiStructure.Vae(scalingFactor);
        return new()
        {
            ["_class_name"] = "AutoencoderKL",
            ["act_fn"] = "silu",
            ["block_out_channels"] = vae.BlockOutChannels,
            ["down_block_types"] = vae.BlockOutChannels.Select(_ => "DownEncoderBlock2D").ToArray(),
            ["up_block_types"] = vae.BlockOutChannels.Select(_ => "UpDecoderBlock2D").ToArray(),
            ["in_channels"] = 3,
            ["out_channels"] = 3,
            ["latent_channels"] = vae.LatentChannels,
            ["layers_per_block"] = vae.LayersPerBlock,
            ["norm_num_groups"] = vae.NormNumGroups,
            ["sample_size"] = vae.SampleSize,
            ["scaling_factor"] = Math.Round(scalingFactor, 5),
        };
    }

    private static Dictionary<string, object?> Text(ClipTextConfig text, string type, params (string, object)[] more)
    {
        var values = new Dictionary<string, object?>
        {
            ["model_type"] = type,
            ["vocab_size"] = text.VocabSize,
            ["hidden_size"] = text.HiddenSize,
            ["intermediate_size"] = text.IntermediateSize,
            ["num_hidden_layers"] = text.Layers,
            ["num_attention_heads"] = text.Heads,
            ["max_position_embeddings"] = text.MaxPositions,
            ["hidden_act"] = text.HiddenAct,
            ["layer_norm_eps"] = text.LayerNormEps,
            ["bos_token_id"] = text.EosTokenId - 1,
            ["eos_token_id"] = text.EosTokenId,
            ["pad_token_id"] = text.EosTokenId,
        };
        foreach (var (key, value) in more)
        {
            values[key] = value;
        }
        return values;
    }

    private static Dictionary<string, object?> Clip(ClipConfig clip) => new()
    {
        ["architectures"] = new[] { "CLIPModel" },
        ["torch_dtype"] = Type,
        ["model_type"] = "clip",
        ["projection_dim"] = clip.ProjectionDim,
        ["logit_scale_init_value"] = 2.6592,
        ["text_config"] = Text(clip.Text, "clip_text_model", ("projection_dim", clip.ProjectionDim)),
        ["vision_config"] = new Dictionary<string, object?>
        {
            ["model_type"] = "clip_vision_model",
            ["hidden_size"] = clip.Vision.HiddenSize,
            ["intermediate_size"] = clip.Vision.IntermediateSize,
            ["num_hidden_layers"] = clip.Vision.Layers,
            ["num_attention_heads"] = clip.Vision.Heads,
            ["image_size"] = clip.Vision.ImageSize,
            ["patch_size"] = clip.Vision.PatchSize,
            ["hidden_act"] = clip.Vision.HiddenAct,
            ["layer_norm_eps"] = clip.Vision.LayerNormEps,
            ["projection_dim"] = clip.ProjectionDim,
        },
    };

    private static Dictionary<string, object?> Scheduler() => new()
    {
        ["_class_name"] = "DDIMScheduler",
        ["num_train_timesteps"] = 1000,
        ["beta_start"] = 0.00085,
        ["beta_end"] = 0.012,
        ["beta_schedule"] = "scaled_linear",
        ["prediction_type"] = "epsilon",
        ["timestep_spacing"] = "leading",
        ["steps_offset"] = 1,
        ["set_alpha_to_one"] = false,
        ["clip_sample"] = false,
    };
}
