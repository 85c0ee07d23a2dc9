using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

[Collection(FixtureCollection.Name)]
public class ClipTests
{
    [Theory]
    [InlineData("clip_text")]
    [InlineData("clip_text_gelu")]
    public void Text_encoder_agrees_with_transformers(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (text, inputs, expected) = (LoadText(folder), Fixture.Tensors(folder, "inputs.safetensors"),
            Fixture.Tensors(folder, "expected.safetensors"));
        var layers = new List<Tensor>();
        var (last, pooled) = text.Encode(inputs["input_ids"], eachLayer: h => layers.Add(h.clone().MoveToOuterDisposeScope()));
        FixtureAgreement.Check($"CLIPTextModel ({folder})", "last_hidden_state", last, expected["last_hidden_state"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check($"CLIPTextModel ({folder})", "pooler_output", pooled, expected["pooler_output"],
            FixtureAgreement.Forward);
        var (masked, _) = text.Encode(inputs["input_ids"], inputs["attention_mask"]);
        FixtureAgreement.Check($"CLIPTextModel ({folder})", "with_attention_mask", masked,
            expected["last_hidden_state_with_attention_mask"], FixtureAgreement.Forward);
    }

    [Theory]
    [InlineData("clip_text")]
    [InlineData("clip_text_gelu")]
    public void A_wrong_epsilon_in_the_text_encoder_would_show(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var text = LoadText(folder);
        Fixture.MakeEpsSensitive(text, folder);
        FixtureAgreement.Check($"CLIPTextModel ({folder})", "eps_sensitive",
            text.Encode(Fixture.Tensors(folder, "inputs.safetensors")["input_ids"]).LastHidden,
            Fixture.Tensors(folder, "expected_eps_sensitive.safetensors")["last_hidden_state"], FixtureAgreement.Forward);
    }

    [Fact]
    public void Both_towers_agree_with_transformers()
    {
        using var scope = NewDisposeScope();
        var (clip, inputs, expected) = (LoadClip(), Fixture.Tensors("clip_model", "inputs.safetensors"),
            Fixture.Tensors("clip_model", "expected.safetensors"));
        var pixels = inputs["pixel_values"].requires_grad_();
        var features = clip.ImageFeatures(pixels);
        (features * inputs["R_image_features"]).sum().backward();
        var text = clip.TextFeatures(inputs["input_ids"]);
        FixtureAgreement.Check("CLIPModel", "get_image_features", features, expected["get_image_features"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("CLIPModel", "get_text_features", text, expected["get_text_features"], FixtureAgreement.Forward);
        FixtureAgreement.Check("CLIPModel", "vision_last_hidden_state", clip.EncodeImage(pixels).LastHidden,
            expected["vision_last_hidden_state"], FixtureAgreement.Forward);
        FixtureAgreement.Check("CLIPModel", "grad_pixels_image_features", pixels.grad![.., .., 64..128, 64..128],
            expected["grad_pixels_image_features"], FixtureAgreement.Gradient);
        var logits = nn.functional.normalize(features).mm(nn.functional.normalize(text).t()) * clip.LogitScale;
        FixtureAgreement.Check("CLIPModel", "logits_per_image", logits, expected["logits_per_image"], FixtureAgreement.Forward);
    }

    [Fact]
    public void A_wrong_epsilon_would_show()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (clip, inputs, expected) = (LoadClip(), Fixture.Tensors("clip_model", "inputs.safetensors"),
            Fixture.Tensors("clip_model", "expected_eps_sensitive.safetensors"));
        Fixture.MakeEpsSensitive(clip, "clip_model");
        FixtureAgreement.Check("CLIPModel", "eps_sensitive image", clip.ImageFeatures(inputs["pixel_values"]),
            expected["image_embeds"], FixtureAgreement.Forward);
        FixtureAgreement.Check("CLIPModel", "eps_sensitive text", clip.TextFeatures(inputs["input_ids"]),
            expected["text_embeds"], FixtureAgreement.Forward);
    }

    internal static ClipModel LoadClip() => Weights.Load(
        new ClipModel(ClipConfig.Load(Fixture.Path("clip_model", "config.json"))),
            Fixture.Path("clip_model", "model.safetensors"));

    private static ClipTextModel LoadText(string folder) => Weights.Load(
        new ClipTextModel(ClipTextConfig.Load(Fixture.Path(folder, "config.json"))), Fixture.Path(folder, "model.safetensors"));
}
