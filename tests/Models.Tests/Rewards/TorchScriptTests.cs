using AlignProp.Adapters;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// A reward that is a TorchScript file: images in 0 to 1, prompts as bytes, and clear words when it does not fit.
/// </summary>
[Collection(FixtureCollection.Name)]
public sealed class TorchScriptTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-torchscript-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_sees_the_pixels_from_0_to_1_and_its_gradient_flows()
    {
        using var scope = NewDisposeScope();
        using var reward = Load(TorchScriptArchive.SquaredMean);
        var images = full([1, 3, 4, 4], 0.5f).requires_grad_();
        var score = reward.Score(images, [""]);
        Assert.Equal(0.75f * 0.75f, score.item<float>(), 1e-6f);
        score.sum().backward();
        // d(mean p^2)/dp = 2 p / 48, and p = x / 2 + 1/2.
        Assert.True(images.grad!.allclose(full_like(images, 0.75f / 48), 1e-5, 1e-8));
    }

    [Fact]
    public void It_reads_the_prompts_as_utf8_bytes()
    {
        using var scope = NewDisposeScope();
        using var reward = Load(TorchScriptArchive.MeanTimesPromptBytes);
        var scores = reward.Score(ones(2, 3, 4, 4), ["ab", "é!?"]);
        Assert.Equal([97f + 98f, 0xc3 + 0xa9 + 33f + 63f], scores.data<float>().ToArray());
    }

    [Fact]
    public void Its_state_is_finite_or_refused_by_name()
    {
        using var scope = NewDisposeScope();
        const string forward = "images: Tensor) -> Tensor:\n    return torch.mean(torch.mul(images, self.w), [1, 2, 3])";
        using var reward = TorchScriptReward.Load(TorchScriptArchive.Write(Path.Combine(_folder, "two.pt"), forward, [2]), CPU);
        Assert.Equal(2, reward.Score(ones(1, 3, 4, 4), [""]).item<float>());
        var broken = TorchScriptArchive.Write(Path.Combine(_folder, "nan.pt"), forward, [float.NaN]);
        Assert.Equal($"{broken}: 'w': holds a NaN or an infinity; expected finite numbers",
            Assert.Throws<ModelFileException>(() => TorchScriptReward.Load(broken, CPU)).Message);
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        using var scope = NewDisposeScope();
        var image = zeros(2, 3, 4, 4).requires_grad_();
        using var detached = Load(TorchScriptArchive.WithoutGradient);
        Assert.Contains("no gradient", Assert.Throws<ModelFileException>(() => detached.Score(image, ["", ""])).Message);
        using var whole = Load(TorchScriptArchive.Whole);
        Assert.Contains("a tensor [2, 3, 4, 4]; expected one number an image, [2]",
            Assert.Throws<ModelFileException>(() => whole.Score(image, ["", ""])).Message);
        using var wrong =
            Load("images: Tensor) -> Tensor:\n    return torch.matmul(images, torch.mean(images, [0]))[0, 0, 0, 0, 0]");
        Assert.Contains("forward failed", Assert.Throws<ModelFileException>(() => wrong.Score(image, ["", ""])).Message);
        var none = Path.Combine(_folder, "none.pt");
        File.WriteAllText(none, "not a zip");
        Assert.Contains("none.pt: not a TorchScript module",
            Assert.Throws<ModelFileException>(() => TorchScriptReward.Load(none, CPU)).Message);
        var three = TorchScriptArchive.Write(Path.Combine(_folder, "three.pt"),
            "a: Tensor,\n    b: Tensor,\n    c: Tensor) -> Tensor:\n    return a");
        Assert.Contains("forward takes 3 inputs",
            Assert.Throws<ModelFileException>(() => TorchScriptReward.Load(three, CPU)).Message);
    }

    private TorchScriptReward Load(string forward) =>
        TorchScriptReward.Load(TorchScriptArchive.Write(Path.Combine(_folder, $"{Guid.NewGuid():N}.pt"), forward), CPU);
}
