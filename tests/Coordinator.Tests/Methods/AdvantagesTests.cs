using AlignProp.Coordinator.Methods;

namespace AlignProp.Coordinator.Tests.Methods;

/// <summary>DDPO's advantages against the reference's over five epochs, one of them without any spread.</summary>
public sealed class AdvantagesTests
{
    private const int Epochs = 5;
    private const int PerEpoch = 8;

    // The fixture's meta.json.
    private const int Buffer = 6;
    private const int MinCount = 4;

    [Fact]
    public void Against_the_last_rewards_of_the_same_prompt()
    {
        var (rewards, prompts) = Series();
        var expected = OwnSamplesFixture.Singles("ddpo", "expected", "series_advantages_per_prompt");
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            var earlier = Enumerable.Range(0, epoch * PerEpoch).Reverse().Select(i => (prompts[i], rewards[i]));
            var found = Advantages.OfPrompts(prompts[Of(epoch)], rewards[Of(epoch)], earlier, Buffer, MinCount);
            Same(expected[Of(epoch)], found);
        }
    }

    [Fact]
    public void Against_the_batch()
    {
        var (rewards, _) = Series();
        var expected = OwnSamplesFixture.Singles("ddpo", "expected", "series_advantages_batch");
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            Same(expected[Of(epoch)], Advantages.OfBatch(rewards[Of(epoch)]));
        }
        Same(OwnSamplesFixture.Singles("ddpo", "expected", "advantages_batch"),
            Advantages.OfBatch(OwnSamplesFixture.Singles("ddpo", "inputs", "rewards")));
    }

    [Fact]
    public void No_more_of_the_past_is_read_than_the_buffers_hold()
    {
        static IEnumerable<(string, float)> Past()
        {
            yield return ("a", 1);
            yield return ("a", 2);
            throw new InvalidOperationException("read too far");
        }

        Assert.Equal(2, Advantages.OfPrompts(["a", "a"], [1, 2], Past(), 4, 2).Count);
    }

    private static Range Of(int epoch) => (epoch * PerEpoch)..((epoch + 1) * PerEpoch);

    private static (float[] Rewards, string[] Prompts) Series() =>
        (OwnSamplesFixture.Singles("ddpo", "inputs", "series_rewards"),
            [.. OwnSamplesFixture.Values<long>("ddpo", "inputs", "series_prompt").Select(p => $"prompt {p}")]);

    private static void Same(IReadOnlyList<float> expected, IReadOnlyList<double> found)
    {
        Assert.Equal(expected.Count, found.Count);
        Assert.All(expected.Zip(found),
            pair => Assert.Equal(pair.Item1, pair.Item2, 2e-5 * Math.Max(1, Math.Abs(pair.Item1))));
    }
}
