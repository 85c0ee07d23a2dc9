using AlignProp.Adapters;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Which layers can be adapted: the coordinator reads them from a file's header, a node from the network.</summary>
[Collection(FixtureCollection.Name)]
public sealed class AdapterSiteTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-sites-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("sd1", false)]
    [InlineData("sd2", false)]
    [InlineData("sdxl", false)]
    [InlineData("sd1", true)]
    [InlineData("sd2", true)]
    [InlineData("sdxl", true)]
    public void The_files_header_and_the_network_agree(string kind, bool singleFile)
    {
        TinyModels.WriteFolder(_folder, kind);
        var path = _folder;
        if (singleFile)
        {
            path = Path.Combine(_folder, "all.safetensors");
            TinyModels.WriteSingleFile(_folder, kind, path);
        }
        using var model = StableDiffusion.Load(path, CPU,
            options: new StableDiffusionOptions(Path.Combine(_folder, "tokenizer")));
        Assert.Equal(model.Denoiser.Sites.ToList(), [.. SiteReader.Read(path)]);
        Assert.Equal(model.Denoiser.Sites.Select(s => s.Kind).Distinct().Order(),
            [SiteKind.Linear, SiteKind.Pointwise, SiteKind.Convolution]);
    }

    [Fact]
    public void The_shipped_models_targets()
    {
        var sites = SiteReader.Read(Path.Combine(Fixture.Root, "models", "emoji-diffusion"));
        Assert.Equal(sites.Count(s => s.Module.Contains(".attn", StringComparison.Ordinal)),
            sites.Matching(["to_q", "to_k", "to_v", "to_out.0"]).Count);
        var all = sites.Matching([AdapterSites.AllLinear]);
        Assert.Equal(sites.Where(s => s.Kind == SiteKind.Linear).ToList(), [.. all]);
        Assert.Contains("time_emb_proj", all.Endings);
        Assert.DoesNotContain("proj_in", all.Endings);
        Assert.Equal("conv_in", Assert.Single(sites.Matching(["conv_in"])).Module);
        Assert.All(sites.Matching(["ff.net.2", "conv1"]), s => Assert.True(s.Kind != SiteKind.Pointwise));
        var message = Assert.Throws<LoraTargetException>(() => sites.Matching(["to_q", "to_x", "attn9"])).Message;
        Assert.Contains("ends with to_x, attn9; expected all-linear, or some of conv, conv1", message);
        Assert.Contains("to_out.0", message);
    }

    [Fact]
    public void Every_site_can_be_trained_and_its_branch_reaches_the_prediction()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion.Load(TinyModels.WriteFolder(_folder, "sd1"), CPU);
        manual_seed(12);
        var (x, time, c) = (randn(2, 4, 8, 8), tensor(500f), model.Denoiser.Prepare(model.Text.Encode(["a", "b"], 16, 16)));
        var plain = model.Denoiser.Predict(x, time, c).detach();
        using var lora = LoraInjection.Attach(model.Denoiser, 2, 2, model.Denoiser.Sites);
        Assert.Equal(2 * model.Denoiser.Sites.Count, lora.Parameters.Count);
        Assert.Equal(lora.Parameters.Select(p => p.Name).Order(StringComparer.Ordinal), lora.Parameters.Select(p => p.Name));
        Assert.Equal(0f, (model.Denoiser.Predict(x, time, c) - plain).abs().max().item<float>());
        using (no_grad())
        {
            foreach (var (_, parameter) in lora.Parameters)
            {
                parameter.normal_(0, 0.1);
            }
        }
        model.Denoiser.Predict(x, time, c).square().sum().backward();
        Assert.All(lora.Parameters, p => Assert.NotEqual(0f, p.Value.grad!.abs().sum().item<float>()));
        lora.SetActive(false);
        Assert.Equal(0f, (model.Denoiser.Predict(x, time, c) - plain).abs().max().item<float>());
    }
}
