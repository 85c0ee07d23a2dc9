using AlignProp.Adapters.Configurations;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Guidance;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>
/// AlignProp's relatives, which are other gradient plans, against plain autograd of the reference (tests/fixtures/methods).
/// </summary>
[Collection(FixtureCollection.Name)]
public class GradientPlanTests
{
    private const int Steps = 8;

    private static readonly string[] Prompts = ["first", "second"];

    [Theory]
    [InlineData("draft", "K1", 7)]
    [InlineData("draft", "K2", 6)]
    [InlineData("alignprop_variants", "cut4", 4)]
    [InlineData("alignprop_variants", "cut6", 6)]
    public void The_last_steps(string method, string name, int cut) =>
        Check(method, name, GradientPlan.LastSteps(Steps - cut, Steps));

    [Fact]
    public void Steps_drawn_one_by_one()
    {
        using var scope = NewDisposeScope();
        var draws = Fixture.Tensors("methods", "alignprop_variants", "inputs.safetensors")["per_step_draws"].data<long>()
            .ToArray();
        var trained = StepSet.Of(Enumerable.Range(0, Steps).Where(i => i >= draws[i]));
        Check("alignprop_variants", "per_step_draws", new GradientPlan(Steps, trained, true, 0));
    }

    [Theory]
    [InlineData("lv", "leading")]
    [InlineData("trailing.lv", "trailing")]
    public void Draft_with_renoised_copies(string name, string spacing)
    {
        using var scope = NewDisposeScope();
        var noises = Fixture.Tensors("methods", "draft", "inputs.safetensors")[$"{name}_noises"];
        var plan = new GradientPlan(Steps, StepSet.Last(1, Steps), true, 2);
        Check("draft", $"{name}_mean", plan, SchedulerConfig.StableDiffusion with { TimestepSpacing = spacing }, noises);
    }

    [Theory]
    [InlineData("full", Steps, 1, 3, 5, 7)]
    [InlineData("stop5", 5, 0, 2, 4)]
    [InlineData("stop6_end", 6, 2, 4, 6)]
    public void Drtune(string name, int stop, params int[] trained)
    {
        using var scope = NewDisposeScope();
        var expected = Fixture.Tensors("methods", "drtune", "expected.safetensors");
        var outcome = Check("drtune", name, new GradientPlan(stop, StepSet.Of(trained), false, 0));
        FixtureAgreement.Check("drtune", $"{name} x_0", outcome.Latents, expected[$"x0.{name}"], FixtureAgreement.Forward);
        FixtureAgreement.Check("drtune", $"{name} reward", tensor(outcome.Rewards), expected[$"reward.{name}"],
            FixtureAgreement.Forward);
    }

    /// <summary>
    /// ReFL: an ancestral chain without guidance, left at a late step. One margin is above every reward, the other between two:
    /// some samples get no gradient.
    /// </summary>
    [Theory]
    [InlineData(33, "margin_all_active", 2)]
    [InlineData(33, "margin_some_active", 0.5203)]
    [InlineData(39, "margin_all_active", 2)]
    public void Refl(int stop, string name, double margin)
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("methods", "refl", "inputs.safetensors"),
            Fixture.Tensors("methods", "refl", "expected.safetensors"));
        var model = AlignmentTests.Load(out _) with
        {
            Guidance = new Unguided()
        };
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var chain = DenoisingChain.Of(model, new SamplingConfig { Steps = 40, GuidanceScale = 1, Sampler = "ancestral" },
            new Conditioning(inputs["prompt_embeds"]), null,
            cat([inputs["noises"], zeros_like(inputs["noises"][..1])], 0));
        var outcome = new AlignmentStep(model, new BrightnessReward())
            .Run(chain, inputs["x_T"], Prompts, new AlignmentLoss("hinge", margin, 1e-3),
            new GradientPlan(stop, StepSet.Of(stop), true, 0));
        FixtureAgreement.Check("refl", $"pred_x0.{stop}", outcome.Latents, expected[$"pred_x0.{stop}"], FixtureAgreement.Forward);
        FixtureAgreement.Check("refl", $"reward.{stop}", tensor(outcome.Rewards), expected[$"reward.{stop}"],
            FixtureAgreement.Forward);
        Assert.Equal(expected[$"loss.{name}.{stop}"].item<float>(), outcome.Loss, 8);
        FixtureAgreement.CheckAll("refl", $"gradient {name} {stop}",
            lora.Parameters.Select(p => (p.Value.grad!, expected[$"{name}.{stop}|{p.Name}"])).ToList(),
                FixtureAgreement.Gradient);
    }

    /// <summary>The last three steps trained, and kept near the base model's predictions.</summary>
    [Fact]
    public void Drift_from_the_base_model()
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("methods", "alignprop_variants", "inputs.safetensors"),
            Fixture.Tensors("methods", "alignprop_variants", "expected.safetensors"));
        var model = AlignmentTests.Load(out _);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var outcome = new AlignmentStep(model, new BrightnessReward(), new DriftPenalty(lora, 0.05))
            .Run(AlignmentTests.Chain(model, inputs), inputs["x_T"], Prompts, new AlignmentLoss(),
                GradientPlan.LastSteps(3, Steps));
        FixtureAgreement.Check("alignprop_variants", "loss with drift", tensor((float)outcome.Loss),
            expected["loss.total.guided"], FixtureAgreement.Forward);
        FixtureAgreement.CheckAll("alignprop_variants", "gradient total.guided (drift)",
            lora.Parameters.Select(p => (p.Value.grad!, expected[$"total.guided|{p.Name}"])).ToList(),
            FixtureAgreement.Gradient);
    }

    [Theory]
    [InlineData(9, 0, "Stop is 0 to 8", 7)]
    [InlineData(5, 0, "Trained are some of the steps 0 to 5", 6)]
    [InlineData(8, 0, "Trained are some of the steps 0 to 7")]
    [InlineData(5, 1, "Renoised copies need the whole chain", 5)]
    [InlineData(8, 1, "Renoised copies need the whole chain", 5)]
    public void A_plan_that_does_not_fit_the_chain_is_refused(int stop, int renoised, string expected, params int[] trained) =>
        Assert.Contains(
        expected, Assert.Throws<ArgumentException>(() => new GradientPlan(stop, StepSet.Of(trained), true, renoised)
            .RequireFor(Steps)).Message);

    private static AlignmentOutcome Check(string method, string name, GradientPlan plan, SchedulerConfig? scheduler = null,
        Tensor? renoise = null)
    {
        var (inputs, expected) = (Fixture.Tensors("methods", method, "inputs.safetensors"),
            Fixture.Tensors("methods", method, "expected.safetensors"));
        var model = AlignmentTests.Load(out _);
        model = model with { Sampler = new DdimSampler(scheduler ?? SchedulerConfig.StableDiffusion) };
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var outcome = new AlignmentStep(model, new BrightnessReward())
            .Run(AlignmentTests.Chain(model, inputs), inputs["x_T"], Prompts,
            new AlignmentLoss(), plan, renoise);
        FixtureAgreement.CheckAll(method, $"gradient {name}",
            lora.Parameters.Select(p => (p.Value.grad ?? zeros_like(p.Value), expected[$"{name}|{p.Name}"])).ToList(),
                FixtureAgreement.Gradient);
        return outcome;
    }
}
