using AlignProp.Models.Files;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// Stage 4: the decoder alone, with the encoder frozen, from latents with a little noise: sharper eyes and outlines.
/// </summary>
public static class DecoderStage
{
    public static void Run(Workspace work, Sampler sampler, Latents latents, int steps)
    {
        manual_seed(7);
        var vae = VaeStage.Load(work);
        var decoder = vae.DecoderParameters().ToArray();
        foreach (var parameter in decoder)
        {
            parameter.requires_grad = true;
        }
        using var loop = new TrainingLoop(work.Folder, "decoder", vae, 8e-4, 0.998, (decoder, 1));
        loop.Run(steps, random =>
        {
            var draws = sampler.Batch(random, 8);
            var z = latents.Of(draws);
            z = z + (float)(random.NextDouble() * 0.1) * randn_like(z);
            return VaeStage.ReconstructionLoss(vae.Decode(z / (float)latents.ScalingFactor), work.Images(draws));
        }, cosineFrom: 0.1);
        loop.UseAverage();
        loop.Export("vae-finetuned");
        Weights.Freeze(vae);
        Console.WriteLine($"decoder: reconstruction {VaeStage.Psnr(work, vae):F1} dB");
    }
}
