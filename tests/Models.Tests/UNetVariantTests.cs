using AlignProp.Adapters.Configurations;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>
/// What SD 2 and XL style configurations change, against golden numbers where they say the same, and against the formula
/// otherwise.
/// </summary>
[Collection(FixtureCollection.Name)]
public class UNetVariantTests
{
    public static TheoryData<string> Settings => [.. Directory.GetDirectories(Fixture.Path("golden", "unets"))
        .Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];

    /// <summary>
    /// One setting after the other away from the usual, as diffusers saves and computes it (tests/fixtures/golden/make_unets.py).
    /// </summary>
    [Theory]
    [MemberData(nameof(Settings))]
    public void Every_setting_agrees_with_diffusers(string setting)
    {
        using var scope = NewDisposeScope();
        var (folder, golden) = (Fixture.Path("golden", "unets", setting),
            Fixture.Tensors("golden", "unets", setting, "golden.safetensors"));
        using var unet = Weights.Load(new UNet2DConditionModel(UNetConfig.Load(Path.Combine(folder, "config.json"))),
            Path.Combine(folder, "diffusion_pytorch_model.safetensors"));
        var sample = golden["sample"].requires_grad_();
        var output = unet.Predict(sample, golden["timesteps"], new Conditioning(golden["states"], Classes: golden["classes"]));
        (output * golden["grad_out"]).sum().backward();
        FixtureAgreement.Check("UNet settings", setting, output, golden["out"], FixtureAgreement.Forward);
        FixtureAgreement.Check("UNet settings", $"{setting} gradient", sample.grad!, golden["gradient"],
            FixtureAgreement.Gradient);
    }

    [Fact]
    public void Linear_projections_give_the_golden_output_of_the_same_1x1_convolutions()
    {
        using var scope = NewDisposeScope();
        var config = UNetConfig.Load(Fixture.Path("unet", "config.json")) with { UseLinearProjection = true };
        var unet = Weights.Load(Parts.Blueprint(() => new UNet2DConditionModel(config)),
            Fixture.Path("unet", "diffusion_pytorch_model.safetensors"));
        Assert.Equal(2, unet.named_parameters().Single(p => p.name == "mid_block.attentions.0.proj_in.weight").parameter.dim());
        var (inputs, expected) = (Fixture.Tensors("unet", "inputs.safetensors"), Fixture.Tensors("unet", "expected.safetensors"));
        var sample = inputs["sample"].requires_grad_();
        var output = unet.forward(sample, inputs["timestep_c"], inputs["encoder_hidden_states"]);
        (output * inputs["grad_out"]).sum().backward();
        FixtureAgreement.Check("UNet2DConditionModel", "out_c, linear projections", output, expected["out_c"],
            FixtureAgreement.Forward);
        FixtureAgreement.Check("UNet2DConditionModel", "grad_sample_c, linear projections", sample.grad!,
            expected["grad_sample_c"], FixtureAgreement.Gradient);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Attention_is_softmax_of_scaled_products_per_head(int heads)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        manual_seed(1);
        using var attention = new Attention(24, 10, heads, 24 / heads);
        var weights = attention.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        var (x, context) = (randn(3, 5, 24), randn(3, 7, 10));
        var (q, k, v) = (x.matmul(weights["to_q.weight"].t()), context.matmul(weights["to_k.weight"].t()),
            context.matmul(weights["to_v.weight"].t()));
        var width = 24 / heads;
        var parts = Enumerable.Range(0, heads).Select(h =>
        {
            var (qh, kh, vh) = (q.narrow(2, h * width, width), k.narrow(2, h * width, width), v.narrow(2, h * width, width));
            return (qh.matmul(kh.transpose(1, 2)) / Math.Sqrt(width)).softmax(-1).matmul(vh);
        }).ToArray();
        var expected = cat(parts, -1).matmul(weights["to_out.0.weight"].t()) + weights["to_out.0.bias"];
        FixtureAgreement.Check("Attention", $"{heads} heads, by hand", attention.forward(x, context), expected,
            FixtureAgreement.Forward);
    }

