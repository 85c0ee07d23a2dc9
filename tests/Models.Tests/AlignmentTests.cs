using AlignProp.Adapters.Configurations;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>The whole step against the reference's plain autograd, against our own, and against finite differences.</summary>
[Collection(FixtureCollection.Name)]
public class AlignmentTests
{
    private const int Steps = 8;
    private const double Guidance = 5;

    private static readonly string[] Prompts = ["first", "second"];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Brightness_gradient_agrees_with_the_reference(int k)
    {
        using var scope = NewDisposeScope();
        var model = Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var expected = Fixture.Tensors("alignprop_step", "expected_grads.safetensors");
        var forward = Fixture.Tensors("alignprop_step", "expected_forward.safetensors");
        var outcome = new AlignmentStep(model, new BrightnessReward()).Run(
            Chain(model, inputs), inputs["x_T"], Prompts, new AlignmentLoss(), GradientPlan.LastSteps(k, Steps));
        FixtureAgreement.Check("AlignProp step", "x_0", outcome.Latents, forward["latents"][-1], FixtureAgreement.Forward);
        FixtureAgreement.Check("AlignProp step", "rewards (brightness)", tensor(outcome.Rewards), forward["reward_brightness"],
            FixtureAgreement.Forward);
        CheckGradients(lora, expected, $"brightness.K{k}");
    }

    [Fact]
    public void Latents_and_guided_noise_agree_with_the_reference_at_every_step()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var forward = Fixture.Tensors("alignprop_step", "expected_forward.safetensors");
        var chain = Chain(model, inputs);
        var latents = chain.Sample(inputs["x_T"]);
        FixtureAgreement.Check("AlignProp step", "latents (all)", stack(latents, 0), forward["latents"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("AlignProp step", "noise_pred_guided (all)",
            stack(Enumerable.Range(0, Steps).Select(i => chain.Predict(i, latents[i])).ToArray(), 0),
                forward["noise_pred_guided"], FixtureAgreement.Forward);
        FixtureAgreement.Check("AlignProp step", "image", model.Codec.Decode(latents[^1]), forward["image"],
            FixtureAgreement.Forward);
    }

    [Fact]
    public void Ancestral_chain_with_given_noises_agrees_with_the_reference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var chain = Chain(model, inputs, eta: 1, noises: inputs["eta1_noises"]);
        FixtureAgreement.Check("AlignProp step", "latents (eta 1)", stack(chain.Sample(inputs["x_T"]), 0),
            Fixture.Tensors("alignprop_step", "expected_forward.safetensors")["eta1_latents"], FixtureAgreement.Forward);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    public void Recomputed_steps_give_the_gradient_of_plain_autograd(int k)
    {
        using var scope = NewDisposeScope();
        var model = Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var chain = Chain(model, inputs);
        new AlignmentStep(model, new BrightnessReward())
            .Run(chain, inputs["x_T"], Prompts, new AlignmentLoss(), GradientPlan.LastSteps(k, Steps));
        var explicitGradients = lora.Parameters.Select(p => p.Value.grad!.clone()).ToList();
        lora.ZeroGradients();

        PlainLoss(model, chain, inputs["x_T"], k).backward();
        FixtureAgreement.CheckAll("AlignProp step", $"explicit against plain autograd, K = {k}",
            explicitGradients.Zip(lora.Parameters, (g, p) => (g, p.Value.grad!)).ToList(), 1e-6);
    }

    [Fact]
    public void A_mask_of_constant_steps_gives_the_gradient_of_plain_autograd()
    {
        using var scope = NewDisposeScope();
        var model = Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var chain = Chain(model, inputs);
        var plan = new GradientPlan(Steps, StepSet.Of(1, 4, 5, 7), true, 0);
        new AlignmentStep(model, new BrightnessReward()).Run(chain, inputs["x_T"], Prompts, new AlignmentLoss(), plan);
        var explicitGradients = lora.Parameters.Select(p => p.Value.grad!.clone()).ToList();
        lora.ZeroGradients();

        var x = inputs["x_T"];
        for (var i = 0; i < Steps; i++)
        {
            var noise = chain.Predict(i, x);
            x = chain.Step(i, x, plan.Trained.Contains(i) ? noise : noise.detach());
        }
        (-new BrightnessReward().Score(model.Codec.Decode(x), Prompts).mean()).backward();
        FixtureAgreement.CheckAll("AlignProp step", "mask against plain autograd",
            explicitGradients.Zip(lora.Parameters, (g, p) => (g, p.Value.grad!)).ToList(), 1e-5);
    }

    [Fact]
    public void Gradient_in_double_precision_agrees_with_finite_differences()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        // One level, 8 channels, 4 x 4 latents: fp64 convolutions have no fast path.
        var unet = new UNet2DConditionModel(UNetConfig.Uniform([8], 1, [2], 6, 4, 4));
        var vae = new AutoencoderKL(new VaeConfig(3, 3, 4, [8], 1, 4, 0.18215, 4));
        foreach (var module in new nn.Module[] { unet, vae })
        {
            module.to(ScalarType.Float64);
            Weights.Freeze(module);
        }
        var model = StableDiffusion.Of(null!, unet, vae, SchedulerConfig.StableDiffusion);
        using var lora = LoraInjection.Attach(model.Denoiser,
            new LoraConfig { Targets = ["to_q", "to_out.0"] }, ScalarType.Float64);
        using (no_grad())
        {
            foreach (var (_, parameter) in lora.Parameters)
            {
                parameter.normal_(0, 0.1);
            }
        }
        var (negative, prompts) = (new Conditioning(randn(2, 5, 6, dtype: ScalarType.Float64)),
            new Conditioning(randn(2, 5, 6, dtype: ScalarType.Float64)));
        var chain = DenoisingChain.Of(model, new SamplingConfig { Steps = 3, GuidanceScale = Guidance }, prompts, negative);
        var noise = randn(2, 4, 4, 4, dtype: ScalarType.Float64);
        new AlignmentStep(model, new BrightnessReward())
            .Run(chain, noise, Prompts, new AlignmentLoss(), GradientPlan.LastSteps(3, 3));
        const double Delta = 1e-5;
        foreach (var index in new[] { 0, 7, lora.Parameters.Count - 1 })
        {
            var parameter = lora.Parameters[index].Value;
            var direction = parameter.grad! / parameter.grad!.norm();
            var slope = (Loss(+Delta) - Loss(-Delta)) / (2 * Delta);
            Assert.Equal(1.0, slope / parameter.grad!.norm().item<double>(), 5);

            double Loss(double step)
            {
                using var noGrad = no_grad();
                using var inner = NewDisposeScope();
                parameter.add_(direction * step);
                var x0 = chain.Sample(noise)[^1];
                var loss = -(model.Codec.Decode(x0) / 2 + 0.5).clamp(0, 1).mean();
                parameter.sub_(direction * step);
                return loss.item<double>();
            }
        }
    }

