namespace AlignProp.Adapters.Tests;

public sealed class AdamWTests
{
    private static readonly AdamWOptions Strong = new(LearningRate: 0.02, Beta1: 0.8, Beta2: 0.95, WeightDecay: 0.1,
        Epsilon: 1e-6);

    [Fact]
    public void Ten_steps_follow_the_formula_in_double_precision()
    {
        var weights = Examples.Random(1);
        var state = AdamWState.Zero(weights);
        var p = Flatten(weights);
        double[] m = new double[p.Length], v = new double[p.Length];
        for (var t = 1; t <= 10; t++)
        {
            var gradients = Examples.Random((ulong)(1000 + t), scale: t % 3 == 0 ? 1e-3 : 1);
            (weights, state) = AdamW.Update(weights, gradients, state, Strong);
            var g = Flatten(gradients);
            for (var i = 0; i < p.Length; i++)
            {
                m[i] = 0.8 * m[i] + 0.2 * g[i];
                v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
                p[i] -= 0.02 * 0.1 * p[i];
                p[i] -= 0.02 * (m[i] / (1 - Math.Pow(0.8, t))) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.95, t))) + 1e-6);
            }

            Assert.All(Flatten(weights).Zip(p),
                pair => Assert.Equal(pair.Second, pair.First, 1e-6 * (1 + Math.Abs(pair.Second))));
            Assert.All(Flatten(state.M).Zip(m), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
            Assert.All(Flatten(state.V).Zip(v), pair => Assert.Equal(pair.Second, pair.First, 2e-6));
        }

        Assert.Equal(10, state.Step);
    }

    [Fact]
    public void The_first_step_by_hand()
    {
        var weights = Scalar(2, 0);
        var (updated, state) = AdamW.Update(weights, Scalar(-0.5f, 0), AdamWState.Zero(weights),
            new AdamWOptions(0.1, 0.9, 0.999, 0.01, 1e-8));

        // 2 * (1 - 0.1 * 0.01) + 0.1 * 0.5 / (0.5 + 1e-8) = 1.998 + 0.1; the second parameter has neither value nor gradient.
        Assert.Equal(2.098, updated.Tensors[0].Values[0], 1e-6);
        Assert.Equal(0, updated.Tensors[1].Values[0]);
        Assert.Equal(-0.05, state.M.Tensors[0].Values[0], 1e-8);
        Assert.Equal(0.00025, state.V.Tensors[0].Values[0], 1e-9);
    }

    [Fact]
    public void An_element_does_not_depend_on_its_place_among_vector_and_remainder()
    {
        var random = new DeterministicRandom(4);
        float[] p = [.. Enumerable.Range(0, 67).Select(_ => (float)random.NextGaussian())],
            g = [.. p.Select(_ => (float)random.NextGaussian())];
        var whole = Run(p, g);
        for (var i = 0; i < p.Length; i++)
        {
            Assert.Equal(whole[i], Run([p[i]], [g[i]])[0]);
        }

        static float[] Run(float[] p, float[] g)
        {
            LoraWeights Of(float[] values) =>
                new(1, 1, [new("m.lora_A.weight", [1, values.Length], values), new("m.lora_B.weight", [1, 1], [0])]);
            var state = AdamWState.Zero(Of(p));
            var weights = Of(p);
            for (var t = 0; t < 3; t++)
            {
                (weights, state) = AdamW.Update(weights, Of(g), state, Strong);
            }

            return weights.Tensors[0].Values;
        }
    }

    [Fact]
    public void The_bytes_after_three_steps_are_the_same_on_every_machine()
    {
        var weights = Examples.Random(1);
        var state = AdamWState.Zero(weights);
        for (var t = 0UL; t < 3; t++)
        {
            var averager = new GradientAverager(weights, [2, 1]);
            averager.Add(1, 1, Examples.Random(20 + t));
            averager.Add(0, 2, Examples.Random(10 + t));
            (weights, state) = AdamW.Update(weights, GradientClipper.ClipByGlobalNorm(averager.Result(), 1).Gradient, state,
                Strong);
        }

        Assert.Equal("031a9d60dc536a6a", weights.Sha256[..16]);
        Assert.Equal("270fbf7ecd55002b", state.Sha256[..16]);
    }

    [Fact]
    public void Nothing_passed_in_changes()
    {
        LoraWeights weights = Examples.Random(1), gradients = Examples.Random(2);
        var (second, state) = AdamW.Update(weights, gradients, AdamWState.Zero(weights), Strong);
        Examples.AssertSame(Examples.Random(1), weights);
        Examples.AssertSame(Examples.Random(2), gradients);
        var hash = state.Sha256;
        AdamW.Update(second, gradients, state, Strong);
        Assert.Equal(hash, state.Sha256);
    }

    [Fact]
    public void A_restored_state_continues_as_if_never_saved()
    {
        LoraWeights weights = Examples.Random(1, alpha: 7), gradients = Examples.Random(2);
        var (second, state) = AdamW.Update(weights, gradients, AdamWState.Zero(weights), Strong);
        var restored = AdamWState.Deserialize(state.Serialize());
        Assert.Equal(state.Sha256, restored.Sha256);
        Assert.Equal(1, restored.Step);
        Assert.Equal(7, restored.M.Alpha);
        Examples.AssertSame(AdamW.Update(second, gradients, state, Strong).Weights,
            AdamW.Update(second, gradients, restored, Strong).Weights);
    }

    [Fact]
    public void A_foreign_or_incomplete_state_is_refused()
    {
        Assert.Throws<LoraFormatException>(() => AdamWState.Deserialize(Examples.Random(1).Serialize()));
        var m = Examples.Random(1);
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "alignprop-adamw",
            ["rank"] = "3",
            ["alpha"] = "3",
            ["step"] = "1"
        };
        Refused(LoraCodec.Tensors(m, "m."));
        Refused(LoraCodec.Tensors(m, "m.").Concat(LoraCodec.Tensors(m, "v.")).Append(TensorData.FromSingles("x", [1], [1])));
        metadata["step"] = "-1";
        Refused(LoraCodec.Tensors(m, "m.").Concat(LoraCodec.Tensors(m, "v.")));
        void Refused(IEnumerable<TensorData> tensors) =>
            Assert.Throws<LoraFormatException>(() => AdamWState.Deserialize(SafetensorsWriter.Serialize(tensors, metadata)));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        LoraWeights weights = Examples.Random(1), other = Examples.Random(1, rank: 2);
        var state = AdamWState.Zero(weights);
        Assert.Throws<LoraShapeException>(() => AdamW.Update(weights, other, state, Strong));
        Assert.Throws<LoraShapeException>(() => AdamW.Update(weights, weights, AdamWState.Zero(other), Strong));
        Assert.Throws<NonFiniteException>(() =>
            AdamW.Update(weights, weights.Map(t => [float.NaN, .. t.Values[1..]]), state, Strong));
        Assert.Throws<NonFiniteException>(() => AdamW.Update(weights, weights, state, Strong with { LearningRate = 1e300 }));
    }

    [Theory]
    [InlineData(-1, 0.9, 0.999, 0, 1e-8, "LearningRate")]
    [InlineData(1e-3, 1, 0.999, 0, 1e-8, "Beta1")]
    [InlineData(1e-3, 0.9, double.NaN, 0, 1e-8, "Beta2")]
    [InlineData(1e-3, 0.9, 0.999, -1, 1e-8, "WeightDecay")]
    [InlineData(1e-3, 0.9, 0.999, 0, 0, "Epsilon")]
    public void An_option_out_of_range_is_named(double lr, double beta1, double beta2, double decay, double epsilon,
        string name) =>
        Assert.Contains(name,
            Assert.Throws<ArgumentException>(new AdamWOptions(lr, beta1, beta2, decay, epsilon).Validate).Message);

    private static LoraWeights Scalar(float a, float b) =>
        new(1, 1, [new("m.lora_A.weight", [1, 1], [a]), new("m.lora_B.weight", [1, 1], [b])]);

    private static double[] Flatten(LoraWeights weights) => [.. weights.Tensors.SelectMany(t => t.Values).Select(x => (double)x)];
}
