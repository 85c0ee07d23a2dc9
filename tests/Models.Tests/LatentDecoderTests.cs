using AlignProp.Messages;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Rewards;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Decoding with less memory: the same image and gradient.</summary>
[Collection(FixtureCollection.Name)]
public class LatentDecoderTests
{
    [Fact]
    public void A_checkpointed_decode_has_the_gradient_of_diffusers()
    {
        using var scope = NewDisposeScope();
        var (vae, inputs, expected) = (VaeTests.LoadVae(), Fixture.Tensors("vae", "inputs.safetensors"),
            Fixture.Tensors("vae", "expected.safetensors"));
        var decoder = new LatentDecoder(vae, DecodeMode.Checkpointed);
        var latents = inputs["latent"] * (float)vae.Config.ScalingFactor;
        Assert.False(decoder.IsPlain(latents));
        FixtureAgreement.Check("AutoencoderKL", "decoded, checkpointed", decoder.Decode(latents), expected["decoded"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("AutoencoderKL", "grad_latent, checkpointed",
            decoder.Gradient(latents, inputs["grad_out"]) * (float)vae.Config.ScalingFactor, expected["grad_latent"],
                FixtureAgreement.Gradient);
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(9, 21)]
    [InlineData(30, 12)]
    public void Blended_tiles_of_a_local_function_are_the_function(int height, int width)
    {
        using var scope = NewDisposeScope();
        var tiles = new DecodeTiles(factor: 2, size: 8);
        var z = randn([2, 3, height, width], requires_grad: true);
        var upsampled = Upsample(z);
        FixtureAgreement.Check("DecodeTiles", $"blend {height} x {width}", tiles.Blend(z, Upsample), upsampled, 1e-6);
        var gradient = randn_like(upsampled);
        autograd.backward([upsampled], [gradient]);
        FixtureAgreement.Check("DecodeTiles", $"gradient {height} x {width}", tiles.Gradient(z.detach(), gradient, Backward),
            z.grad!, 1e-6);

        static Tensor Upsample(Tensor x) =>
            nn.functional.interpolate(x, [x.shape[2] * 2, x.shape[3] * 2], mode: InterpolationMode.Nearest) * 3f;

        static Tensor Backward(Tensor x, Tensor g)
        {
            var input = x.detach().requires_grad_();
            autograd.backward([Upsample(input)], [g]);
            return input.grad!;
        }
    }

    [Fact]
    public void A_tiled_decode_has_the_gradient_of_autograd_through_it_and_nearly_the_image()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var model = StableDiffusion.Load(Path.Combine(Fixture.Root, "models", "emoji-diffusion"), CPU);
        var tiled = new LatentDecoder(((LatentDecoder)model.Codec).Vae, DecodeMode.Tiled);
        // Images that the VAE knows, larger than a tile: a gradient of colour.
        var picture = linspace(-1, 1, 4 * 72).view(1, 1, 1, -1).expand(1, 3, 4 * 24, 4 * 72).contiguous();
        Tensor latents;
        using (no_grad())
        {
            latents = ((LatentDecoder)model.Codec).Vae.Encode(picture).Mean * (float)((LatentDecoder)model.Codec)
                .Vae.Config.ScalingFactor;
            Assert.False(tiled.IsPlain(latents));
            var (whole, blended) = (new LatentDecoder(((LatentDecoder)model.Codec).Vae, DecodeMode.Plain).Decode(latents),
                tiled.Decode(latents));
            Assert.InRange((whole - blended).abs().mean().item<float>(), 0, 0.05f);
        }
        var z = latents.detach().clone().requires_grad_();
        var image = tiled.Decode(z);
        var gradient = randn_like(image);
        autograd.backward([image], [gradient]);
        FixtureAgreement.Check("AutoencoderKL", "tiled: gradient against autograd", tiled.Gradient(latents, gradient), z.grad!,
            1e-5);
    }

    [Theory]
    [InlineData(DecodeMode.Checkpointed)]
    [InlineData(DecodeMode.Tiled)]
    public void An_alignment_step_with_less_memory_has_the_same_gradient(DecodeMode mode)
    {
        using var scope = NewDisposeScope();
        var plain = Gradients(AlignmentTests.Load(out var inputs), inputs);
        // The fixture's image is smaller than a tile: tiled is one tile.
        var lean = Gradients(AlignmentTests.Load(out inputs, mode), inputs);
        FixtureAgreement.CheckAll("AlignProp step", $"{mode} decode against plain", lean.Zip(plain).ToList(), 1e-6);
    }

    private static List<Tensor> Gradients(TextToImage model, Dictionary<string, Tensor> inputs)
    {
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        new AlignmentStep(model, new BrightnessReward())
            .Run(AlignmentTests.Chain(model, inputs), inputs["x_T"], ["first", "second"], new AlignmentLoss(),
            GradientPlan.LastSteps(2, 8));
        return lora.Parameters.Select(p => p.Value.grad!.clone()).ToList();
    }
}
