using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Samplers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// Stage 3: UNet and text encoder (at a fifth of the rate), noise prediction on Stable Diffusion's schedule, min-SNR-5
/// weighting (Hang et al., 2023), one caption in ten empty for guidance.
/// </summary>
public static class UNetStage
{
    private const double SnrCap = 5;

    public static void Run(Workspace work, Sampler sampler, Latents latents, int steps, int batch, Action<TextToLatent> preview)
    {
        manual_seed(3);
        var model = new TextToLatent(work);
        Weights.Load(model.Text, Path.Combine(work.Folder, "text-pretrained.safetensors"));
        foreach (var parameter in model.parameters())
        {
            parameter.requires_grad = true;
        }
        nn.init.zeros_(model.UNet.OutputConvolution.Weights);
        nn.init.zeros_(model.UNet.OutputConvolution.Biases!);
        using var loop = new TrainingLoop(work.Folder, "unet", model, 1e-3, 0.998,
            (model.UNet.parameters().Cast<Parameter>(), 1), (model.Text.parameters().Cast<Parameter>(), 0.2));
        var alphas = new DdimSampler(SchedulerConfig.StableDiffusion).AlphasCumprod;
        var snr = alphas / (1 - alphas);
        var weights = snr.clamp_max(SnrCap) / snr;
        loop.Run(steps, random =>
        {
            var draws = sampler.Batch(random, batch);
            var captions = draws.Select(d => random.NextDouble() < 0.1 ? "" : d.Caption).ToArray();
            var x0 = latents.Of(draws);
            var noise = randn_like(x0);
            var t = randint(0, 1000, [batch], dtype: ScalarType.Int64);
            var a = alphas.index_select(0, t).view(-1, 1, 1, 1);
            var noisy = a.sqrt() * x0 + (1 - a).sqrt() * noise;
            var context = model.Text.Encode(work.Tokens(captions)).LastHidden;
            var error = (model.UNet.forward(noisy, t, context) - noise).square().mean([1, 2, 3]);
            return (error * weights.index_select(0, t)).mean();
        }, atCheckpoint: () => Preview(work, loop, preview));
        loop.UseAverage();
        Weights.Save(model.UNet, Path.Combine(work.Folder, "unet.safetensors"), ScalarType.Float32);
        Weights.Save(model.Text, Path.Combine(work.Folder, "text.safetensors"), ScalarType.Float32);
    }

    /// <summary>Samples with the averaged weights, in a model of their own so that training goes on undisturbed.</summary>
    private static void Preview(Workspace work, TrainingLoop loop, Action<TextToLatent> preview)
    {
        using var scope = NewDisposeScope();
        using var copy = new TextToLatent(work);
        loop.CopyAverageTo(copy);
        Weights.Freeze(copy);
        preview(copy);
    }
}

/// <summary>The two parts that are trained together.</summary>
public sealed class TextToLatent : nn.Module
{
    private readonly UNet2DConditionModel unet;
    private readonly ClipTextModel text_encoder;

    public TextToLatent(Workspace work) : base(nameof(TextToLatent))
    {
        unet = new UNet2DConditionModel(EmojiStructure.UNet);
        text_encoder = new ClipTextModel(EmojiStructure.Text(work.Vocabulary, work.Tokenizer.EosId));
        RegisterComponents();
    }

    public UNet2DConditionModel UNet => unet;

    public ClipTextModel Text => text_encoder;
}
