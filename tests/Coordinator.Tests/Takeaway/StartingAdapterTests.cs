using AlignProp.Adapters;
using AlignProp.Cli.Commands;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Tests.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Takeaway;

/// <summary><c>lora.init</c>: a run that begins with somebody's LoRA.</summary>
public sealed class StartingAdapterTests : IDisposable
{
    private const string Block = "mid_block.attentions.0.transformer_blocks.0.attn1";

    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("kohya", 2, 2)]
    [InlineData("diffusers", 2, 2)]
    [InlineData("peft", 2, 2)]
    public void A_run_begins_with_the_files_own_weights(string format, int rank, double alpha)
    {
        var file = Adapter(rank, alpha);
        var (adapter, note) = StartingAdapter.Make(Config(Write(format, file)), Layout());
        Assert.Equal(file.Sha256, adapter.Sha256);
        Assert.Equal(format == "diffusers", note?.Contains("alpha = rank is taken", StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public void Another_alpha_goes_into_the_up_matrices()
    {
        // alpha 4 at rank 2 scales by 2; the run's alpha 2 at rank 2 by 1.
        var file = Adapter(2, 4);
        var (adapter, _) = StartingAdapter.Make(Config(Write("kohya", file)), Layout());
        Assert.Equal((2, 2.0), (adapter.Rank, adapter.Alpha));
        Assert.Equal(file[LoraNames.Down($"{Block}.to_q")].Values, adapter[LoraNames.Down($"{Block}.to_q")].Values);
        Assert.Equal(file[LoraNames.Up($"{Block}.to_q")].Values.Select(v => 2 * v),
            adapter[LoraNames.Up($"{Block}.to_q")].Values);
    }

    [Fact]
    public void Without_a_file_adapter_0_is_drawn_from_the_seed_as_ever()
    {
        var config = _runs.Config();
        var expected = LoraInitializer.Gaussian(Layout(), 2, Seeds.Derive(7, 0, 0, "lora"), 2);
        Assert.Equal(expected.Sha256, StartingAdapter.Make(config, Layout()).Adapter.Sha256);
        Assert.Same(config, StartingAdapter.Pin(config).Config);
    }

    [Fact]
    public void Another_rank_says_what_to_set()
    {
        var message = Refused(Write("kohya", Adapter(3, 3)));
        Assert.Contains("has rank 3, lora.rank = 2; set lora.rank = 3", message);
    }

    [Fact]
    public void All_modules_that_do_not_match_are_told_at_once()
    {
        var model = AdapterSites.Of("unet", new[] { "to_q", "to_k", "to_v", "to_out.0" }
            .Select(m => ($"{Block}.{m}", (IReadOnlyList<int>)[6, 4])));
        var file = LoraInitializer.Gaussian(model.Matching(["to_q", "to_v", "to_out.0"]), 2, 1);
        var message = Assert.Throws<ConfigException>(() =>
            StartingAdapter.Make(Config(Write("kohya", file)), model.Matching(["to_q", "to_k"]))).Message;
        Assert.Contains($"1 modules of the run are not in the file ({Block}.to_k)", message);
        Assert.Contains($"2 modules of the file have no branch in the run ({Block}.to_out.0, {Block}.to_v)", message);
        Assert.Contains("lora.targets = [to_q, to_k]", message);
    }

    [Fact]
    public void A_key_of_another_model_is_named()
    {
        var file = LoraInitializer.Gaussian([new AdapterSite("unet", $"{Block}.to_q", [6, 5]),
            new AdapterSite("unet", $"{Block}.to_nowhere", [6, 4])], 2, 1);
        var message = Refused(Write("diffusers", file));
        Assert.Contains($"'unet.{Block}.to_nowhere.lora.down.weight': the model has no {Block}.to_nowhere", message);
        Assert.Contains($"unet.{Block}.to_q.lora.down.weight", message);
        Assert.Contains("(lora.init)", message);
    }

    [Fact]
    public void Different_ranks_and_files_that_are_no_lora_are_refused()
    {
        var path = Path.Combine(_runs.Folder, "mixed.safetensors");
        SafetensorsWriter.Write(path, new[] { ("to_q", 2), ("to_k", 1) }.SelectMany(m => new[]
        {
            TensorData.FromSingles($"unet.{Block}.{m.Item1}.lora_A.weight", [m.Item2, 4], new float[m.Item2 * 4]),
            TensorData.FromSingles($"unet.{Block}.{m.Item1}.lora_B.weight", [6, m.Item2], new float[m.Item2 * 6]),
        }));
        Assert.Contains("different ranks (1 in 1, 2 in 1)", Refused(path));
        Assert.Contains("file not found (lora.init)", Refused(Path.Combine(_runs.Folder, "none.safetensors")));
        File.WriteAllText(path, "not a LoRA");
        Assert.Contains("mixed.safetensors", Refused(path));
    }

    [Fact]
    public void The_hash_is_pinned_and_another_file_is_refused_when_the_run_goes_on()
    {
        var path = Write("kohya", Adapter(2, 2));
        var pinned = StartingAdapter.Pin(Config(path)).Config;
        Assert.Equal(Adapter(2, 2).Sha256, pinned.Lora.InitSha256);
        var conf = Path.Combine(_runs.Folder, "run.conf");
        File.WriteAllText(conf, RunFileWriter.Render(pinned));
        var resumed = RunFile.Load(conf, []);
        Assert.Equal(pinned.Lora with { Targets = [] }, resumed.Lora with { Targets = [] });
        StartingAdapter.Check(resumed);

        // The same weights in another format are the same adapter.
        File.Delete(path);
        DiffusersLoraFormat.Write(path, Adapter(2, 2));
        StartingAdapter.Check(resumed);

        DiffusersLoraFormat.Write(path, Adapter(2, 2, seed: 2));
        Assert.Contains("not the adapter this run began with",
            Assert.Throws<ConfigException>(() => StartingAdapter.Check(resumed)).Message);

        // Gone: the run has adapter 0 in its store.
        File.Delete(path);
        StartingAdapter.Check(resumed);
    }

    [Fact]
    public async Task Train_refuses_in_one_line_before_anything_is_written()
    {
        var runs = Path.Combine(_runs.Folder, "runs");
        using var error = new StringWriter();
        var path = Write("kohya", LoraInitializer.Gaussian(
            LoraLayoutReader.Read(ProjectFolder.Find("models/emoji-diffusion")!, ["to_q"]), 3, 1));
        var code = await AlignPropCommand.InvokeAsync(["train", "--runs", runs, "--set", $"lora.init={path}"], TextWriter.Null,
            error, false, CancellationToken.None);
        Assert.Equal(2, code);
        Assert.Contains("set lora.rank = 3", error.ToString());
        Assert.Single(error.ToString().TrimEnd().Split('\n'));
        Assert.False(Directory.Exists(runs));
        Assert.Contains("lora.init-sha256 = abc: expected 64 hexadecimal digits", await Wrong("lora.init-sha256=abc"));
    }

    private static async Task<string> Wrong(string set)
    {
        using var error = new StringWriter();
        Assert.Equal(2,
            await AlignPropCommand.InvokeAsync(["train", "--set", set], TextWriter.Null, error, false, CancellationToken.None));
        return error.ToString();
    }

    private string Refused(string path) => Assert.Throws<ConfigException>(() => StartingAdapter.Make(Config(path), Layout()))
        .Message;

    private RunConfig Config(string init) => _runs.Config() is var c ? c with { Lora = c.Lora with { Init = init } } : c;

    private AdapterSites Layout() => LoraLayoutReader.Read(Path.Combine(_runs.Folder, "model"), ["to_q", "to_k"]);

    private static LoraWeights Adapter(int rank, double alpha, ulong seed = 1)
    {
        var random = new DeterministicRandom(seed);
        float[] Fill(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
        return new LoraWeights(rank, alpha, new[] { "to_q", "to_k" }.SelectMany(m => new LoraTensor[]
        {
            new(LoraNames.Down($"{Block}.{m}"), [rank, 4], Fill(rank * 4)),
                new(LoraNames.Up($"{Block}.{m}"), [6, rank], Fill(6 * rank)),
        }));
    }

    private string Write(string format, LoraWeights weights)
    {
        var path = Path.Combine(_runs.Folder, format == "peft" ? "peft" : $"{format}.safetensors");
        switch (format)
        {
            case "kohya":
                KohyaLoraFormat.Write(path, weights);
                break;
            case "peft":
                PeftLoraFormat.Write(Directory.CreateDirectory(path).FullName, weights, "x");
                break;
            default:
                DiffusersLoraFormat.Write(path, weights);
                break;
        }
        return path;
    }
}
