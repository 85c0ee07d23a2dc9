using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>On every processor convolutions are right, with oneDNN or, where it is wrong, without.</summary>
public class ConvolutionCheckTests
{
    [Theory]
    [InlineData(4, 3, 1)]
    [InlineData(3, 3, 2)]
    [InlineData(32, 3, 1)]
    [InlineData(8, 1, 1)]
    public void The_gradient_in_the_input_is_that_of_fp64(int channels, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        using var layer = Parts.Conv2d(channels, 12, kernel, stride: stride, padding: kernel / 2);
        var x = randn(3, channels, 10, 10);
        var (single, exact) = (x.clone().requires_grad_(), x.to(ScalarType.Float64).requires_grad_());
        var y = layer.forward(single);
        y.backward([ones_like(y)]);
        var z = nn.functional.conv2d(exact, layer.weight!.to(ScalarType.Float64), strides: [stride, stride],
            padding: [kernel / 2, kernel / 2]);
        z.backward([ones_like(z)]);
        Assert.True((single.grad! - exact.grad!).abs().max().item<double>() < 1e-4);
    }
}
