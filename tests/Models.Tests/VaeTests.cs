using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

[Collection(FixtureCollection.Name)]
public class VaeTests
{
    [Fact]
    public void Decoder_and_its_gradient_agree_with_diffusers()
    {
        using var scope = NewDisposeScope();
        var (vae, inputs, expected) = (LoadVae(), Fixture.Tensors("vae", "inputs.safetensors"),
            Fixture.Tensors("vae", "expected.safetensors"));
        var latent = inputs["latent"].requires_grad_();
        var image = vae.Decode(latent);
        (image * inputs["grad_out"]).sum().backward();
        FixtureAgreement.Check("AutoencoderKL", "decoded", image, expected["decoded"], FixtureAgreement.Forward);
        FixtureAgreement.Check("AutoencoderKL", "grad_latent", latent.grad!, expected["grad_latent"], FixtureAgreement.Gradient);
    }

    [Fact]
    public void Encoder_and_its_gradient_agree_with_diffusers()
    {
        using var scope = NewDisposeScope();
        var (vae, inputs, expected) = (LoadVae(), Fixture.Tensors("vae", "inputs.safetensors"),
            Fixture.Tensors("vae", "expected.safetensors"));
        var image = inputs["image"].requires_grad_();
        var (mean, logVariance) = vae.Encode(image);
        (mean * inputs["posterior_noise"]).sum().backward();
        FixtureAgreement.Check("AutoencoderKL", "enc_mean", mean, expected["enc_mean"], FixtureAgreement.Forward);
        FixtureAgreement.Check("AutoencoderKL", "enc_logvar", logVariance, expected["enc_logvar"], FixtureAgreement.Forward);
        FixtureAgreement.Check("AutoencoderKL", "grad_image", image.grad!, expected["grad_image"], FixtureAgreement.Gradient);
    }

    [Fact]
    public void A_wrong_epsilon_would_show()
    {
        using var scope = NewDisposeScope();
        var (vae, inputs, expected) = (LoadVae(), Fixture.Tensors("vae", "inputs.safetensors"),
            Fixture.Tensors("vae", "expected_eps_sensitive.safetensors"));
        Fixture.MakeEpsSensitive(vae, "vae");
        using var noGrad = no_grad();
        FixtureAgreement.Check("AutoencoderKL", "eps_sensitive decoded", vae.Decode(inputs["latent"]), expected["decoded"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("AutoencoderKL", "eps_sensitive enc_mean", vae.Encode(inputs["image"]).Mean, expected["enc_mean"],
            FixtureAgreement.Forward);
    }

    [Fact]
    public void Old_attention_key_names_load()
    {
        using var json =
            System.Text.Json.JsonDocument.Parse(File.ReadAllText(Fixture.Path("vae", "deprecated_attention_key_names.json")));
        foreach (var pair in json.RootElement.EnumerateObject())
        {
            Assert.Equal(pair.Value.GetString(), PublishedNames.Vae(pair.Name));
        }
    }

    internal static AutoencoderKL LoadVae() => Weights.Load(
        new AutoencoderKL(VaeConfig.Load(Fixture.Path("vae", "config.json"))),
            Fixture.Path("vae", "diffusion_pytorch_model.safetensors"));
}
