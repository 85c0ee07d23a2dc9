using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>A layer with a branch against the same layer with the branch added to its weights, forward and backward.</summary>
[Collection(FixtureCollection.Name)]
public class LoraLayerTests
{
    private const int Rank = 3;
    private const double Scale = 0.75;

    [Theory]
    [InlineData("linear")]
    [InlineData("1x1")]
    [InlineData("3x3")]
    [InlineData("3x3, stride 2")]
    public void A_branch_is_what_it_adds_to_the_weights(string kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(8);
        var layer = Layer(kind);
        layer.Weights.requires_grad_(false);
        layer.Biases!.requires_grad_(false);
        var linear = kind == "linear";
        var x = (linear ? randn(2, 5, 6) : randn(2, 6, 8, 8)).requires_grad_();
        var a = (randn([Rank, .. layer.Weights.shape[1..]]) * 0.3).detach().requires_grad_();
        var b = (linear ? randn(4, Rank) : randn(4, Rank, 1, 1)).requires_grad_();
        using var branch = new LoraBranch(a, b, Scale);
        layer.SetLora(branch);
        var y = layer.forward(x);
        var direction = randn_like(y);
        (y * direction).sum().backward();
        List<Tensor> gradients = [a.grad!.clone(), b.grad!.clone(), x.grad!.clone()];

        (a.grad, b.grad, x.grad) = (null, null, null);
        var added = b.view(4, Rank).matmul(a.view(Rank, -1)).view(layer.Weights.shape) * Scale;
        var merged = kind switch
        {
            "linear" => nn.functional.linear(x, layer.Weights + added, layer.Biases),
            _ => nn.functional.conv2d(x, layer.Weights + added, layer.Biases, strides: Pair(kind.EndsWith('2') ? 2 : 1),
                padding: Pair(kind == "1x1" ? 0 : 1)),
        };
        (merged * direction).sum().backward();
        FixtureAgreement.Check("LoRA", $"{kind}: branch against merged weights", y, merged, 1e-5);
        FixtureAgreement.CheckAll("LoRA", $"{kind}: gradients of branch against merged weights",
            [.. gradients.Zip([a.grad!, b.grad!, x.grad!])], 1e-5);

        layer.SetLora(null);
        Assert.NotEqual(0f, (layer.forward(x) - y).abs().max().item<float>());
    }

    /// <summary>The shipped model was pretrained from what these draws gave.</summary>
    [Theory]
    [InlineData("linear")]
    [InlineData("3x3")]
    public void A_layer_begins_as_torchs_own(string kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(9);
        var ours = Layer(kind);
        manual_seed(9);
        var (weight, bias) = kind == "linear"
            ? nn.Linear(6, 4) is var l ? (l.weight!, l.bias!) : default
            : nn.Conv2d(6, 4, 3, padding: 1) is var c ? (c.weight!, c.bias!) : default;
        Assert.Equal(weight.data<float>().ToArray(), ours.Weights.data<float>().ToArray());
        Assert.Equal(bias.data<float>().ToArray(), ours.Biases!.data<float>().ToArray());
    }

    private static LoraLayer Layer(string kind) => kind switch
    {
        "linear" => new LoraLinear(6, 4),
        "1x1" => new LoraConv2d(6, 4, 1),
        "3x3" => new LoraConv2d(6, 4, 3, padding: 1),
        _ => new LoraConv2d(6, 4, 3, stride: 2, padding: 1),
    };

    private static long[] Pair(long n) => [n, n];
}
