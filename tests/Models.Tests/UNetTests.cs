using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Lora;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

[Collection(FixtureCollection.Name)]
public class UNetTests
{
    private static readonly string[] Targets = ["to_q", "to_k", "to_v", "to_out.0"];

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    [InlineData("c")]
    public void Output_and_input_gradients_agree_with_diffusers(string which)
    {
        using var scope = NewDisposeScope();
        var (unet, inputs, expected) = (LoadUNet(), Fixture.Tensors("unet", "inputs.safetensors"),
            Fixture.Tensors("unet", "expected.safetensors"));
        var sample = inputs["sample"].requires_grad_();
        var context = inputs["encoder_hidden_states"].requires_grad_();
        var output = unet.forward(sample, inputs[$"timestep_{which}"], context);
        (output * inputs["grad_out"]).sum().backward();
        FixtureAgreement.Check("UNet2DConditionModel", $"out_{which}", output, expected[$"out_{which}"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("UNet2DConditionModel", $"grad_sample_{which}", sample.grad!, expected[$"grad_sample_{which}"],
            FixtureAgreement.Gradient);
        FixtureAgreement.Check("UNet2DConditionModel", $"grad_context_{which}", context.grad!, expected[$"grad_context_{which}"],
            FixtureAgreement.Gradient);
    }

    [Fact]
    public void A_wrong_epsilon_would_show()
    {
        using var scope = NewDisposeScope();
        var (unet, inputs) = (LoadUNet(), Fixture.Tensors("unet", "inputs.safetensors"));
        Fixture.MakeEpsSensitive(unet, "unet");
        using var noGrad = no_grad();
        FixtureAgreement.Check("UNet2DConditionModel", "eps_sensitive",
            unet.forward(inputs["sample"], inputs["timestep_c"], inputs["encoder_hidden_states"]),
            Fixture.Tensors("unet", "expected_eps_sensitive.safetensors")["out_c"], FixtureAgreement.Forward);
    }

    [Fact]
    public void Lora_output_and_gradients_agree_with_peft()
    {
        using var scope = NewDisposeScope();
        var (unet, inputs) = (LoadUNet(), Fixture.Tensors("unet", "inputs.safetensors"));
        var (expected, gradients) = (Fixture.Tensors("lora", "expected.safetensors"),
            Fixture.Tensors("lora", "expected_grads.safetensors"));
        using var lora = LoadLora(unet, "lora_nonzero");
        var sample = inputs["sample"].requires_grad_();
        var output = unet.forward(sample, inputs["timestep_c"], inputs["encoder_hidden_states"]);
        (output * inputs["grad_out"]).sum().backward();
        FixtureAgreement.Check("LoRA", "out", output, expected["out"], FixtureAgreement.Forward);
        FixtureAgreement.Check("LoRA", "grad_sample", sample.grad!, expected["grad_sample"], FixtureAgreement.Gradient);
        FixtureAgreement.CheckAll("LoRA", "grad of A and B",
            lora.Parameters.Select(p => (p.Value.grad!, gradients[p.Name])).ToList(), FixtureAgreement.Gradient);
        Assert.Equal(256, lora.Parameters.Count);
    }

    /// <summary>The UNet that <c>export --format merged</c> writes, against diffusers' fused one.</summary>
    [Fact]
    public void A_merged_file_agrees_with_diffusers_fused_weights()
    {
        var merged = System.IO.Path.GetTempFileName();
        try
        {
            using var scope = NewDisposeScope();
            using (var weights = WeightFiles.Open(Fixture.Path("unet", "diffusion_pytorch_model.safetensors")))
            {
                WeightMerger.Write(merged, weights,
                    LoraFile.Read(Fixture.Path("lora", "trl_saved", DiffusersLoraFormat.FileName)));
            }
            var unet = Weights.Load(new UNet2DConditionModel(UNetConfig.Load(Fixture.Path("unet", "config.json"))), merged);
            var inputs = Fixture.Tensors("unet", "inputs.safetensors");
            using var noGrad = no_grad();
            FixtureAgreement.Check("LoRA", "out_fused",
                unet.forward(inputs["sample"], inputs["timestep_c"], inputs["encoder_hidden_states"]),
                Fixture.Tensors("lora", "expected.safetensors")["out_fused"], FixtureAgreement.Forward);
        }
        finally
        {
            File.Delete(merged);
        }
    }

    [Fact]
    public void Half_alpha_halves_the_branch()
    {
        using var scope = NewDisposeScope();
        var (unet, inputs) = (LoadUNet(), Fixture.Tensors("unet", "inputs.safetensors"));
        using var lora = LoadLora(unet, "lora_nonzero", alpha: 2);
        using var noGrad = no_grad();
        FixtureAgreement.Check("LoRA", "out_scale_half",
            unet.forward(inputs["sample"], inputs["timestep_c"], inputs["encoder_hidden_states"]),
            Fixture.Tensors("lora", "expected.safetensors")["out_scale_half"], FixtureAgreement.Forward);
    }

    internal static UNet2DConditionModel LoadUNet() => Weights.Load(
        new UNet2DConditionModel(UNetConfig.Load(Fixture.Path("unet", "config.json"))),
            Fixture.Path("unet", "diffusion_pytorch_model.safetensors"));

    internal static LoraInjection LoadLora(IDenoiser unet, string file, double alpha = 4)
    {
        var lora = LoraInjection.Attach(unet, new LoraConfig { Alpha = alpha, Targets = Targets });
        using var source = Adapters.SafetensorsFile.Open(Fixture.Path("lora", file + ".safetensors"));
        lora.Load(source.ReadSingles);
        return lora;
    }
}