    [Fact]
    public void Time_scales_and_shifts_where_the_configuration_says_so()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        manual_seed(2);
        using var block = new ResnetBlock2D(8, 8, new ResnetStyle(6, 4, 1e-5, "gelu", ScaleShift: true), outputScale: 2);
        var p = block.named_parameters().ToDictionary(n => n.name, n => (Tensor)n.parameter);
        p["norm2.weight"].normal_();
        var (x, time) = (randn(3, 8, 4, 4), randn(3, 6));
        var h = nn.functional.conv2d(
            nn.functional.gelu(nn.functional.group_norm(x, 4, p["norm1.weight"], p["norm1.bias"], 1e-5)), p["conv1.weight"],
            p["conv1.bias"], padding: [1, 1]);
        var both = (time.matmul(p["time_emb_proj.weight"].t()) + p["time_emb_proj.bias"]).unsqueeze(-1).unsqueeze(-1);
        h = nn.functional.group_norm(h, 4, p["norm2.weight"], p["norm2.bias"],
            1e-5) * (1 + both.narrow(1, 0, 8)) + both.narrow(1, 8, 8);
        h = nn.functional.conv2d(nn.functional.gelu(h), p["conv2.weight"], p["conv2.bias"], padding: [1, 1]);
        FixtureAgreement.Check("ResnetBlock2D", "scale_shift, by hand", block.forward(x, time), (x + h) / 2,
            FixtureAgreement.Forward);
    }

    [Fact]
    public void Added_conditions_join_the_time_embedding()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        manual_seed(3);
        var config = UNetConfig.Uniform([8], 1, [2], 6, 4, 4) with
        {
            TextTime = new TextTimeEmbedding(4, 6 * 4 + 5),
            ClassCount = 3
        };
        using var unet = new UNet2DConditionModel(config);
        var p = unet.named_parameters().ToDictionary(n => n.name, n => (Tensor)n.parameter);
        var (x, t, states) = (randn(2, 4, 4, 4), tensor(7L), randn(2, 3, 6));
        var c = new Conditioning(states, randn(2, 5),
            tensor(new float[,] { { 512, 256, 0, 0, 512, 256 }, { 64, 64, 8, 8, 32, 32 } }), tensor([2L, 0L]));
        var waves = TimestepEmbedding.Sinusoids(c.Sizes!.flatten(), 4, flip: true, 0).view(2, 24);
        var added = Mlp(cat([c.Pooled!, waves], -1), "add_embedding") + p["class_embedding.weight"].index_select(0, c.Classes!);
        var prediction = unet.Predict(x, t, c);

        // The same network without the extras, and their sum in the timestep's own embedding: its last bias, one sample at a
        // time.
        using var plain = new UNet2DConditionModel(config with { TextTime = null, ClassCount = null });
        foreach (var (name, parameter) in plain.named_parameters())
        {
            parameter.copy_(p[name]);
        }
        var bias = plain.named_parameters().Single(n => n.name == "time_embedding.linear_2.bias").parameter;
        for (var i = 0; i < 2; i++)
        {
            bias.copy_(p["time_embedding.linear_2.bias"] + added[i]);
            FixtureAgreement.Check("UNet2DConditionModel", $"text_time and class, sample {i}, by hand",
                prediction.narrow(0, i, 1), plain.forward(x.narrow(0, i, 1), t, states.narrow(0, i, 1)),
                    FixtureAgreement.Forward);
        }

        Tensor Mlp(Tensor h,
            string name) => nn.functional.silu(h.matmul(p[name + ".linear_1.weight"].t()) + p[name + ".linear_1.bias"])
            .matmul(p[name + ".linear_2.weight"].t()) + p[name + ".linear_2.bias"];
    }

    [Theory]
    [InlineData(11, 7)]
    [InlineData(16, 16)]
    public void A_network_of_every_variant_runs_forward_and_back(int height, int width)
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        // Heads that do not divide the channels, no attention at the top, text in both attentions below it, other kernels and
        // paddings.
        var config = new UNetConfig
        {
            BlockOutChannels = [16, 24],
            DownAttention = [false, true],
            UpAttention = [true, false],
            LayersPerBlock = [1, 2],
            TransformerLayers = [[1], [2, 2]],
            UpTransformerLayers = [[2, 2, 2], [1, 1]],
            MidTransformerLayers = 2,
            Heads = [3, 5],
            CrossAttentionDim = [6, 10],
            OnlyCrossAttention = [false, true],
            UseLinearProjection = true,
            UpcastAttention = true,
            MidBlockScaleFactor = 1.5,
            Activation = "mish",
            NormNumGroups = 4,
            TimeScaleShift = true,
            TimeEmbeddingDim = 20,
            CenterInputSample = true,
            ConvInKernel = 5,
            ConvOutKernel = 1,
        };
        using var unet = new UNet2DConditionModel(config);
        var shapes = unet.named_parameters().ToDictionary(n => n.name, n => n.parameter.shape);
        Assert.Equal([20, 24], shapes["down_blocks.1.attentions.0.proj_in.weight"]);
        Assert.Equal([20, 10], shapes["down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_k.weight"]);
        Assert.Equal([20, 20], shapes["mid_block.attentions.0.transformer_blocks.0.attn1.to_k.weight"]);
        Assert.DoesNotContain("down_blocks.0.attentions.0.norm.weight", shapes.Keys);
        var x = randn([3, 4, height, width], requires_grad: true);
        var output = unet.forward(x, tensor(3L), randn(3, 5, 10));
        Assert.Equal(x.shape, output.shape);
        output.sum().backward();
        Assert.True(x.grad!.isfinite().all().item<bool>() && x.grad!.abs().sum().item<float>() > 0);
    }
}
