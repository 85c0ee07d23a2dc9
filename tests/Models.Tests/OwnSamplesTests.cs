using AlignProp.Adapters.Configurations;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Guidance;
using AlignProp.Models.Lora;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Methods that learn from their own samples, against the reference (tests/fixtures/methods/ddpo and rwr).</summary>
[Collection(FixtureCollection.Name)]
public class OwnSamplesTests
{
    private const double AdvantageClip = 0.9;

    private static readonly SamplingConfig Sampling = new() { Steps = 8, GuidanceScale = 5, Eta = 1 };

    [Fact]
    public void Ddpo_log_probabilities_and_both_inner_epochs_agree_with_the_reference()
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = Fixtures("ddpo");
        var model = AlignmentTests.Load(out _);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var chain = DenoisingChain.Of(model, Sampling, new Conditioning(inputs["prompt_embeds"]),
            new Conditioning(inputs["negative_prompt_embeds"]), inputs["noises"]);
        var rollout = StochasticRollout.Of(chain, inputs["x_T"]);
        FixtureAgreement.Check("ddpo", "latents", stack(rollout.Latents, 0), expected["latents"], FixtureAgreement.Forward);
        var logProbabilities = stack(Enumerable.Range(0, 8).Select(i => rollout.LogProbabilities[i]).ToArray(), 0);
        FixtureAgreement.Check("ddpo", "log-probabilities", logProbabilities, expected["log_prob"], FixtureAgreement.Forward);
        Assert.True((logProbabilities - expected["log_prob"]).abs().max().item<float>() < 2e-5);

        var advantages = inputs["advantages"].clamp(-AdvantageClip, AdvantageClip);
        var loss = new PolicyGradientStep(0.0001).Run(chain, rollout, advantages);
        CheckGradients("ddpo", "inner1", lora, expected);
        Assert.Equal(expected["inner1.loss"].mean().item<float>(), loss, 5);

        lora.ZeroGradients();
        using (no_grad())
        {
            foreach (var (name, parameter) in lora.Parameters)
            {
                parameter.copy_(expected[$"lora_after_inner1|{name}"]);
            }
        }
        new PolicyGradientStep(0.000213).Run(chain, rollout, advantages);
        CheckGradients("ddpo", "inner2", lora, expected);
    }

    [Theory]
    [InlineData("softmax_cond", "weights_softmax", false)]
    [InlineData("softmax_guided", "weights_softmax", true)]
    [InlineData("sparse_cond", "weights_sparse", false)]
    [InlineData("linear_cond", "weights_linear", false)]
    public void Reward_weighted_regression_agrees_with_the_reference(string name, string weights, bool guided)
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = Fixtures("rwr");
        var model = AlignmentTests.Load(out _);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var predictor = new ClassifierFree().Prepare(model.Denoiser, new Conditioning(inputs["prompt_embeds"]),
            new Conditioning(inputs["negative_prompt_embeds"]), guided ? Sampling.GuidanceScale : 1);
        var regression = new RegressionStep(model.Sampler, predictor);
        var weight = inputs[weights];
        // The reference's mean is over the samples that are kept.
        weight = weights == "weights_sparse" ? weight * (weight.shape[0] / weight.sum()) : weight;
        var loss = Enumerable.Range(0, 2).Sum(draw => regression.Run(inputs["x0"], weight, inputs["timesteps"][draw].to(
            ScalarType.Float32), inputs["noises"][draw], 2));
        FixtureAgreement.Check("rwr", $"loss {name}", tensor((float)loss), expected[$"loss.{name}"], FixtureAgreement.Forward);
        CheckGradients("rwr", name, lora, expected);
    }

    /// <summary>What a model that predicts v or x_0 is trained towards is what its prediction is read as.</summary>
    [Theory]
    [InlineData("epsilon")]
    [InlineData("v_prediction")]
    [InlineData("sample")]
    public void The_target_stands_for_the_clean_latents_and_the_noise_it_was_made_of(string prediction)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        var sampler = new Samplers.DdimSampler(SchedulerConfig.StableDiffusion with { PredictionType = prediction });
        var (clean, noise) = (randn(1, 4, 8, 8, generator: generator), randn(1, 4, 8, 8, generator: generator));
        var time = tensor(new[] { 500f });
        var target = sampler.Target(clean, noise, time);
        var (x0, epsilon) = sampler.Predict(target, sampler.AddNoise(clean, noise, time),
            sampler.AlphasCumprod[500].item<float>());
        Assert.True((x0 - clean).abs().max().item<float>() < 1e-5);
        Assert.True((epsilon - noise).abs().max().item<float>() < 1e-5);
        Assert.Equal((0, 999), (sampler.TrainingTime(0), sampler.TrainingTime(0.9999999)));
    }

    private static (Dictionary<string, Tensor> Inputs, Dictionary<string, Tensor> Expected) Fixtures(string method) =>
        (Fixture.Tensors("methods", method, "inputs.safetensors"), Fixture.Tensors("methods", method, "expected.safetensors"));

    private static void CheckGradients(string method, string name, LoraInjection lora, Dictionary<string, Tensor> expected) =>
        FixtureAgreement.CheckAll(method, $"gradient {name}",
            lora.Parameters.Select(p => (p.Value.grad!, expected[$"{name}|{p.Name}"])).ToList(), FixtureAgreement.Gradient);
}
