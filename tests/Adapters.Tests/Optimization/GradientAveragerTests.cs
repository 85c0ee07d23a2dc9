namespace AlignProp.Adapters.Tests;

public sealed class GradientAveragerTests
{
    private static readonly int[] Samples = [4, 4, 3, 1, 2];
    private static readonly LoraWeights[] Gradients =
        [.. Samples.Select((_, i) => Examples.Random((ulong)(100 + i), scale: Math.Pow(10, i - 2)))];

    [Fact]
    public void Every_order_of_arrival_gives_the_same_bytes()
    {
        var hashes = new HashSet<string>();
        var orders = 0;
        foreach (var order in Permutations([0, 1, 2, 3, 4]))
        {
            var averager = new GradientAverager(Gradients[0], Samples);
            foreach (var shard in order)
            {
                Assert.False(averager.IsComplete);
                Assert.True(averager.Add(shard, Samples[shard], Gradients[shard]));
            }

            Assert.True(averager.IsComplete);
            hashes.Add(averager.Result().Sha256);
            orders++;
        }

        Assert.Equal(120, orders);
        Assert.Single(hashes);
    }

    [Fact]
    public void The_result_is_the_mean_over_samples()
    {
        var result = Average();
        for (var t = 0; t < result.Tensors.Count; t++)
        {
            for (var i = 0; i < result.Tensors[t].Values.Length; i++)
            {
                var expected = Samples.Select((n, s) => n * (double)Gradients[s].Tensors[t].Values[i]).Sum() / Samples.Sum();
                Assert.Equal(expected, result.Tensors[t].Values[i], 1e-5 * (1 + Math.Abs(expected)));
            }
        }
    }

    [Fact]
    public void One_shard_is_its_own_mean()
    {
        var averager = new GradientAverager(Gradients[0], [3]);
        averager.Add(0, 3, Gradients[1]);
        Examples.AssertSame(Gradients[1], averager.Result());
    }

    [Fact]
    public void A_second_result_of_a_shard_is_ignored_whether_added_or_waiting()
    {
        var averager = new GradientAverager(Gradients[0], Samples);
        Assert.True(averager.Add(0, 4, Gradients[0]));
        Assert.True(averager.Add(2, 3, Gradients[2]));
        Assert.False(averager.Add(0, 4, Gradients[3]));
        Assert.False(averager.Add(2, 3, Gradients[3]));
        Assert.Equal((2, 1), (averager.Received, averager.Waiting));
        Assert.True(averager.Has(2));
        Assert.False(averager.Has(1));
        foreach (var shard in new[] { 4, 3, 1 })
        {
            Assert.True(averager.Add(shard, Samples[shard], Gradients[shard]));
        }

        Assert.Equal((5, 0), (averager.Received, averager.Waiting));
        Examples.AssertSame(Average(), averager.Result());
    }

    [Fact]
    public void Only_gradients_that_came_too_early_are_kept()
    {
        var averager = new GradientAverager(Gradients[0], Samples);
        int[] order = [3, 0, 1, 4, 2], waiting = [1, 1, 1, 2, 0];
        for (var i = 0; i < order.Length; i++)
        {
            averager.Add(order[i], Samples[order[i]], Gradients[order[i]]);
            Assert.Equal(waiting[i], averager.Waiting);
        }
    }

    [Fact]
    public void A_refused_gradient_changes_nothing()
    {
        var averager = new GradientAverager(Gradients[0], Samples);
        Assert.Throws<ArgumentOutOfRangeException>(() => averager.Add(5, 4, Gradients[0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => averager.Add(-1, 4, Gradients[0]));
        Assert.Throws<ArgumentException>(() => averager.Add(0, 3, Gradients[0]));
        Assert.Throws<LoraShapeException>(() => averager.Add(0, 4, Examples.Random(1, rank: 2)));
        Assert.Throws<NonFiniteException>(() => averager.Add(0, 4, Gradients[0].Map(t => [float.NaN, .. t.Values[1..]])));
        Assert.Equal(0, averager.Received);
        Assert.Contains("shard 0 is missing", Assert.Throws<InvalidOperationException>(averager.Result).Message);
        Assert.True(averager.Add(0, 4, Gradients[0]));
    }

    [Fact]
    public void An_empty_step_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new GradientAverager(Gradients[0], []));
        Assert.Throws<ArgumentException>(() => new GradientAverager(Gradients[0], [1, 0]));
    }

    private static LoraWeights Average()
    {
        var averager = new GradientAverager(Gradients[0], Samples);
        for (var shard = 0; shard < Samples.Length; shard++)
        {
            averager.Add(shard, Samples[shard], Gradients[shard]);
        }

        return averager.Result();
    }

    private static IEnumerable<int[]> Permutations(int[] items) => items.Length < 2
        ? [items]
        : items.SelectMany(first => Permutations([.. items.Where(i => i != first)]).Select(rest => (int[])[first, .. rest]));
}
