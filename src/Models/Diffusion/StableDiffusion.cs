using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Schedulers;
using AlignProp.Models.Tokenization;
using AlignProp.Models.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Diffusion;

/// <summary>A text-to-image model from a diffusers folder: tokenizer, text_encoder, unet, vae, scheduler. All frozen.</summary>
public sealed class StableDiffusion : IDisposable
{
    public StableDiffusion(ClipTokenizer tokenizer, ClipTextModel textEncoder, UNet2DConditionModel unet, AutoencoderKL vae, DdimScheduler scheduler, Device device)
    {
        (Tokenizer, TextEncoder, UNet, Vae, Scheduler, Device) = (tokenizer, textEncoder, unet, vae, scheduler, device);
    }

    public ClipTokenizer Tokenizer { get; }

    public ClipTextModel TextEncoder { get; }

    public UNet2DConditionModel UNet { get; }

    public AutoencoderKL Vae { get; }

    public DdimScheduler Scheduler { get; }

    public Device Device { get; }

    /// <summary>Height and width in pixels of the images the model was made for.</summary>
    public int DefaultSize => UNet.Config.SampleSize * Vae.Config.DownscaleFactor;

    /// <summary>[C, h, w] of the latents of an image; 0 = the model's own size.</summary>
    /// <exception cref="ModelFileException">The size is not a multiple of the VAE's factor.</exception>
    public long[] LatentShape(int height, int width)
    {
        var factor = Vae.Config.DownscaleFactor;
        var (h, w) = (height == 0 ? DefaultSize : height, width == 0 ? DefaultSize : width);
        return h % factor == 0 && w % factor == 0
            ? [Vae.Config.LatentChannels, h / factor, w / factor]
            : throw new ModelFileException($"sampling.height x width = {h} x {w}: expected multiples of {factor}");
    }

    /// <summary>Loads a folder with model_index.json.</summary>
    /// <param name="dtype">Of the frozen weights: Float32 on the CPU; BFloat16 or Float16 on CUDA.</param>
    /// <exception cref="ModelFileException">A part is missing, or a weight has another shape.</exception>
    public static StableDiffusion Load(string folder, Device device, ScalarType dtype = ScalarType.Float32)
    {
        JsonConfig.Load(Path.Combine(folder, "model_index.json"));
        string Part(params string[] names) => Path.Combine([folder, .. names]);
        var unet = Weights.Load(new UNet2DConditionModel(UNetConfig.Load(Part("unet", "config.json"))),
            Part("unet"));
        var vae = Weights.Load(new AutoencoderKL(VaeConfig.Load(Part("vae", "config.json"))),
            Part("vae"), AutoencoderKL.RenameDeprecatedKey);
        var text = Weights.Load(new ClipTextModel(ClipTextConfig.Load(Part("text_encoder", "config.json"))),
            Part("text_encoder"));
        var scheduler = new DdimScheduler(SchedulerConfig.Load(Part("scheduler", "scheduler_config.json")));
        var tokenizer = ClipTokenizer.Load(Part("tokenizer"));
        unet.to(device, dtype);
        vae.to(device, dtype);
        text.to(device, dtype);
        return new StableDiffusion(tokenizer, text, unet, vae, scheduler, device);
    }

    /// <summary>Text states of prompts, [B, L, width], without gradient.</summary>
    public Tensor EncodePrompts(IReadOnlyList<string> prompts)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var ids = tensor(prompts.SelectMany(p => Tokenizer.Encode(p)).ToArray(), [prompts.Count, Tokenizer.MaxLength], device: Device);
        return TextEncoder.Encode(ids).LastHidden.MoveToOuterDisposeScope();
    }

    /// <summary>Scaled latents [B, C, h, w] -> images [B, 3, H, W], about [-1, 1], not clamped, fp32.</summary>
    public Tensor Decode(Tensor latents)
    {
        using var scope = NewDisposeScope();
        return Vae.Decode((latents / (float)Vae.Config.ScalingFactor).to(Vae.WeightType)).to(latents.dtype).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        TextEncoder.Dispose();
        UNet.Dispose();
        Vae.Dispose();
    }
}
