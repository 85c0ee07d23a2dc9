using System.Numerics;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// AdamW as <c>torch.optim.AdamW</c> computes it, as a pure function. With t the number of the update:
/// <code>
/// p = p * (1 - lr * weightDecay)
/// m = beta1 * m + (1 - beta1) * g
/// v = beta2 * v + (1 - beta2) * g * g
/// p = p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// </code>
/// All tensors are fp32 and every operation is rounded by itself; coefficients are computed in fp64 and rounded once. One
/// thread, elementwise: bitwise the same on every machine and for every vector width.
/// </summary>
public static class AdamW
{
    /// <summary>One update. Nothing that is passed in changes.</summary>
    /// <param name="weights">Before the update.</param>
    /// <param name="gradients">Mean gradient, clipped by the caller.</param>
    /// <param name="state">Of the previous update, or <see cref="AdamWState.Zero"/>.</param>
    /// <param name="options">Settings.</param>
    /// <returns>Weights and state after the update.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="LoraShapeException">Gradients or state do not fit the weights.</exception>
    /// <exception cref="NonFiniteException">Gradients, or the new weights, hold a NaN or an infinity.</exception>
    public static (LoraWeights Weights, AdamWState State) Update(
        LoraWeights weights, LoraWeights gradients, AdamWState state, AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        weights.RequireSameShapes(gradients);
        weights.RequireSameShapes(state.M);
        weights.RequireSameShapes(state.V);
        NonFiniteException.ThrowIfNot(gradients, "gradient");

        var step = state.Step + 1;
        var coefficients = new Coefficients(options, step);
        var updated = weights.Map(static t => [.. t.Values]);
        var next = new AdamWState(step, state.M.Map(static t => [.. t.Values]), state.V.Map(static t => [.. t.Values]));
        for (var i = 0; i < updated.Tensors.Count; i++)
        {
            Apply(updated.Tensors[i].Values, gradients.Tensors[i].Values, next.M.Tensors[i].Values, next.V.Tensors[i].Values,
                coefficients);
        }

        NonFiniteException.ThrowIfNot(updated, $"weights after update {step}");
        return (updated, next);
    }

    private static void Apply(Span<float> p, ReadOnlySpan<float> g, Span<float> m, Span<float> v, in Coefficients c)
    {
        var ps = MemoryMarshal.Cast<float, Vector<float>>(p);
        var gs = MemoryMarshal.Cast<float, Vector<float>>(g);
        var ms = MemoryMarshal.Cast<float, Vector<float>>(m);
        var vs = MemoryMarshal.Cast<float, Vector<float>>(v);
        for (var i = 0; i < ps.Length; i++)
        {
            ms[i] = ms[i] * c.Beta1 + gs[i] * c.OneMinusBeta1;
            vs[i] = vs[i] * c.Beta2 + gs[i] * c.OneMinusBeta2 * gs[i];
            var denominator = Vector.SquareRoot(vs[i]) / new Vector<float>(c.RootCorrection2) + new Vector<float>(c.Epsilon);
            ps[i] = ps[i] * c.Keep - ms[i] * c.StepSize / denominator;
        }

        for (var i = ps.Length * Vector<float>.Count; i < p.Length; i++)
        {
            m[i] = m[i] * c.Beta1 + g[i] * c.OneMinusBeta1;
            v[i] = v[i] * c.Beta2 + g[i] * c.OneMinusBeta2 * g[i];
            var denominator = MathF.Sqrt(v[i]) / c.RootCorrection2 + c.Epsilon;
            p[i] = p[i] * c.Keep - m[i] * c.StepSize / denominator;
        }
    }

    /// <summary>The scalars of one update, in the precision of the tensors.</summary>
    private readonly struct Coefficients(AdamWOptions o, long step)
    {
        public float Keep { get; } = (float)(1 - o.LearningRate * o.WeightDecay);

        public float Beta1 { get; } = (float)o.Beta1;

        public float OneMinusBeta1 { get; } = (float)(1 - o.Beta1);

        public float Beta2 { get; } = (float)o.Beta2;

        public float OneMinusBeta2 { get; } = (float)(1 - o.Beta2);

        public float StepSize { get; } = (float)(o.LearningRate / (1 - PortableMath.Power(o.Beta1, step)));

        public float RootCorrection2 { get; } = (float)Math.Sqrt(1 - PortableMath.Power(o.Beta2, step));

        public float Epsilon { get; } = (float)o.Epsilon;
    }
}
