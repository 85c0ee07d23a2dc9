using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using AlignProp.Models.Text;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>
/// Whole models of the SD 2 and SDXL kind as diffusers saves them, against what diffusers and transformers compute with them:
/// batch of 3, other heads on every level, latents whose lowest level has an odd size (tests/fixtures/golden).
/// </summary>
[Collection(FixtureCollection.Name)]
public class GoldenPipelineTests
{
    internal const int Steps = 6;
    private const int Rank = 2;
    private const int Height = 64;
    private const int Width = 96;

    internal static readonly string[] Prompts = ["a red cat!", "two dogs, 3 owls", "it's the panda's house"];

    [Theory]
    [InlineData("sd2")]
    [InlineData("sdxl")]
    public void Tokens_and_text_states_agree(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Load(kind, out var golden);
        for (var i = 0; i < ((PromptEncoder)model.Text).Towers.Count; i++)
        {
            Assert.Equal(golden[i == 0 ? "ids" : "ids_2"].data<long>().ToArray(),
                Prompts.SelectMany(((PromptEncoder)model.Text).Towers[i].Tokenizer.Encode));
        }
        foreach (var (name, conditioning) in new[] { ("prompt", model.Text.Encode(Prompts, Height, Width)),
            ("negative", Negative(model)), ("empty", model.Text.EncodeNegative("", 3, Height, Width)) })
        {
            FixtureAgreement.Check($"pipeline {kind}", $"{name} states", conditioning.States, golden[$"{name}_states"],
                FixtureAgreement.Forward);
            if (kind == "sdxl")
            {
                FixtureAgreement.Check($"pipeline {kind}", $"{name} pooled", conditioning.Pooled!, golden[$"{name}_pooled"],
                    FixtureAgreement.Forward);
            }
        }
    }

    [Theory]
    [InlineData("sd2")]
    [InlineData("sdxl")]
    public void One_prediction_and_its_gradients_agree(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Load(kind, out var golden);
        var sample = golden["sample"].requires_grad_();
        var conditioning = model.Text.Encode(Prompts, Height, Width);
        var states = golden["prompt_states"].clone().requires_grad_();
        var prediction = ((UNet2DConditionModel)model.Denoiser)
            .Predict(sample, tensor(new long[] { 981, 500, 7 }), conditioning with { States = states });
        (prediction * golden["grad_out"]).sum().backward();
        FixtureAgreement.Check($"pipeline {kind}", "UNet", prediction, golden["unet"], FixtureAgreement.Forward);
        FixtureAgreement.Check($"pipeline {kind}", "UNet gradient in the latents", sample.grad!, golden["unet_grad_sample"],
            FixtureAgreement.Gradient);
        FixtureAgreement.Check($"pipeline {kind}", "UNet gradient in the text states", states.grad!, golden["unet_grad_states"],
            FixtureAgreement.Gradient);
    }

    [Theory]
    [InlineData("sd2", 1)]
    [InlineData("sd2", 3)]
    [InlineData("sd2", Steps)]
    [InlineData("sdxl", 1)]
    [InlineData("sdxl", 3)]
    [InlineData("sdxl", Steps)]
    public void Chain_image_and_truncated_gradient_agree(string kind, int k)
    {
        using var scope = NewDisposeScope();
        using var model = Load(kind, out var golden);
        using var lora = Lora(model, golden);
        Assert.Equal(golden.Keys.Count(name => name.StartsWith("lora|", StringComparison.Ordinal)), lora.Parameters.Count);
        Assert.Equal(golden["timesteps"].data<long>().ToArray(), ((DdimSampler)model.Sampler).Timesteps(Steps));

        var chain = Chain(model);
        var outcome = new AlignmentStep(model, new BrightnessReward())
            .Run(chain, golden["latents"][0], Prompts, new AlignmentLoss(), GradientPlan.LastSteps(k, Steps));
        FixtureAgreement.CheckAll($"pipeline {kind}", $"LoRA gradient K{k}",
            lora.Parameters.Select(p => (p.Value.grad ?? zeros_like(p.Value), golden[$"K{k}|{p.Name}"])).ToList(),
                FixtureAgreement.Gradient);
        FixtureAgreement.Check($"pipeline {kind}", "rewards", tensor(outcome.Rewards), golden["reward"],
            FixtureAgreement.Forward);

        using var noGrad = no_grad();
        FixtureAgreement.Check($"pipeline {kind}", "latents (all)", stack(chain.Sample(golden["latents"][0]), 0),
            golden["latents"], FixtureAgreement.Forward);
        FixtureAgreement.Check($"pipeline {kind}", "image", model.Codec.Decode(outcome.Latents), golden["image"],
            FixtureAgreement.Forward);
    }

    internal static TextToImage Load(string kind, out Dictionary<string, Tensor> golden, ScalarType dtype = ScalarType.Float32)
    {
        golden = Fixture.Tensors("golden", kind, "golden.safetensors");
        return StableDiffusion.Load(Fixture.Path("golden", kind), CPU, dtype);
    }

    internal static LoraInjection Lora(TextToImage model, Dictionary<string, Tensor> golden)
    {
        var lora = LoraInjection.Attach(model.Denoiser, new LoraConfig { Rank = Rank, Alpha = Rank });
        lora.Load(name => golden[$"lora|{name}"].data<float>().ToArray());
        return lora;
    }

    internal static DenoisingChain Chain(TextToImage model) =>
        DenoisingChain.Of(model, new SamplingConfig { Steps = Steps, GuidanceScale = 2, Height = Height, Width = Width },
            model.Text.Encode(Prompts, Height, Width), Negative(model));

    private static Conditioning Negative(TextToImage model) => model.Text.EncodeNegative("ugly", 3, Height, Width);
}
