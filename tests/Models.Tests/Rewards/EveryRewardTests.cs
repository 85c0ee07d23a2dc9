using AlignProp.Adapters;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>What holds for every reward of the registry, through its preprocessing.</summary>
[Collection(FixtureCollection.Name)]
public sealed class EveryRewardTests : IDisposable
{
    private const int Size = 40;
    private static readonly string[] Prompts = ["a red cat", "a bee"];
    private readonly SmallRewards _rewards = new();

    public static TheoryData<string> Names => new(RewardRegistry.Names);

    /// <summary>Those that have a gradient.</summary>
    public static TheoryData<string> Smooth => new(RewardCatalog.All.Where(e => e.HasGradient).Select(e => e.Name));

    public void Dispose() => _rewards.Dispose();

    [Fact]
    public void The_catalog_says_what_the_registry_loads() => Assert.Equal(RewardCatalog.Names, RewardRegistry.Names);

    [Theory]
    [MemberData(nameof(Smooth))]
    public void The_gradient_is_that_of_finite_differences(string name)
    {
        using var scope = NewDisposeScope();
        using var reward = _rewards.Load(name);
        var images = Images().requires_grad_();
        reward.Score(images, Prompts).sum().backward();
        var gradient = images.grad!.detach();
        Assert.True(gradient.abs().amax(1, 2, 3).min().item<float>() > 0, "an image has no gradient");

        // Along the gradient, where the change is largest, and along a direction that has nothing to do with it.
        manual_seed(17);
        var random = randn(images.shape);
        foreach (var direction in new[] { gradient / gradient.norm(), random / random.norm() })
        {
            var expected = (gradient * direction).sum().item<float>();
            var errors = new[] { 0.3f, 0.1f, 0.03f, 0.01f,
                0.003f }.Select(step => Math.Abs(Slope(reward, images, direction, step) - expected)).ToList();
            // Relative to the steepest slope: a direction across the gradient has none of its own to compare with.
            Assert.True(errors.Min() <= 0.01 * gradient.norm().item<float>(),
                $"{name}: slope {expected:E3}, finite differences off by "
                + $"{string.Join(", ", errors.Select(e => e.ToString("E1")))}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Images_are_scored_one_by_one_with_finite_numbers_and_unit_features(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var reward = _rewards.Load(name);
        // Far outside of [-1, 1] too: the decoder does not clamp.
        var images = Images() * tensor(new[] { 1f, 3f }).view(2, 1, 1, 1);
        var both = reward.Score(images, Prompts);
        Assert.Equal([2], both.shape);
        Assert.Equal(ScalarType.Float32, both.dtype);
        for (var i = 0; i < 2; i++)
        {
            var alone = reward.Score(images.narrow(0, i, 1), [Prompts[i]]).item<float>();
            Assert.True(float.IsFinite(alone));
            Assert.Equal(alone, both[i].item<float>(), 1e-4f * Math.Max(1, Math.Abs(alone)));
        }
        Assert.All(reward.Features(images).norm(1).data<float>().ToArray(), length => Assert.Equal(1f, length, 1e-4f));
    }

    /// <summary>A flat, a black and a white picture must not give NaN gradients.</summary>
    [Theory]
    [MemberData(nameof(Smooth))]
    public void Flat_pictures_have_finite_gradients(string name)
    {
        using var scope = NewDisposeScope();
        using var reward = _rewards.Load(name);
        foreach (var level in new[] { 0f, -1f, 1f })
        {
            var images = full([2, 3, Size, Size], level).requires_grad_();
            reward.Score(images, Prompts).sum().backward();
            Assert.True(images.grad!.isfinite().all().item<bool>(), $"level {level}");
        }
    }

    [Theory]
    [InlineData("hps", true)]
    [InlineData("brightness", false)]
    [InlineData("imagereward", true)]
    public void Text_rewards_read_the_prompt(string name, bool reads)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var reward = _rewards.Load(name);
        var image = Images().narrow(0, 0, 1);
        Assert.Equal(reads, RewardCatalog.Find(name)!.Prompt);
        Assert.Equal(!reads, reward.Score(image, ["a red cat"]).item<float>() == reward.Score(image, ["a bee"]).item<float>());
    }

    private static double Slope(IReward reward, Tensor images, Tensor direction, float step)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        double Sum(float at) => reward.Score(images + direction * at, Prompts).to(ScalarType.Float64).sum().item<double>();
        return (Sum(step) - Sum(-step)) / (2 * step);
    }

    /// <summary>
    /// Smooth coloured pictures with something in them, well inside of [-1, 1]: nothing is clamped within a step.
    /// </summary>
    private static Tensor Images()
    {
        manual_seed(11);
        using var scope = NewDisposeScope();
        var coarse = nn.functional.interpolate(randn(2, 3, 7, 7), [Size, Size], mode: InterpolationMode.Bicubic,
            align_corners: false);
        return ((coarse + randn(2, 3, Size, Size) * 0.15f) * 0.5f).tanh().mul(0.8f).MoveToOuterDisposeScope();
    }
}
