namespace AlignProp.Adapters;

/// <summary>Mixes adapters of the same base model, and scales them.</summary>
public static class LoraMixer
{
    /// <summary>
    /// The AlignProp paper's mixing: every parameter is the weighted sum of the adapters' parameters, so that
    /// A = sum w_i A_i and B = sum w_i B_i. For two weights that sum to 1 this walks the straight line between the adapters.
    /// Since a branch is the product B A, its output is not the weighted sum of outputs; <see cref="Sum"/> gives that.
    /// </summary>
    /// <param name="parts">
    /// Adapters of equal names and shapes with their weights. Sums are taken in fp64 in the given order.
    /// </param>
    /// <exception cref="LoraShapeException">Names or shapes differ.</exception>
    /// <exception cref="ArgumentException">
    /// There are no parts, a weight is not finite, or the scales alpha / rank differ.
    /// </exception>
    public static LoraWeights Interpolate(params IReadOnlyList<(LoraWeights Adapter, double Weight)> parts)
    {
        RequireParts(parts);
        var first = parts[0].Adapter;
        foreach (var (adapter, _) in parts)
        {
            first.RequireSameShapes(adapter);
            if (adapter.Alpha != first.Alpha)
            {
                throw new ArgumentException(
                    $"adapters of alpha {first.Alpha} and {adapter.Alpha} have no common parameter space", nameof(parts));
            }
        }

        return first.Map(tensor =>
        {
            var mixed = new float[tensor.Values.Length];
            var sources = parts.Select(p => (p.Adapter[tensor.Name].Values, p.Weight)).ToArray();
            for (var i = 0; i < mixed.Length; i++)
            {
                var sum = 0.0;
                foreach (var (values, weight) in sources)
                {
                    sum += weight * values[i];
                }

                mixed[i] = (float)sum;
            }

            return mixed;
        });
    }

    /// <summary>
    /// The exact weighted sum of what the adapters add to the base model: the factors are stacked, so ranks add up. Weights and
    /// scales go into B. All adapters must adapt the same modules; ranks and alphas may differ.
    /// </summary>
    /// <returns>An adapter of scale 1 (alpha = rank = sum of ranks).</returns>
    /// <exception cref="LoraShapeException">Modules or their sizes differ.</exception>
    /// <exception cref="ArgumentException">There are no parts or a weight is not finite.</exception>
    public static LoraWeights Sum(params IReadOnlyList<(LoraWeights Adapter, double Weight)> parts)
    {
        RequireParts(parts);
        string[] modules = [.. parts[0].Adapter.Modules];
        foreach (var (adapter, _) in parts)
        {
            if (adapter.Modules.Except(modules).Concat(modules.Except(adapter.Modules)).FirstOrDefault() is { } odd)
            {
                throw new LoraShapeException(odd, "is not adapted by all adapters");
            }
        }

        var rank = parts.Sum(p => p.Adapter.Rank);
        return new LoraWeights(rank, rank, modules.SelectMany(module => Stack(module, rank, parts)));
    }

    private static LoraTensor[] Stack(string module, int rank, IReadOnlyList<(LoraWeights Adapter, double Weight)> parts)
    {
        var first = (Down: parts[0].Adapter[LoraNames.Down(module)], Up: parts[0].Adapter[LoraNames.Up(module)]);
        int[] downShape = [rank, .. first.Down.Shape[1..]], upShape = [first.Up.Shape[0], rank, .. first.Up.Shape[2..]];
        if (first.Up.Shape[2..].Any(size => size != 1))
        {
            throw new LoraShapeException(first.Up.Name, "has a kernel larger than 1 and cannot be stacked");
        }

        var down = new List<float>();
        var up = new float[upShape[0] * rank];
        var column = 0;
        foreach (var (adapter, weight) in parts)
        {
            LoraTensor a = adapter[LoraNames.Down(module)], b = adapter[LoraNames.Up(module)];
            RequireTail(first.Down, a, 1);
            RequireTail(first.Up, b with { Shape = [.. b.Shape[..1], first.Up.Shape[1], .. b.Shape[2..]] }, 0);
            down.AddRange(a.Values);
            for (var i = 0; i < b.Values.Length; i++)
            {
                var (row, inner) = Math.DivRem(i, adapter.Rank);
                up[row * rank + column + inner] = (float)(weight * adapter.Scale * b.Values[i]);
            }

            column += adapter.Rank;
        }

        return [new LoraTensor(first.Down.Name, downShape, [.. down]), new LoraTensor(first.Up.Name, upShape, up)];
    }

    private static void RequireTail(LoraTensor expected, LoraTensor found, int from)
    {
        if (!expected.Shape.AsSpan(from).SequenceEqual(found.Shape.AsSpan(from)))
        {
            throw new LoraShapeException(
                found.Name, $"has shape {LoraWeights.Describe(found.Shape)}, which does not fit "
                    + $"{LoraWeights.Describe(expected.Shape)}");
        }
    }

    private static void RequireParts(IReadOnlyList<(LoraWeights Adapter, double Weight)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0 || parts.Any(p => !double.IsFinite(p.Weight)))
        {
            throw new ArgumentException("mixing needs at least one adapter, and finite weights", nameof(parts));
        }
    }
}