    [Fact]
    public void Cancellation_is_seen_between_steps()
    {
        using var scope = NewDisposeScope();
        var model = Load(out var inputs);
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new AlignmentStep(model, new BrightnessReward()).Run(
            Chain(model, inputs), inputs["x_T"], Prompts, new AlignmentLoss(), GradientPlan.LastSteps(2, Steps),
            null, (_, _) => cancellation.Cancel(), cancellation.Token));
    }

    internal static TextToImage Load(out Dictionary<string, Tensor> inputs, DecodeMode decode = DecodeMode.Auto)
    {
        inputs = Fixture.Tensors("alignprop_step", "inputs.safetensors");
        return StableDiffusion.Of(null!, UNetTests.LoadUNet(), VaeTests.LoadVae(), SchedulerConfig.StableDiffusion, decode);
    }

    internal static DenoisingChain Chain(TextToImage model, Dictionary<string, Tensor> inputs, double eta = 0,
        Tensor? noises = null) =>
        DenoisingChain.Of(model, new SamplingConfig { Steps = Steps, GuidanceScale = Guidance, Eta = eta },
            new Conditioning(inputs["prompt_embeds"]),
            new Conditioning(inputs["negative_prompt_embeds"]), noises);

    internal static void CheckGradients(LoraInjection lora, Dictionary<string, Tensor> expected, string name) =>
        FixtureAgreement.CheckAll("AlignProp step", $"LoRA gradient {name}",
            lora.Parameters.Select(p => (p.Value.grad!, expected[$"{name}|{p.Name}"])).ToList(), FixtureAgreement.Gradient);

    private static Tensor PlainLoss(TextToImage model, DenoisingChain chain, Tensor noise, int k)
    {
        var x = noise;
        for (var i = 0; i < Steps; i++)
        {
            using var grad = set_grad_enabled(i >= Steps - k);
            x = chain.Step(i, x);
        }
        return -new BrightnessReward().Score(model.Codec.Decode(x), Prompts).mean();
    }
}
