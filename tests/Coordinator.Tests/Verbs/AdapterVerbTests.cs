using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Cli.Pictures;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>mix, history, runs, compare, timesteps: the verbs that need no coordinator.</summary>
public sealed class AdapterVerbTests : IDisposable
{
    private static readonly AdapterSite[] Layout =
        [new("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q", [8, 8])];

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-verbs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_mix_is_the_weighted_sum_of_the_parameters()
    {
        var (a, b) = (Adapter("a", 1), Adapter("b", 2));
        var path = Path.Combine(_folder, "mix.safetensors");
        var (code, output, error) = await CommandLine.RunAsync("mix", a, b, "0.25", "--out", path, "--json");
        Assert.True(code == 0, error);
        Assert.Equal(0.75, JsonDocument.Parse(output).RootElement.GetProperty("parts")[0].GetProperty("weight").GetDouble());
        var (x, y, mixed) = (LoraFile.Read(a), LoraFile.Read(b), LoraFile.Read(path));
        foreach (var tensor in mixed.Tensors)
        {
            Assert.All(tensor.Values.Select((v,
                i) => Math.Abs(v - (0.75f * x[tensor.Name].Values[i] + 0.25f * y[tensor.Name].Values[i]))),
                d => Assert.InRange(d, 0, 1e-6));
        }
        Assert.Equal(0,
            (await CommandLine.RunAsync("mix", a, b, a, "--weights", "0.5,0.25,0.25", "--method", "outputs", "--out", path))
            .Code);
        Assert.Equal(6, LoraFile.Read(path).Rank);
    }

    [Theory]
    [InlineData(new[] { "{a}" }, "at least two adapters")]
    [InlineData(new[] { "{a}", "{b}", "2" }, "0 to 1")]
    [InlineData(new[] { "{a}", "{b}", "--weights", "1" }, "expected 2 numbers")]
    [InlineData(new[] { "{a}", "{b}", "--method", "magic" }, "parameters or outputs")]
    [InlineData(new[] { "{a}", "{wide}" }, "cannot be mixed")]
    public async Task A_mix_that_cannot_be_is_refused(string[] arguments, string expected)
    {
        var (a, b, wide) = (Adapter("a", 1), Adapter("b", 2), Adapter("wide", 3, rank: 4));
        var path = Path.Combine(_folder, "mix.safetensors");
        var (code, _, error) = await CommandLine.RunAsync(["mix", "--out", path,
            .. arguments.Select(x => x.Replace("{a}", a).Replace("{b}", b).Replace("{wide}", wide))]);
        Assert.Equal(2, code);
        Assert.Contains(expected, error);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Runs_history_and_compare_tell_what_the_folders_hold()
    {
        foreach (var (id, rate) in ((string, string)[])[("one", "0.001"), ("two", "0.002")])
        {
            var directory = new RunDirectory(Path.Combine(_folder, id));
            Directory.CreateDirectory(directory.Folder);
            File.WriteAllText(directory.Config,
                RunFileWriter.Render(RunFile.Load(RunFile.Default, [$"optimizer.learning-rate={rate}"])));
            MetricsLog.Append(directory.Metrics, new MetricsLine(MetricsLine.EvaluationKind, 0, 0, -0.5, 0.1, 0.7));
            MetricsLog.Append(directory.Metrics,
                new MetricsLine(MetricsLine.StepKind, 1, 1, 0.25, 0.1, Loss: -0.25, GradNorm: 2, Truncations: [3, 7],
                Adapter: new string('c', 64), Seconds: 1.5));
            MetricsLog.Append(directory.Metrics, new MetricsLine(MetricsLine.EvaluationKind, 1, 1, 0.75, 0.1, 0.6));
            DiffusersLoraFormat.Write(directory.Adapter, LoraInitializer.Gaussian(Layout, 2, 1));
        }
        var runs = JsonDocument.Parse((await CommandLine.RunAsync("runs", "--runs", _folder, "--json")).Output).RootElement;
        Assert.Equal(2, runs.GetArrayLength());
        Assert.Equal(("interrupted", 1, 0.75),
            (runs[0].GetProperty("state").GetString(), runs[0].GetProperty("step").GetInt32(),
            runs[0].GetProperty("rewardAfter").GetDouble()));
        Assert.Contains("-0.500 -> 0.750", (await CommandLine.RunAsync("runs", "--runs", _folder)).Output);

        var history = JsonDocument.Parse((await CommandLine.RunAsync("history", "one", "--runs", _folder, "--json")).Output)
            .RootElement;
        Assert.Equal(7, history.GetProperty("steps")[0].GetProperty("k")[1].GetInt32());
        Assert.Contains("3,7", (await CommandLine.RunAsync("history", "one", "--runs", _folder)).Output);

        var (code, output, error) = await CommandLine.RunAsync("compare", "one", "two", "--runs", _folder);
        Assert.True(code == 0, error);
        Assert.Contains(output.Split('\n'), l => l.StartsWith("optimizer.learning-rate", StringComparison.Ordinal)
            && l.Contains("0.002", StringComparison.Ordinal));
        Assert.Equal(1,
            JsonDocument.Parse((await CommandLine.RunAsync("compare", "one", "two", "--runs", _folder, "--json")).Output)
            .RootElement.GetProperty("configuration").GetArrayLength());
    }

    [Theory]
    [InlineData("500", 500)]
    [InlineData("0.5", 500)]
    [InlineData("1.0", 1000)]
    [InlineData("1", 1)]
    public void Timesteps_are_whole_numbers_or_fractions(string text, double expected) =>
        Assert.Equal(expected, AdapterSettings.Timestep("--lora-from", text));

    [Theory]
    [InlineData("1001")]
    [InlineData("1.1")]
    [InlineData("-1")]
    [InlineData("late")]
    public void Other_timesteps_are_refused(string text) =>
        Assert.Throws<ConfigException>(() => AdapterSettings.Timestep("--lora-from", text));

    [Fact]
    public void A_sheet_has_a_row_a_variant_and_captions_or_none()
    {
        var path = Path.Combine(_folder, "sheet.png");
        var rows = new[] { SKColors.Red,
            SKColors.Blue }.Select(c => new SheetRow("a row",
            [new SheetCell(ReportFolder.Picture(c), "one"), new SheetCell(ReportFolder.Picture(c), "two")])).ToList();
        PictureSheet.Write(path, rows, captions: false);
        Assert.Equal((512, 512), ReportFolder.SizeOf(path));
        Assert.Equal(SKColors.Blue, ReportFolder.PixelOf(path, 300, 300));
        PictureSheet.Write(path, rows);
        Assert.Equal((2 * 264 + 8, 2 * 304 + 8), ReportFolder.SizeOf(path));
    }

    private string Adapter(string name, ulong seed, int rank = 2)
    {
        var path = Path.Combine(_folder, $"{name}.safetensors");
        var form = LoraInitializer.Gaussian(Layout, rank, seed);
        // The factor B of a fresh adapter is zero: a mix would not show it.
        DiffusersLoraFormat.Write(path,
            form.WithValues(
            form.Tensors.Select((t, i) => (t.Name,
            t.Values.Select((_, j) => (float)new DeterministicRandom(Seeds.Derive(seed, i, j, "test")).NextGaussian())
            .ToArray()))));
        return path;
    }
}
