using AlignProp.Models.Alignment;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Frozen weights in half precision, LoRA and reductions in fp32: the gradient stays close.</summary>
[Collection(FixtureCollection.Name)]
public sealed class PrecisionTests : IDisposable
{
    private static readonly string[] Prompts = ["a red cat", "two dogs"];

    private readonly string _folder = TinyModels.WriteFolder(Directory.CreateTempSubdirectory("alignprop-precision-").FullName, "sd2");

    [Theory]
    [InlineData(ScalarType.BFloat16, 0.15)]
    [InlineData(ScalarType.Float16, 0.15)]
    public void The_gradient_in_half_precision_is_close_to_that_in_single(ScalarType dtype, double allowed)
    {
        using var scope = NewDisposeScope();
        var (single, rewards) = Step(ScalarType.Float32);
        var (half, halfRewards) = Step(dtype);
        Assert.All(rewards.Zip(halfRewards), r => Assert.Equal(r.First, r.Second, 0.02));
        FixtureAgreement.Check("AlignProp step", $"LoRA gradient in {dtype} against fp32", half, single, allowed);
    }

    [Fact]
    public void A_gradient_too_small_for_half_precision_is_scaled_and_scaled_back()
    {
        using var scope = NewDisposeScope();
        // A loss of 1e-9 times the reward: without scaling every gradient in fp16 is zero.
        var (single, _) = Step(ScalarType.Float32, 1e-9);
        var (half, _) = Step(ScalarType.Float16, 1e-9);
        FixtureAgreement.Check("AlignProp step", "LoRA gradient in Float16, tiny loss, against fp32", half, single, 0.15);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (Tensor Gradient, float[] Rewards) Step(ScalarType dtype, double lossScale = 1)
    {
        using var model = StableDiffusion.Load(_folder, CPU, dtype);
        using var lora = LoraInjection.Attach(model.UNet, 2, 2, ["to_q", "to_v", "to_out.0"]);
        using (no_grad())
        {
            manual_seed(3);
            foreach (var (_, parameter) in lora.Parameters)
            {
                parameter.normal_(0, 0.05);
            }
        }
        var chain = new DenoisingChain(model.UNet, model.Scheduler, model.EncodeNegative("", 2, 16, 16), model.EncodePrompts(Prompts, 16, 16), 3, 2, 0);
        var outcome = new AlignmentStep(model, new BrightnessReward()).Run(chain, SampleNoise.Initial([1, 2], model.LatentShape(16, 16), CPU), Prompts,
            new AlignmentLoss(Scale: lossScale), Truncation.LastSteps(3, 2));
        return (cat(lora.Gradients(outcome.GradientScale).Select(g => tensor(g.Values)).ToArray(), 0), outcome.Rewards);
    }
}
