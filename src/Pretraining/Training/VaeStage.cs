using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>Stage 1: the autoencoder. L1 + half the L1 of image gradients + a small KL.</summary>
public static class VaeStage
{
    public static void Run(Workspace work, Sampler sampler, int steps)
    {
        manual_seed(1);
        var vae = new AutoencoderKL(EmojiStructure.Vae(1));
        using var loop = new TrainingLoop(work.Folder, "vae", vae, 1.2e-3, 0.995,
            (vae.parameters().Cast<TorchSharp.Modules.Parameter>(), 1));
        loop.Run(steps, random =>
        {
            var images = work.Images(sampler.Batch(random, 8));
            var (mean, logVariance) = vae.Encode(images);
            var latent = mean + (0.5f * logVariance).exp() * randn_like(mean);
            var kl = 0.5f * (mean.square() + logVariance.exp() - 1 - logVariance).mean();
            return ReconstructionLoss(vae.Decode(latent), images) + 1e-3f * kl;
        });
        loop.UseAverage();
        loop.Export("vae");
    }

    /// <summary>The trained autoencoder, frozen.</summary>
    public static AutoencoderKL Load(Workspace work) =>
        Weights.Load(new AutoencoderKL(EmojiStructure.Vae(1)), Path.Combine(work.Folder, "vae.safetensors"));

    /// <summary>L1 of pixels plus half the L1 of horizontal and vertical differences: keeps outlines sharp.</summary>
    public static Tensor ReconstructionLoss(Tensor output, Tensor target)
    {
        var difference = output - target;
        var horizontal = (difference[.., .., .., 1..] - difference[.., .., .., ..^1]).abs().mean();
        var vertical = (difference[.., .., 1.., ..] - difference[.., .., ..^1, ..]).abs().mean();
        return difference.abs().mean() + 0.5f * (horizontal + vertical);
    }

    /// <summary>Mean PSNR in dB of the means' reconstructions over the data set, flips and backgrounds left out.</summary>
    public static double Psnr(Workspace work, AutoencoderKL vae)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var total = 0.0;
        for (var i = 0; i < work.Data.Count; i++)
        {
            using var inner = NewDisposeScope();
            var image = work.Images([new Draw(i, null, false, "")]);
            var mse = (vae.Decode(vae.Encode(image).Mean).clamp(-1, 1) - image).square().mean().item<float>();
            total += 10 * Math.Log10(4 / Math.Max(mse, 1e-9));
        }
        return total / work.Data.Count;
    }
}
