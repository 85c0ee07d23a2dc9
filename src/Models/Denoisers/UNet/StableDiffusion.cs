using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Planning;
using AlignProp.Models.Guidance;
using AlignProp.Models.Latents;
using AlignProp.Models.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>Stable Diffusion 1, 2 and XL: CLIP's text encoders, a UNet, a VAE, DDIM, classifier-free guidance.</summary>
public static class StableDiffusion
{
    /// <summary>Loads a diffusers folder (model_index.json) or a single-file checkpoint.</summary>
    /// <param name="dtype">Of the frozen weights: Float32 on the CPU; BFloat16 or Float16 on CUDA.</param>
    /// <param name="options">How to decode, and what a single file cannot say.</param>
    /// <exception cref="ModelFileException">
    /// A part is missing, a structure is not supported, or a weight is missing or has another shape.
    /// </exception>
    public static TextToImage Load(string path, Device device, ScalarType dtype = ScalarType.Float32,
        StableDiffusionOptions? options = null) =>
        PlannedModel.Load(ModelPlan.Of(path, new ModelOptions(options?.Tokenizer ?? "", options?.Prediction ?? "")),
            options?.Decode ?? DecodeMode.Auto, device, dtype);

    /// <summary>The family's five parts around its networks.</summary>
    public static TextToImage Of(ITextEncoder text, UNet2DConditionModel unet, AutoencoderKL vae, SchedulerConfig scheduler,
        DecodeMode decode = DecodeMode.Auto) =>
        new(text, unet, new LatentDecoder(vae, decode), new DdimSampler(scheduler), new ClassifierFree());
}

/// <param name="Tokenizer">Of a single file: a folder with CLIP's vocab.json and merges.txt.</param>
/// <param name="Prediction">
/// Of a single file: epsilon or v_prediction; "" = as published: v_prediction for SD 2 (2.1 at 768) and for files that say so,
/// epsilon otherwise.
/// </param>
public sealed record StableDiffusionOptions(string Tokenizer = "", string Prediction = "", DecodeMode Decode = DecodeMode.Auto);
