using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>What would make a run silently wrong is named.</summary>
public sealed class RunProofTests
{
    private static readonly RunConfig Config = new();

    [Fact]
    public void A_layer_that_no_gradient_reaches_is_named()
    {
        RunProof.RequireGradient(Config, 1, Gradient(("a.to_q", 1), ("a.to_k", 1), ("a.to_v", 1)));
        var error = Assert.Throws<InvalidDataException>(
            () => RunProof.RequireGradient(Config, 1, Gradient(("a.to_q", 1), ("a.to_k", 0), ("a.to_v", 0)))).Message;
        Assert.StartsWith("no gradient reached 2 of 3 layers in step 1: a.to_k, a.to_v; ", error, StringComparison.Ordinal);
        // Later a single step may well leave one out.
        RunProof.RequireGradient(Config, 2, Gradient(("a.to_q", 1), ("a.to_v", 0)));
    }

    [Fact]
    public void Query_and_key_of_attention_over_a_single_position_get_none_and_are_right()
    {
        RunProof.RequireGradient(Config, 1, Gradient(("a.to_q", 0), ("a.to_k", 0), ("a.to_v", 1)));
        Assert.Throws<InvalidDataException>(
            () => RunProof.RequireGradient(Config, 1, Gradient(("a.to_q", 0), ("a.to_k", 1), ("a.to_v", 1))));
    }

    [Fact]
    public void A_reward_without_any_gradient_is_told_from_a_batch_that_teaches_nothing()
    {
        var none = Gradient(("a.to_q", 0), ("a.to_v", 0));
        Assert.Contains("the gradient of step 1 is zero everywhere", Assert.Throws<InvalidDataException>(
            () => RunProof.RequireGradient(Config, 1, none)).Message);
        RunProof.RequireGradient(Config with { Method = "ddpo" }, 1, none);
        RunProof.RequireGradient(Config with { Loss = new() { Kind = "hinge" } }, 1, none);
    }

    /// <summary>A's gradient is zero while B is: a branch lives by either.</summary>
    private static LoraWeights Gradient(params (string Module, float Up)[] modules) => new(1, 1, modules.SelectMany(m => new[]
    {
        new LoraTensor($"{m.Module}.lora_A.weight", [1, 1], [0]), new LoraTensor($"{m.Module}.lora_B.weight", [1, 1], [m.Up]),
    }));
}
