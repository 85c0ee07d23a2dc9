namespace AlignProp.Adapters;

/// <summary>
/// The mean gradient of a step from its shards' mean gradients: sum over shards of n_i / n * g_i, in fp32, in shard order
/// whatever the order of arrival, so that the result is bitwise the same. A gradient that arrives in order is added at once and
/// let go; one that arrives early waits for its predecessors. Not thread-safe.
/// </summary>
public sealed class GradientAverager
{
    private readonly int[] _samples;
    private readonly double _total;
    private readonly LoraWeights _form;
    private readonly Dictionary<int, LoraWeights> _early = [];
    private readonly LoraWeights _sum;
    private int _next;

    /// <summary>An empty sum.</summary>
    /// <param name="form">Names and shapes that every gradient must have, e.g. the adapter itself.</param>
    /// <param name="samplesPerShard">Samples n_i of every shard of the step, in shard order, each at least 1.</param>
    public GradientAverager(LoraWeights form, IReadOnlyList<int> samplesPerShard)
    {
        ArgumentNullException.ThrowIfNull(form);
        ArgumentNullException.ThrowIfNull(samplesPerShard);
        if (samplesPerShard.Count == 0 || samplesPerShard.Any(n => n < 1))
        {
            throw new ArgumentException("a step has at least one shard, and a shard at least one sample",
                nameof(samplesPerShard));
        }

        _form = form;
        _samples = [.. samplesPerShard];
        _total = _samples.Sum(n => (double)n);
        _sum = form.ZerosLike();
    }

    /// <summary>Shards accepted so far.</summary>
    public int Received => _next + _early.Count;

    /// <summary>The first shard that has not been added.</summary>
    public int Next => _next;

    /// <summary>Gradients held because a shard before them is missing.</summary>
    public int Waiting => _early.Count;

    /// <summary>Whether every shard has been added.</summary>
    public bool IsComplete => _next == _samples.Length;

    /// <summary>Whether this shard has been accepted.</summary>
    public bool Has(int shard) => shard >= 0 && (shard < _next || _early.ContainsKey(shard));

    /// <summary>Takes a shard's gradient: the mean over its samples.</summary>
    /// <returns>False, with nothing changed, if the shard had been accepted before: the first result wins.</returns>
    /// <exception cref="ArgumentException">No such shard, or another number of samples than planned.</exception>
    /// <exception cref="LoraShapeException">Wrong names or shapes.</exception>
    /// <exception cref="NonFiniteException">A NaN or an infinity.</exception>
    public bool Add(int shard, int samples, LoraWeights gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (shard < 0 || shard >= _samples.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(shard), shard, $"the step has shards 0 to {_samples.Length - 1}");
        }

        if (samples != _samples[shard])
        {
            throw new ArgumentException($"shard {shard} has {_samples[shard]} samples, not {samples}", nameof(samples));
        }

        if (Has(shard))
        {
            return false;
        }

        _form.RequireSameShapes(gradient);
        NonFiniteException.ThrowIfNot(gradient, $"gradient of shard {shard}");
        _early.Add(shard, gradient);
        while (_early.Remove(_next, out var ready))
        {
            Accumulate(ready, (float)(_samples[_next] / _total));
            _next++;
        }

        return true;
    }

    /// <summary>The mean gradient of the step. The averager stays as it is.</summary>
    /// <exception cref="InvalidOperationException">A shard is missing.</exception>
    public LoraWeights Result() => IsComplete
        ? _sum
        : throw new InvalidOperationException($"{Received} of {_samples.Length} shards have arrived; shard {_next} is missing");

    private void Accumulate(LoraWeights gradient, float weight)
    {
        for (var i = 0; i < _sum.Tensors.Count; i++)
        {
            Elementwise.AddScaled(_sum.Tensors[i].Values, gradient.Tensors[i].Values, weight);
        }
    }
}
