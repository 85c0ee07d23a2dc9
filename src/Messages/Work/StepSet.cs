using System.Collections;

namespace AlignProp.Messages;

/// <summary>Some steps of a chain, 0 = the noisiest: ordered, each once. Equal when the steps are.</summary>
public sealed class StepSet : IReadOnlyList<int>, IEquatable<StepSet>
{
    private readonly int[] _steps;

    private StepSet(int[] steps) => _steps = steps;

    /// <param name="steps">In any order, 0 or more each.</param>
    public static StepSet Of(params IEnumerable<int> steps)
    {
        int[] ordered = [.. steps.Distinct().Order()];
        ArgumentOutOfRangeException.ThrowIfNegative(ordered.FirstOrDefault(), nameof(steps));
        return new StepSet(ordered);
    }

    /// <summary>The last K of N steps.</summary>
    /// <param name="k">1 to N.</param>
    public static StepSet Last(int k, int of) => k >= 1 && k <= of
        ? new StepSet([.. Enumerable.Range(of - k, k)])
        : throw new ArgumentOutOfRangeException(nameof(k), k, $"K is 1 to {of}");

    public int Count => _steps.Length;

    public int this[int index] => _steps[index];

    public bool Contains(int step) => Array.BinarySearch(_steps, step) >= 0;

    public bool Equals(StepSet? other) => other is not null && _steps.AsSpan().SequenceEqual(other._steps);

    public override bool Equals(object? obj) => Equals(obj as StepSet);

    public override int GetHashCode() => _steps.Aggregate(_steps.Length, HashCode.Combine);

    public override string ToString() => $"[{string.Join(", ", _steps)}]";

    public IEnumerator<int> GetEnumerator() => _steps.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
