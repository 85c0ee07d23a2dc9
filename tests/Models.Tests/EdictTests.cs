using AlignProp.Adapters.Configurations;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>EDICT against the reference: both sequences, the way back, and the gradient by inversion.</summary>
[Collection(FixtureCollection.Name)]
public class EdictTests
{
    private const int Steps = 8;

    private static readonly string[] Prompts = ["first", "second"];

    [Fact]
    public void Both_sequences_and_the_way_back_agree_with_the_reference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (chain, inputs, expected) = Load(out var model);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var pairs = new List<Tensor> { stack([inputs["x_T"], inputs["x_T"]], 0) };
        for (var i = 0; i < Steps; i++)
        {
            var (x, y) = chain.Step(i, pairs[^1][0], pairs[^1][1]);
            pairs.Add(stack([x, y], 0));
        }
        FixtureAgreement.Check("edict", "latents (both sequences)", stack(pairs, 0), expected["latents"],
            FixtureAgreement.Forward);
        var back = (X: pairs[^1][0], Y: pairs[^1][1]);
        for (var i = Steps - 1; i >= 0; i--)
        {
            back = chain.Undo(i, back.X, back.Y);
        }
        FixtureAgreement.Check("edict", "x_T found again", stack([back.X, back.Y], 0), pairs[0], FixtureAgreement.Forward);
    }

    [Fact]
    public void The_gradient_by_inversion_agrees_with_the_references_autograd()
    {
        using var scope = NewDisposeScope();
        var (chain, inputs, expected) = Load(out var model);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        var outcome = new EdictStep(model, new BrightnessReward())
            .Run(chain, inputs["x_T"], Prompts, new AlignmentLoss(), Steps);
        FixtureAgreement.Check("edict", "reward (mean of both)", tensor(outcome.Rewards), expected["reward"].mean([0]),
            FixtureAgreement.Forward);
        Assert.Equal(-expected["reward"].mean().item<float>(), outcome.Loss, 5);
        FixtureAgreement.CheckAll("edict", "gradient mean_of_both",
            lora.Parameters.Select(p => (p.Value.grad!, expected[$"mean_of_both|{p.Name}"])).ToList(),
            FixtureAgreement.Gradient);
    }

    /// <summary>Truncated like AlignProp's own: against one plain graph over the last K steps.</summary>
    [Fact]
    public void The_last_steps_alone_give_the_gradient_of_plain_autograd()
    {
        using var scope = NewDisposeScope();
        var (chain, inputs, _) = Load(out var model);
        using var lora = UNetTests.LoadLora(model.Denoiser, "lora_nonzero");
        new EdictStep(model, new BrightnessReward()).Run(chain, inputs["x_T"], Prompts, new AlignmentLoss(), 3);
        var inverted = lora.Parameters.Select(p => p.Value.grad!.clone()).ToList();
        lora.ZeroGradients();

        var (x, y) = (inputs["x_T"], inputs["x_T"]);
        for (var i = 0; i < Steps; i++)
        {
            using var grad = set_grad_enabled(i >= Steps - 3);
            (x, y) = chain.Step(i, x, y);
        }
        using var reward = new BrightnessReward();
        (-(reward.Score(model.Codec.Decode(x), Prompts).mean() + reward.Score(model.Codec.Decode(y), Prompts).mean()) / 2)
            .backward();
        FixtureAgreement.CheckAll("edict", "inversion against plain autograd, K = 3",
            inverted.Zip(lora.Parameters, (g, p) => (g, p.Value.grad!)).ToList(), FixtureAgreement.Gradient);
    }

    /// <summary>The noise is a function of what v was predicted of alone: a step can be undone.</summary>
    [Fact]
    public void A_step_of_a_model_that_predicts_v_can_be_undone()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (_, inputs, _) = Load(out var model);
        var velocity = SchedulerConfig.StableDiffusion with { PredictionType = "v_prediction" };
        model = model with { Sampler = new DdimSampler(velocity) };
        var chain = new EdictChain(AlignmentTests.Chain(model, inputs));
        var (x, y) = (inputs["x_T"], inputs["x_T"] * 0.9f);
        foreach (var i in new[] { 2, 3 })
        {
            var next = chain.Step(i, x, y);
            var (backX, backY) = chain.Undo(i, next.X, next.Y);
            Assert.True((backX - x).abs().max().item<float>() < 1e-4);
            Assert.True((backY - y).abs().max().item<float>() < 1e-4);
        }
    }

    [Fact]
    public void A_sampler_that_cannot_be_coupled_is_refused()
    {
        using var scope = NewDisposeScope();
        var (_, inputs, _) = Load(out var model);
        var ancestral = DenoisingChain.Of(model, new SamplingConfig { Steps = Steps, Sampler = SamplingConfig.Ancestral },
            new Conditioning(inputs["prompt_embeds"]), new Conditioning(inputs["negative_prompt_embeds"]));
        Assert.Contains("expected ddim", Assert.Throws<ArgumentException>(() => new EdictChain(ancestral)).Message);
    }

    private static (EdictChain Chain, Dictionary<string, Tensor> Inputs, Dictionary<string, Tensor> Expected) Load(
        out TextToImage model)
    {
        var inputs = Fixture.Tensors("methods", "edict", "inputs.safetensors");
        model = AlignmentTests.Load(out _);
        return (new EdictChain(AlignmentTests.Chain(model, inputs)), inputs,
            Fixture.Tensors("methods", "edict", "expected.safetensors"));
    }
}
