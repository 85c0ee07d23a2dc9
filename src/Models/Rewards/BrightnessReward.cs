using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Mean of the image in [0, 1]: needs no model; for tests and first looks.</summary>
public sealed class BrightnessReward : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return (images / 2 + 0.5f).clamp(0, 1).mean([1, 2, 3]).MoveToOuterDisposeScope();
    }

    /// <summary>An 8 x 8 thumbnail, centred: enough to tell different pictures apart.</summary>
    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var thumbnail = nn.functional.adaptive_avg_pool2d(images.to(ScalarType.Float32), [8, 8]).flatten(1);
        return nn.functional.normalize(thumbnail - thumbnail.mean([1], keepdim: true)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
    }
}
