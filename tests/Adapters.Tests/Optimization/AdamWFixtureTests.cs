namespace AlignProp.Adapters.Tests;

/// <summary>The first optimizer step of the reference trainer (torch), with its own gradients.</summary>
public sealed class AdamWFixtureTests
{
    private static readonly LoraWeights Start = Fixture.Nonzero();

    [Theory]
    [InlineData("trl_like", "aesthetic.K3", 1.0)]
    [InlineData("full_chain", "aesthetic.K8", 0.3)]
    public void The_first_step_of_the_reference_is_reproduced(string series, string gradients, double maxNorm)
    {
        var gradient = Fixture.Weights(Fixture.PathOf("alignprop_step", "expected_grads.safetensors"), gradients + "|");
        var expected = Fixture.Weights(Fixture.PathOf("alignprop_step", "adamw_weights.safetensors"), series + ".step1|");
        using var scalars = SafetensorsFile.Open(Fixture.PathOf("alignprop_step", "adamw_expected.safetensors"));

        var (clipped, norm) = GradientClipper.ClipByGlobalNorm(gradient, maxNorm);
        Assert.Equal(1, norm / scalars.ReadSingles(series + ".grad_norm_before_clip")[0], 1e-6);
        Assert.Equal(norm > maxNorm ? maxNorm : norm, GradientClipper.GlobalNorm(clipped), 1e-5);
        Assert.Equal(norm > maxNorm, !ReferenceEquals(gradient, clipped));
        var (weights, state) = AdamW.Update(Start, clipped, AdamWState.Zero(Start),
            new AdamWOptions(1e-3, 0.9, 0.999, 1e-4, 1e-8));
        Assert.Equal(1, state.Step);
        Assert.Equal(GradientClipper.GlobalNorm(clipped) * 0.1, GradientClipper.GlobalNorm(state.M), 1e-6);

        var moved = Difference(expected, Start).Average();
        Assert.InRange(moved, 9e-4, 1.1e-3);
        Assert.True(Difference(expected, weights).Max() <= 1e-6, $"largest difference {Difference(expected, weights).Max():G3}");
    }

    private static double[] Difference(LoraWeights one, LoraWeights other) =>
        [.. one.Tensors.Zip(other.Tensors)
            .SelectMany(p => p.First.Values.Zip(p.Second.Values, (a, b) => Math.Abs((double)a - b)))];
}
