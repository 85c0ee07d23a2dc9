using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Models.Lora;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>The whole step with the published aesthetic head: the reference's gradients, and three AdamW steps.</summary>
[Collection(FixtureCollection.Name)]
public class AestheticAlignmentTests
{
    private const int Steps = 8;

    private static readonly string[] Prompts = ["first", "second"];

    private static readonly GradientPlan Mask = new(Steps, StepSet.Of(1, 4, 5, 7), true, 0);

    [SharedTheory(RewardTests.PublishedHead)]
    [InlineData("K1")]
    [InlineData("K3")]
    [InlineData("K8")]
    [InlineData("mask")]
    [InlineData("eta1.K3")]
    public void Gradients_agree_with_the_reference(string name)
    {
        using var scope = NewDisposeScope();
        var model = AlignmentTests.Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        using var reward = RewardTests.LoadAesthetic();
        var ancestral = name.StartsWith("eta1", StringComparison.Ordinal);
        var chain = AlignmentTests.Chain(model, inputs, ancestral ? 1 : 0, ancestral ? inputs["eta1_noises"] : null);
        var plan = name == "mask" ? Mask : GradientPlan.LastSteps(name[^1] - '0', Steps);
        var outcome = new AlignmentStep(model, reward).Run(chain, inputs["x_T"], Prompts, new AlignmentLoss(), plan);
        FixtureAgreement.Check("AlignProp step", ancestral ? "rewards (aesthetic, eta 1)" : "rewards (aesthetic)",
            tensor(outcome.Rewards),
            Fixture.Tensors("alignprop_step", "expected_forward.safetensors")[ancestral ? "eta1_reward_aesthetic"
                : "reward_aesthetic"], FixtureAgreement.Forward);
        AlignmentTests.CheckGradients(lora, Fixture.Tensors("alignprop_step", "expected_grads.safetensors"), $"aesthetic.{name}");
    }

    [SharedTheory(RewardTests.PublishedHead)]
    [InlineData("trl_like", "lora_nonzero", 3, 1.0, 1e-4, "negative-reward", 0, 1)]
    [InlineData("full_chain", "lora_nonzero", 8, 0.3, 1e-4, "negative-reward", 0, 1)]
    [InlineData("official_main_zeroB", "lora_init", 3, 5.0, 0.1, "distance", 10, 0.01)]
    public void Three_optimizer_steps_follow_the_reference(string series, string start, int k, double maxNorm, double decay,
        string kind, double target, double scale)
    {
        using var scope = NewDisposeScope();
        var model = AlignmentTests.Load(out var inputs);
        using var lora = UNetTests.LoadLora(model.Denoiser, start);
        using var reward = RewardTests.LoadAesthetic();
        var chain = AlignmentTests.Chain(model, inputs);
        var step = new AlignmentStep(model, reward);
        var expected = Fixture.Tensors("alignprop_step", "adamw_expected.safetensors");
        var golden = Fixture.Tensors("alignprop_step", "adamw_weights.safetensors");
        var loss = new AlignmentLoss(kind, target, scale);
        var weights = Weights(lora, p => p);
        var state = AdamWState.Zero(weights);
        for (var i = 0; i < 3; i++)
        {
            lora.ZeroGradients();
            var outcome = step.Run(chain, inputs["x_T"], Prompts, loss, GradientPlan.LastSteps(k, Steps));
            FixtureAgreement.Check("AdamW series", $"{series} rewards before step {i + 1}", tensor(outcome.Rewards),
                expected[$"{series}.rewards"][i], FixtureAgreement.Forward);
            FixtureAgreement.Check("AdamW series", $"{series} loss {i + 1}", tensor((float)outcome.Loss),
                expected[$"{series}.loss"][i], FixtureAgreement.Forward);
            var (clipped, norm) = GradientClipper.ClipByGlobalNorm(Weights(lora, p => p.grad!), maxNorm);
            FixtureAgreement.Check("AdamW series", $"{series} gradient norm {i + 1}", tensor((float)norm),
                expected[$"{series}.grad_norm_before_clip"][i], FixtureAgreement.Gradient);
            (weights, state) = AdamW.Update(weights, clipped, state, new AdamWOptions(1e-3, 0.9, 0.999, decay, 1e-8));
            var byName = weights.Tensors.ToDictionary(t => t.Name, t => t.Values);
            lora.Load(name => byName[name]);
            // Adam divides tiny gradients by themselves: single elements drift by up to 3e-5 between fp32 and fp64 in the
            // reference too.
            FixtureAgreement.CheckAll("AdamW series", $"{series} weights after step {i + 1}",
                lora.Parameters.Select(p => (p.Value, golden[$"{series}.step{i + 1}|{p.Name}"])).ToList(),
                    FixtureAgreement.Gradient);
        }
        var final = chain.Sample(inputs["x_T"])[^1];
        using var noGrad = no_grad();
        FixtureAgreement.Check("AdamW series", $"{series} rewards after step 3",
            reward.Score(model.Codec.Decode(final), Prompts), expected[$"{series}.rewards"][3], FixtureAgreement.Forward);
    }

    private static LoraWeights Weights(LoraInjection lora, Func<Tensor, Tensor> of) =>
        new(4, 4, lora.Parameters.Select(p =>
            new LoraTensor(p.Name, [.. p.Value.shape.Select(n => (int)n)], of(p.Value).detach().data<float>().ToArray())));
}
