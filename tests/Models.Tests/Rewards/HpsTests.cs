using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>HPS is published without a configuration: ours must be OpenCLIP's ViT-H-14.</summary>
[Collection(FixtureCollection.Name)]
public class HpsTests
{
    [Fact]
    public void Its_structure_is_that_of_ViT_H_14()
    {
        using var scope = NewDisposeScope();
        using var clip = Parts.Blueprint(() => new ClipModel(ClipConfig.OpenClipViTH14));
        Assert.Equal(986_109_441, clip.parameters().Sum(p => p.numel()));
    }
}
