namespace AlignProp.Adapters.Tests;

public sealed class SeedsTests
{
    [Theory]
    [InlineData(42, 1, 0, Seeds.Noise, 6692077508565306507UL)]
    [InlineData(42, 1, 0, Seeds.Truncation, 9137818192577770721UL)]
    [InlineData(ulong.MaxValue, -1, 7, Seeds.VarianceNoise, 13460797392088467565UL)]
    public void Derivation_is_the_documented_hash(ulong run, long step, long sample, string purpose, ulong expected) =>
        Assert.Equal(expected, Seeds.Derive(run, step, sample, purpose));

    [Fact]
    public void Every_argument_matters()
    {
        ulong[] seeds =
        [
            Seeds.Derive(1, 2, 3, Seeds.Noise), Seeds.Derive(2, 2, 3, Seeds.Noise), Seeds.Derive(1, 3, 3, Seeds.Noise),
                Seeds.Derive(1, 3, 2, Seeds.Noise),
            Seeds.Derive(1, 2, 4, Seeds.Noise), Seeds.Derive(1, 2, 3, Seeds.Truncation), Seeds.Derive(1, 2, 3, Seeds.Prompt),
        ];
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
    }

    [Fact]
    public void The_generator_is_xoshiro256_seeded_by_splitmix()
    {
        var random = new DeterministicRandom(42);
        ulong[] expected = [1546998764402558742, 6990951692964543102, 12544586762248559009, 17057574109182124193];
        Assert.Equal(expected, Enumerable.Range(0, 4).Select(_ => random.NextUInt64()));
    }

    [Fact]
    public void Uniform_numbers_fill_the_unit_interval_evenly()
    {
        var numbers = Enumerable.Range(0, 20_000).Select(i => Seeds.Uniform(Seeds.Derive(5, i, 0, Seeds.Prompt))).ToArray();
        Assert.All(numbers, x => Assert.InRange(x, 0, Math.BitDecrement(1.0)));
        Assert.Equal(0.5, numbers.Average(), 0.01);
        Assert.All(numbers.GroupBy(x => (int)(x * 10)), bin => Assert.InRange(bin.Count(), 1800, 2200));
    }

    [Fact]
    public void Whole_numbers_cover_the_range_evenly_with_both_ends()
    {
        var counts = Enumerable.Range(0, 30_000).Select(i => Seeds.UniformInt(Seeds.Derive(9, i, 0, Seeds.Truncation), 1, 6))
            .GroupBy(k => k).ToDictionary(g => g.Key, g => g.Count());
        Assert.Equal([1, 2, 3, 4, 5, 6], counts.Keys.Order());
        Assert.All(counts.Values, n => Assert.InRange(n, 4700, 5300));
    }

    [Fact]
    public void Extreme_ranges_are_served()
    {
        Assert.Equal(7, Seeds.UniformInt(1, 7, 7));
        var draws = Enumerable.Range(0, 1000).Select(i => Seeds.UniformInt((ulong)i, int.MinValue, int.MaxValue)).ToArray();
        Assert.Contains(draws, x => x < 0);
        Assert.Contains(draws, x => x > 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => Seeds.UniformInt(1, 2, 1));
    }

    [Fact]
    public void The_own_logarithm_and_power_agree_with_the_platform()
    {
        var random = new DeterministicRandom(3);
        for (var i = 0; i < 10_000; i++)
        {
            var x = Math.Exp(200 * (random.NextDouble() - 0.7));
            Assert.Equal(1, PortableMath.Log(x) / Math.Log(x), 1e-14);
            Assert.Equal(1, PortableMath.Power(0.999, i) / Math.Pow(0.999, i), 1e-12);
        }

        Assert.Equal(0, PortableMath.Log(1));
        Assert.Equal(Math.Log(Math.BitDecrement(1.0)), PortableMath.Log(Math.BitDecrement(1.0)), 1e-30);
    }

    [Fact]
    public void Gaussian_numbers_are_standard_normal()
    {
        var numbers = Enumerable.Range(0, 20_000).Select(i => Seeds.Gaussian((ulong)i)).ToArray();
        Assert.Equal(0, numbers.Average(), 0.02);
        Assert.Equal(1, numbers.Average(x => x * x), 0.03);
        Assert.Equal(3, numbers.Average(x => x * x * x * x), 0.2);
    }
}
