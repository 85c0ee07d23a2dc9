using AlignProp.Models.Clip;
using AlignProp.Models.Schedulers;
using AlignProp.Models.Tokenization;
using AlignProp.Models.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Diffusion;

/// <summary>A text-to-image model of the Stable Diffusion family (1, 2, XL): text encoders, UNet, VAE, scheduler. All frozen.</summary>
public sealed class StableDiffusion(PromptEncoder prompts, UNet2DConditionModel unet, AutoencoderKL vae, DdimScheduler scheduler, Device device) : IDisposable
{
    /// <summary>SD 1 and 2: one text encoder.</summary>
    public StableDiffusion(ClipTokenizer tokenizer, ClipTextModel textEncoder, UNet2DConditionModel unet, AutoencoderKL vae, DdimScheduler scheduler, Device device)
        : this(new PromptEncoder([new TextTower(tokenizer, textEncoder)], PromptStyle.LastHidden), unet, vae, scheduler, device)
    {
    }

    public PromptEncoder Prompts { get; } = prompts;

    /// <summary>Of the (first) text encoder.</summary>
    public ClipTokenizer Tokenizer => Prompts.Towers[0].Tokenizer;

    public UNet2DConditionModel UNet { get; } = unet;

    public AutoencoderKL Vae { get; } = vae;

    public DdimScheduler Scheduler { get; } = scheduler;

    public Device Device { get; } = device;

    /// <summary>Height and width in pixels of the images the model was made for.</summary>
    public (int Height, int Width) DefaultSize =>
        (UNet.Config.SampleSize.Height * Vae.Config.DownscaleFactor, UNet.Config.SampleSize.Width * Vae.Config.DownscaleFactor);

    /// <summary>[C, h, w] of the latents of an image; 0 = the model's own size.</summary>
    /// <exception cref="ModelFileException">The size is not a multiple of the VAE's factor.</exception>
    public long[] LatentShape(int height, int width)
    {
        var factor = Vae.Config.DownscaleFactor;
        var (h, w) = Size(height, width);
        return h % factor == 0 && w % factor == 0
            ? [Vae.Config.LatentChannels, h / factor, w / factor]
            : throw new ModelFileException($"sampling.height x width = {h} x {w}: expected multiples of {factor}");
    }

    /// <summary>Loads a diffusers folder (model_index.json) or a single-file checkpoint.</summary>
    /// <param name="dtype">Of the frozen weights: Float32 on the CPU; BFloat16 or Float16 on CUDA.</param>
    /// <param name="options">What a single file cannot say.</param>
    /// <exception cref="ModelFileException">A part is missing, a structure is not supported, or a weight is missing or has another shape.</exception>
    public static StableDiffusion Load(string path, Device device, ScalarType dtype = ScalarType.Float32, SingleFileOptions? options = null) =>
        File.Exists(path) ? SingleFileCheckpoint.Load(path, options ?? new SingleFileOptions(), device, dtype) : DiffusersFolder.Load(path, device, dtype);

    /// <summary>The same model, decoding in another way.</summary>
    public StableDiffusion With(DecodeMode mode) => new(Prompts, UNet, Vae, Scheduler, Device) { Decoder = new LatentDecoder(Vae, mode) };

    /// <summary>Text states (and SDXL's extras) of prompts, for images of a size; 0 = the model's own.</summary>
    public Conditioning EncodePrompts(IReadOnlyList<string> prompts, int height = 0, int width = 0)
    {
        var (h, w) = Size(height, width);
        return Prompts.Encode(prompts, h, w, Device);
    }

    /// <summary>The unconditional branch of guidance; "" = no negative prompt.</summary>
    public Conditioning EncodeNegative(string negative, int count, int height = 0, int width = 0)
    {
        var (h, w) = Size(height, width);
        return Prompts.EncodeNegative(negative, count, h, w, Device);
    }

    /// <summary>How latents become images: plainly, or with less memory.</summary>
    public LatentDecoder Decoder { get; init; } = new(vae, DecodeMode.Auto);

    /// <summary>Scaled latents [B, C, h, w] -> images [B, 3, H, W], about [-1, 1], not clamped, in the latents' dtype.</summary>
    public Tensor Decode(Tensor latents) => Decoder.Decode(latents);

    public void Dispose()
    {
        Prompts.Dispose();
        UNet.Dispose();
        Vae.Dispose();
    }

    private (int Height, int Width) Size(int height, int width) => (height == 0 ? DefaultSize.Height : height, width == 0 ? DefaultSize.Width : width);
}
