using System.IO.Compression;
using AlignProp.Adapters.Inspection;

namespace AlignProp.Adapters.Tests;

/// <summary>Every way that tools write a LoRA for a UNet, by the format's own rule (tests/fixtures/formats).</summary>
public sealed class DialectTests
{
    /// <summary>Only a text encoder is adapted, or a kind that is not computed.</summary>
    private static readonly string[] Refused = ["sd1/te_only_diffusers", "sd1/te_only_kohya", "sdxl/kohya_dora"];

    public static TheoryData<string> Dialects => [.. new[] { "sd1", "sdxl" }
        .SelectMany(m => Directory.GetDirectories(Fixture.PathOf("formats", "lora", m)).Select(d => $"{m}/{Path.GetFileName(d)}"))
        .Except(Refused).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Every_module_gets_the_change_that_the_format_means(string dialect)
    {
        var sites = TinyModel.Sites(dialect.Split('/')[0]);
        var known = LoraFile.Import(PathOf(dialect), sites);
        AssertDeltas(dialect, known.Weights);
        Assert.All(known.Weights.Modules, m => Assert.True(sites.TryGet(m, out _), m));
        // Without the model, too: block numbers are those of every published UNet.
        AssertDeltas(dialect, LoraFile.Import(PathOf(dialect)).Weights);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Inspect_finds_nothing_wrong_with_it(string dialect)
    {
        var inspection = Inspector.Inspect(PathOf(dialect));
        Assert.Empty(inspection.Problems);
        Assert.Equal("LoRA", Assert.Single(inspection.Parts).What);
        Assert.NotEqual("unknown", inspection.Facts.First(f => f.Key == "rank").Value);
    }

    [Theory]
    [InlineData("sd1/te_only_diffusers", "text_encoder.", "adapt a text encoder")]
    [InlineData("sd1/te_only_kohya", "lora_te_", "adapt a text encoder")]
    [InlineData("sdxl/kohya_dora", ".dora_scale", "DoRA")]
    public void What_cannot_be_computed_is_refused(string dialect, string key, string reason)
    {
        var error = Assert.Throws<LoraFormatException>(() =>
            LoraFile.Import(PathOf(dialect), TinyModel.Sites(dialect.Split('/')[0])));
        Assert.Contains(key, error.Key);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData("sd1/kohya", 18, "adapt a text encoder")]
    [InlineData("sdxl/kohya_te2_projection", 0, "adapt a text encoder")]
    public void What_is_left_out_is_said_once(string dialect, int least, string what)
    {
        var imported = LoraFile.Import(PathOf(dialect), TinyModel.Sites(dialect.Split('/')[0]));
        var notice = Assert.Single(imported.Notices, n => n.Contains(what, StringComparison.Ordinal));
        Assert.True(int.Parse(notice.Split(' ')[0]) >= least, notice);
    }

    [Theory]
    [InlineData("sd1/diffusers_lora_A", "nothing in it says a strength: alpha = rank is taken")]
    [InlineData("sd1/kohya_mixed_alpha", "have no alpha: alpha = rank is taken for them")]
    [InlineData("sd1/diffusers_metadata", null)]
    [InlineData("sd1/peft_folder_rslora", null)]
    [InlineData("sdxl/kohya_ldm_names", null)]
    public void Where_nothing_says_a_strength_that_is_said(string dialect, string? notice)
    {
        var said = LoraFile.Import(PathOf(dialect)).Notices.Where(n => n.Contains("strength", StringComparison.Ordinal)
            || n.Contains("have no alpha", StringComparison.Ordinal));
        if (notice is null)
        {
            Assert.Empty(said);
        }
        else
        {
            Assert.Contains(notice, Assert.Single(said));
        }
    }

    /// <summary>Every name of the full-size models, each as another tool writes it.</summary>
    [Theory]
    [InlineData("sd1_unet_kohya_diffusers_names", 282)]
    [InlineData("sd1_unet_kohya_ldm_names", 282)]
    [InlineData("sdxl_unet_kohya_diffusers_names", 794)]
    [InlineData("sdxl_unet_kohya_ldm_names", 794)]
    public void Every_name_of_the_published_models_is_its_module(string table, int count)
    {
        var names = Table(table);
        Assert.Equal(count, names.Count);
        var sites = AdapterSites.Of("unet", names.Select(n => (n.Module, (IReadOnlyList<int>)[1, 1])));
        Assert.All(names, n =>
        {
            var name = LoraKey.Parse($"{n.Name}.lora_down.weight");
            Assert.Equal((KeyOwner.Denoiser, LoraPart.Down), (name.Owner, name.Part));
            Assert.Equal(n.Module, sites.Find(name.Name)?.Module);
            Assert.Equal(n.Module, DenoiserFamily.Of("unet").Find(name.Name));
            var there = LoraKey.Parse($"diffusion_model.{sites.Find(name.Name)!.Original}.lora_A.weight");
            Assert.Equal(n.Module, sites.Find(there.Name)?.Module);
            Assert.Equal(n.Module, DenoiserFamily.Of("unet").Find(there.Name));
        });
    }

    internal static List<(string Name, string Module)> Table(string table)
    {
        using var stream = new GZipStream(File.OpenRead(Fixture.PathOf("formats", "names", table + ".tsv.gz")),
            CompressionMode.Decompress);
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(l => l.StartsWith("lora_", StringComparison.Ordinal))
            .Select(l => l.Split('\t')).Select(p => (p[0], p[1]))];
    }

    private static string PathOf(string dialect)
    {
        var folder = Fixture.PathOf(["formats", "lora", .. dialect.Split('/')]);
        return File.Exists(Path.Combine(folder, "adapter_config.json")) ? folder : Path.Combine(folder, "lora.safetensors");
    }

    private static void AssertDeltas(string dialect, LoraWeights weights)
    {
        using var file = SafetensorsFile.Open(Fixture.PathOf(["formats", "lora", .. dialect.Split('/'), "delta.safetensors"]));
        var expected = file.Tensors.Keys.Where(k => k.StartsWith("unet.", StringComparison.Ordinal)).ToList();
        Assert.Equal(expected.Select(k => k["unet.".Length..^".weight".Length]).Order(StringComparer.Ordinal), weights.Modules);
        Assert.All(expected, key =>
        {
            var delta = TinyModel.Delta(weights, key["unet.".Length..^".weight".Length]);
            Assert.All(file.ReadSingles(key).Zip(delta), p => Assert.Equal(p.First, p.Second, 2e-6));
        });
    }
}
