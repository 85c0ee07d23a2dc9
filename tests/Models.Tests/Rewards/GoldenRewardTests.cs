using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Blip;
using AlignProp.Models.Files;
using AlignProp.Models.OwlVit;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// OWL-ViT and ImageReward, in files that transformers and PyTorch saved, against what the reference code computes
/// (tests/fixtures/golden).
/// </summary>
[Collection(FixtureCollection.Name)]
public class GoldenRewardTests
{
    [Fact]
    public void OwlViT_agrees_with_transformers()
    {
        using var scope = NewDisposeScope();
        var (folder, golden) = (Fixture.Path("golden", "owlvit"), Fixture.Tensors("golden", "owlvit", "golden.safetensors"));
        using var model = Weights.Load(Parts(folder), folder, OwlViTModel.Rename);
        var tokenizer = ClipTokenizer.Load(folder);
        Assert.Equal(golden["ids"].data<long>().ToArray(),
            new[] { "a cat", "a photo of a red bee" }.SelectMany(tokenizer.Encode));

        var pixels = golden["pixels"].requires_grad_();
        var (logits, boxes, _) = model.Detect(pixels, model.EncodeQueries(golden["ids"]));
        var confidence = logits.sigmoid().amax([1]).mean([1]);
        confidence.sum().backward();
        FixtureAgreement.Check("OWL-ViT", "logits", logits, golden["logits"], FixtureAgreement.Forward);
        FixtureAgreement.Check("OWL-ViT", "boxes", boxes, golden["boxes"], FixtureAgreement.Forward);
        FixtureAgreement.Check("OWL-ViT", "confidence", confidence, golden["confidence"], FixtureAgreement.Forward);
        FixtureAgreement.Check("OWL-ViT", "gradient in the pixels", pixels.grad!, golden["gradient"], FixtureAgreement.Gradient);

        static OwlViTModel Parts(string folder) => new(OwlViTModel.ReadConfig(Path.Combine(folder, "config.json")));
    }

    [Fact]
    public void ImageReward_agrees_with_the_published_code()
    {
        using var scope = NewDisposeScope();
        var (folder, golden) = (Fixture.Path("golden", "imagereward"),
            Fixture.Tensors("golden", "imagereward", "golden.safetensors"));
        using var model = Weights.Load(new ImageRewardModel(new BlipVisionConfig(24, 2, 3, 32, 8),
            BlipTextConfig.Read(JsonConfig.Load(Path.Combine(folder, "med_config.json")))),
            Path.Combine(folder, "ImageReward.pt"), ImageRewardModel.Rename);
        var tokenizer = BertPromptTokenizer.Load(Path.Combine(folder, "vocab.txt"));
        string[] prompts = ["a red cat", "Two DOGS, a café bee!", string.Concat(Enumerable.Repeat("the panda's house ", 8))];
        var rows = prompts.Select(p => tokenizer.Encode(p, 35)).ToList();
        Assert.Equal(golden["ids"].data<long>().ToArray(), rows.SelectMany(r => r.Ids));
        Assert.Equal(golden["mask"].data<long>().ToArray(), rows.SelectMany(r => r.Mask));

        var pixels = golden["pixels"].requires_grad_();
        var reward = ImageReward.Normalised(model.Score(golden["ids"], golden["mask"], model.EncodeImage(pixels)));
        reward.sum().backward();
        FixtureAgreement.Check("ImageReward", "reward", reward, golden["reward"], FixtureAgreement.Forward);
        FixtureAgreement.Check("ImageReward", "gradient in the pixels", pixels.grad!, golden["gradient"],
            FixtureAgreement.Gradient);
    }

    [Theory]
    [InlineData("scripted")]
    [InlineData("traced")]
    public void A_TorchScript_file_of_PyTorch_computes_the_same_here(string name)
    {
        using var scope = NewDisposeScope();
        var golden = Fixture.Tensors("golden", "torchscript", "golden.safetensors");
        using var reward = TorchScriptReward.Load(Fixture.Path("golden", "torchscript", $"{name}.pt"), CPU);
        var images = golden["images"].requires_grad_();
        var score = reward.Score(images, ["a cat", "a dog?"]);
        score.sum().backward();
        FixtureAgreement.Check("TorchScript", $"{name} reward", score, golden[name], FixtureAgreement.Forward);
        FixtureAgreement.Check("TorchScript", $"{name} gradient", images.grad!, golden[$"{name}_gradient"],
            FixtureAgreement.Gradient);
    }
}
