using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;
using AlignProp.Models.Samplers;
using AlignProp.Models.Text;
using AlignProp.Models.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>
/// A published folder in diffusers layout: model_index.json and one folder a part, each with its own config.json.
/// </summary>
internal static class DiffusersFolder
{
    /// <exception cref="ModelFileException">
    /// A part is missing, a structure is not supported, or a weight is missing or has another shape.
    /// </exception>
    public static TextToImage Load(string folder, StableDiffusionOptions options, Device device, ScalarType dtype)
    {
        var index = JsonConfig.Load(Path.Combine(folder, "model_index.json"));
        string Part(params string[] names) => Path.Combine([folder, .. names]);
        var config = UNetConfig.Load(Part("unet", "config.json"));
        var vaeConfig = VaeConfig.Load(Part("vae", "config.json"));
        (string Encoder, string Tokenizer)[] towers = config.TextTime is null
            ? [("text_encoder", "tokenizer")]
            : [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")];
        var texts = towers.Select(t => ClipTextConfig.Load(Part(t.Encoder, "config.json"))).ToList();
        PartsCheck.Fit(folder, config, vaeConfig, texts);
        var scheduler = SchedulerConfig.Load(Part("scheduler", "scheduler_config.json"));
        var tokenizers = towers.Select(t => ClipTokenizer.Load(Part(t.Tokenizer))).ToList();

        var unet = Weights.Load(Parts.Blueprint(() => new UNet2DConditionModel(config)),
            Part("unet"), device: device, dtype: dtype);
        var vae = Weights.Load(Parts.Blueprint(() => new AutoencoderKL(vaeConfig)),
            Part("vae"), AutoencoderKL.RenameDeprecatedKey, device, vaeConfig.ForceUpcast ? ScalarType.Float32 : dtype);
        // SDXL's second encoder is the one with a projection.
        var encoders =
            towers.Select((t, i) => Weights.Load(Parts.Blueprint(() => new ClipTextModel(texts[i], projection: i == 1)),
            Part(t.Encoder), device: device, dtype: dtype)).ToList();
        var prompts = new PromptEncoder([.. tokenizers.Zip(encoders, (t, e) => new TextTower(t, e))],
            config.TextTime is null ? PromptStyle.LastHidden : PromptStyle.PenultimateWithPooled, device,
            zerosForEmpty: config.TextTime is not null && index.Bool("force_zeros_for_empty_prompt", true));
        return StableDiffusion.Of(prompts, unet, vae, scheduler, options.Decode);
    }
}

/// <summary>Whether the parts of a model fit each other: a model put together from two would compute nonsense.</summary>
internal static class PartsCheck
{
    /// <exception cref="ModelFileException">
    /// They do not, or the model is of a kind that AlignProp's chain does not sample (inpainting, upscaling, refining).
    /// </exception>
    public static void Fit(string path, UNetConfig unet, VaeConfig vae, IReadOnlyList<ClipTextConfig> texts)
    {
        var width = texts.Sum(t => t.HiddenSize);
        if (unet.InChannels != vae.LatentChannels || unet.OutChannels != vae.LatentChannels)
        {
            throw new ModelFileException(
                $"{path}: the UNet's in_channels = {unet.InChannels}, out_channels = {unet.OutChannels}; expected the VAE's "
                + $"{vae.LatentChannels} "
                + "latent channels (inpainting and depth models take more, and are not supported)");
        }
        if (unet.ClassCount is { } classes)
        {
            throw new ModelFileException(
                $"{path}: num_class_embeds = {classes}: models that want class labels (upscalers) are not supported; expected a "
                + $"text-to-image model");
        }
        if (unet.CrossAttentionDim.Any(d => d != width))
        {
            throw new ModelFileException(
                $"{path}: cross_attention_dim = {string.Join(", ", unet.CrossAttentionDim.Distinct())}; expected the text "
                + $"encoders' width {width}");
        }
        if (unet.TextTime is { } extra && 6 * extra.TimeWidth + texts[^1].ProjectionDim is var wanted
            && wanted != extra.InputWidth)
        {
            throw new ModelFileException(
                $"{path}: projection_class_embeddings_input_dim = {extra.InputWidth}; expected {wanted} (6 sizes of "
                + $"{extra.TimeWidth} and the pooled text; "
                + "SDXL's refiner has 5 sizes and is not supported)");
        }
    }
}
