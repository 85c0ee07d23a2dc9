using AlignProp.Adapters;
using AlignProp.Models.Files;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Preprocessing, HPS and the aesthetic head against torchvision, OpenCLIP and the published weights.</summary>
[Collection(FixtureCollection.Name)]
public class RewardTests
{
    internal const string PublishedHead = "fixtures/aesthetic_head/sac+logos+ava1-l14-linearMSE.safetensors";

    [Theory]
    [InlineData("noaa", false)]
    [InlineData("aa", true)]
    public void Preprocessing_agrees_with_torchvision(string kind, bool antialias)
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("preprocess", "inputs.safetensors"),
            Fixture.Tensors("preprocess", "expected.safetensors"));
        var cases = inputs.Keys.Where(k => k.EndsWith(".image", StringComparison.Ordinal)).Select(k => k[..^".image".Length])
            .ToList();
        Assert.Equal(5, cases.Count);
        foreach (var name in cases)
        {
            var image = inputs[$"{name}.image"].requires_grad_();
            var size = int.Parse(name.Split("to")[1], System.Globalization.CultureInfo.InvariantCulture);
            var pixels = ClipPixels.Resized(image, size, antialias);
            (pixels * inputs[$"{name}.R"]).sum().backward();
            FixtureAgreement.Check("CLIP preprocessing", $"{name} {kind}", pixels, expected[$"{name}.{kind}"],
                FixtureAgreement.Forward);
            FixtureAgreement.Check("CLIP preprocessing", $"{name} {kind} gradient", image.grad!,
                expected[$"{name}.{kind}.grad_image"], FixtureAgreement.Gradient);
        }
    }

    [Fact]
    public void The_centre_of_an_oblong_image_is_scored()
    {
        using var scope = NewDisposeScope();
        var image = zeros(1, 3, 32, 64);
        image[.., .., .., 16..48] = 1;
        var pixels = ClipPixels.From(image, 32, antialias: false);
        Assert.Equal([1, 3, 32, 32], pixels.shape);
        Assert.True(pixels.amin(2, 3).sub(pixels.amax(2, 3)).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void Hps_agrees_with_open_clip()
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("hps", "inputs.safetensors"), Fixture.Tensors("hps", "expected.safetensors"));
        using var clip = ClipEmbedder.Load(Fixture.Path("hps"), CPU, ScalarType.Float32, antialias: false);
        var reward = new ClipScoreReward(clip, ClipScoreScale.Cosine);
        var image = inputs["image"].requires_grad_();
        var text = clip.Tokens(inputs["input_ids"]);
        var scores = reward.Score(image, text);
        var loss = (1 - scores).mean();
        loss.backward();
        FixtureAgreement.Check("HPS v2", "image features", clip.Images(image), expected["image_features"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("HPS v2", "text features", text, expected["text_features"], FixtureAgreement.Forward);
        FixtureAgreement.Check("HPS v2", "scores", scores, expected["scores"], FixtureAgreement.Forward);
        FixtureAgreement.Check("HPS v2", "loss", loss.view(1), expected["loss"], FixtureAgreement.Forward);
        FixtureAgreement.Check("HPS v2", "gradient of the image", image.grad!, expected["grad_image"], FixtureAgreement.Gradient);
    }

    [SharedFact(PublishedHead)]
    public void The_published_aesthetic_head_agrees()
    {
        using var scope = NewDisposeScope();
        // Read where they lie: the published file is not copied.
        var inputs = TensorFile.ReadAll(Fixture.Shared("fixtures", "aesthetic_head", "inputs.safetensors")!);
        var expected = TensorFile.ReadAll(Fixture.Shared("fixtures", "aesthetic_head", "expected.safetensors")!);
        using var head = AestheticHead.Load(Fixture.Shared(PublishedHead.Split('/'))!, 768);
        var features = inputs["embeds"].requires_grad_();
        var scores = head.forward(features);
        scores.sum().backward();
        FixtureAgreement.Check("aesthetic head", "scores", scores.unsqueeze(-1), expected["scores"], FixtureAgreement.Forward);
        FixtureAgreement.Check("aesthetic head", "gradient", features.grad!, expected["grad_embeds"], FixtureAgreement.Gradient);
    }

    [Fact]
    public void A_missing_aesthetic_head_is_named()
    {
        using var scope = NewDisposeScope();
        var e = Assert.Throws<ModelFileException>(() =>
            AestheticReward.Load(Fixture.Path("clip_model"), CPU, ScalarType.Float32));
        Assert.Contains("missing: layers.0.weight", e.Message);
    }

    [Fact]
    public void A_reward_of_prompts_without_a_tokenizer_is_named()
    {
        using var scope = NewDisposeScope();
        using var reward = ClipScoreReward.Load(Fixture.Path("hps"), CPU, ScalarType.Float32, ClipScoreScale.Percent);
        Assert.Contains("vocab.json",
            Assert.Throws<ModelFileException>(() => reward.Score(zeros(1, 3, 64, 64), ["a fox"])).Message);
    }

    internal static AestheticReward LoadAesthetic() =>
        new(new ClipEmbedder(ClipTests.LoadClip(), null, antialias: false),
            AestheticHead.Load(Fixture.Shared(PublishedHead.Split('/'))!, 768));
}
