using AlignProp.Messages;
using AlignProp.Models.Rewards;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>
/// Frozen weights in half precision, LoRA and reductions in fp32, against the reference's gradient in fp32. fp16 has 8 times the
/// mantissa of bf16, and no pixel of these images crosses the clamp's border (one that does changes a small picture's gradient by
/// several percent, in any precision).
/// </summary>
[Collection(FixtureCollection.Name)]
public sealed class PrecisionTests
{
    private const int K = 3;

    [Theory]
    [InlineData("sd2", ScalarType.BFloat16, 0.04)]
    [InlineData("sdxl", ScalarType.BFloat16, 0.02)]
    [InlineData("sd2", ScalarType.Float16, 0.01)]
    [InlineData("sdxl", ScalarType.Float16, 0.005)]
    public void The_gradient_in_half_precision_is_close_to_the_references(string kind, ScalarType dtype, double allowed) =>
        Check(kind, dtype, allowed);

    // A loss of 1e-9 times the reward: without scaling every gradient in fp16 is zero.
    [Theory]
    [InlineData("sd2", 0.01)]
    [InlineData("sdxl", 0.005)]
    public void A_gradient_too_small_for_half_precision_is_scaled_and_scaled_back(string kind, double allowed) =>
        Check(kind, ScalarType.Float16, allowed, lossScale: 1e-9);

    private static void Check(string kind, ScalarType dtype, double allowed, double lossScale = 1)
    {
        using var scope = NewDisposeScope();
        using var model = GoldenPipelineTests.Load(kind, out var golden, dtype);
        using var lora = GoldenPipelineTests.Lora(model, golden);
        var outcome = new AlignmentStep(model, new BrightnessReward())
            .Run(GoldenPipelineTests.Chain(model), golden["latents"][0], GoldenPipelineTests.Prompts,
            new AlignmentLoss(Scale: lossScale), GradientPlan.LastSteps(K, GoldenPipelineTests.Steps));
        FixtureAgreement.CheckAll($"pipeline {kind}", $"LoRA gradient K{K} in {dtype}{(lossScale == 1 ? "" : ", tiny loss")}",
            lora.Gradients(outcome.GradientScale)
                .Select(g => (tensor(g.Values), golden[$"K{K}|{g.Name}"].flatten() * (float)lossScale)).ToList(), allowed);
    }
}
