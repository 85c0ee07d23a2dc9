using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>What a picture shows, for rewards without a model of their own.</summary>
public static class Thumbnail
{
    /// <summary>An 8 x 8 thumbnail, centred: enough to tell different pictures apart.</summary>
    /// <returns>[B, 192], fp32, L2-normalised, without gradient.</returns>
    public static Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var thumbnail = nn.functional.adaptive_avg_pool2d(images.to(ScalarType.Float32), [8, 8]).flatten(1);
        return nn.functional.normalize(thumbnail - thumbnail.mean([1], keepdim: true)).MoveToOuterDisposeScope();
    }
}
