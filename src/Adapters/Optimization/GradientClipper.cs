namespace AlignProp.Adapters;

/// <summary><c>torch.nn.utils.clip_grad_norm_</c> with the L2 norm.</summary>
public static class GradientClipper
{
    /// <summary>Multiplies the gradient by min(1, maxNorm / (norm + 1e-6)).</summary>
    /// <param name="gradient">Not changed.</param>
    /// <param name="maxNorm">Above 0; infinity clips nothing.</param>
    /// <returns>
    /// The clipped gradient (the same object where nothing is clipped) and the norm before clipping. The norm is accumulated in
    /// fp64, element by element in name order; torch takes fp32 norms of norms, so the two agree to about 1e-7 of the norm.
    /// </returns>
    /// <exception cref="NonFiniteException">The gradient holds a NaN or an infinity.</exception>
    public static (LoraWeights Gradient, double Norm) ClipByGlobalNorm(LoraWeights gradient, double maxNorm)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (!(maxNorm > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(maxNorm), maxNorm, "the largest norm must be above 0");
        }

        NonFiniteException.ThrowIfNot(gradient, "gradient");
        var norm = GlobalNorm(gradient);
        var coefficient = maxNorm / (norm + 1e-6);
        return coefficient < 1 ? (gradient.Map(t => Elementwise.Scale(t.Values, (float)coefficient)), norm) : (gradient, norm);
    }

    /// <summary>L2 norm of all values together, accumulated in fp64 in name order.</summary>
    public static double GlobalNorm(LoraWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var sum = 0.0;
        foreach (var tensor in weights.Tensors)
        {
            foreach (var value in tensor.Values)
            {
                sum += (double)value * value;
            }
        }

        return Math.Sqrt(sum);
    }
}
