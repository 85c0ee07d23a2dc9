using System.CommandLine;
using AlignProp.Adapters.Planning;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Pictures;
using AlignProp.Cli.Sessions;
using AlignProp.Cli.Takeaway;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using AlignProp.Reports.Html;

namespace AlignProp.Cli.Commands;

/// <summary>
/// <c>compare A B</c>: two runs or adapters: what was configured otherwise, what came of it, and pictures of the same seeds.
/// </summary>
internal static class CompareCommand
{
    private const int Pictured = 8;

    private sealed record Difference(string Key, string A, string B);

    private sealed record Side(string Name, int? Steps, HeldOutLine? Before, HeldOutLine? After, double? Seconds, int Rank,
        string Sha256);

    public static Command Create(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        var (a, b) = (new Argument<string>("a") { Description = "Run id, or LoRA file or folder." },
            new Argument<string>("b") { Description = "Run id, or LoRA file or folder." });
        a.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        b.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        var (settings, adapters) = (new PictureSettings(), new AdapterSettings());
        var path = new Option<string?>("--out")
        {
            Description = "Also a file. NAME.html: curves of both runs over each other and their last pictures. Any other name "
                + "is a PNG: pictures of both, made anew, of the same prompts and seeds, side by side."
        };
        var prompts = new Option<string?>("--prompts")
        { Description = "Text file with the prompts of a PNG; default: the first run's held-out ones." };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("compare", "Compares two runs or adapters: what was configured otherwise, rewards, pictures.",
            "alignprop compare RUN-A RUN-B --out compare.png",
            "alignprop compare RUN-A RUN-B --out compare.html")
        {
            a, b, path, prompts, runs, json,
        };
        adapters.AddTo(command, adapters: false);
        settings.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            string[] names = [parsed.GetValue(a)!, parsed.GetValue(b)!];
            // A page shows what both runs have kept: no model is loaded for it.
            var isPage = parsed.GetValue(path) is { } asked && IsPage(asked);
            using var studio = parsed.GetValue(path) is null || isPage ? null : new PictureStudio();
            var drawn = studio is null ? default
                : settings.Read(parsed, AdapterSettings.RunOf(names, parsed.GetValue(runs)!), studio.Folder);
            var place = new AdapterPlace(parsed.GetValue(runs)!, drawn.Config?.Model.Path, studio?.Folder ?? "", error);
            var sources = names.Select(place.Find).ToList();
            var (sides, differences) = (sources.Select(SideOf).ToList(), Differences(sources[0].Run, sources[1].Run));
            if (isPage)
            {
                WritePage(parsed.GetValue(path)!, names, sources, differences);
            }
            else if (studio is not null)
            {
                await DrawAsync(parsed, studio, drawn.Request, drawn.Config!, drawn.Plan!, sources);
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output,
                    new { A = sides[0], B = sides[1], Configuration = differences, Picture = parsed.GetValue(path) });
                return;
            }
            TextTable.Write(output, ["", "steps", "held-out reward", "before", "diversity", "seconds", "rank", "adapter SHA-256"],
                sides.Select(s => (string[])
                [s.Name, $"{s.Steps}", s.After is null ? "-"
                    : FormattableString.Invariant($"{s.After.Reward:F3} ± {s.After.Std:F3}"),
                    FormattableString.Invariant($"{s.Before?.Reward:F3}"),
                    FormattableString.Invariant($"{s.After?.Diversity:F3}"), FormattableString.Invariant($"{s.Seconds:F0}"),
                    $"{s.Rank}", s.Sha256[..12]]));
            output.WriteLine();
            output.WriteLine(sources.Any(s => s.Run is null) ? "one of them is a file: no configuration to compare"
                : differences.Count == 0 ? "configured alike" : "configured otherwise:");
            if (differences.Count > 0)
            {
                TextTable.Write(output, ["key", .. sides.Select(s => s.Name)],
                    differences.Select(d => (string[])[d.Key, d.A, d.B]));
            }
            if (parsed.GetValue(path) is { } written)
            {
                output.WriteLine(written);
            }
        });
        return command;

        async Task DrawAsync(ParseResult parsed, PictureStudio studio, PictureRequest empty, RunConfig config, ModelPlan plan,
            List<AdapterSource> sources)
        {
            var file = parsed.GetValue(path)!;
            var items = parsed.GetValue(prompts) is { } list ? SampleCommand.Items(PromptFile.Load("--prompts", list), 0, 1)
                : [.. EvaluateCommand.HeldOut(config).DistinctBy(i => i.Prompt).Take(Pictured)];
            var request = empty with
            {
                Items = items,
                Variants = [.. sources.Select(s => adapters.Variant(parsed, s, studio.Folder))]
            };
            PictureSettings.Note(error, plan, request, config);
            var result = await studio.DrawAsync(request, error, interrupted);
            var rows = request.Variants.Select((v, i) => new SheetRow(v.Label,
                [.. result.Pictures.Where(p => p.Variant == i)
                .Select(p => new SheetCell(studio.Bytes(p), request.Items[p.Item].Prompt))]));
            SampleCommand.Save(file, () => PictureSheet.Write(file, [.. rows]));
        }
    }

    private static bool IsPage(string path) =>
        Path.GetExtension(path).ToLowerInvariant() is ".html" or ".htm";

    /// <exception cref="ConfigException">One of them is no run, or the file cannot be written.</exception>
    private static void WritePage(string path, string[] names, List<AdapterSource> sources, List<Difference> differences)
    {
        var runs = sources.Zip(names, (s, name) => (s.Name, Run: s.Run ?? throw new ConfigException(
            $"--out {path}: a page compares the curves of two runs, and {name} is an adapter file; expected a run's id, or a "
            + "PNG")))
            .ToList();
        SampleCommand.Save(path, () => HtmlComparison.Write(path, runs[0], runs[1],
            [.. differences.Select(d => (d.Key, d.A, d.B))]));
    }

    private static Side SideOf(AdapterSource source) => new(source.Name, source.Run?.LastStep,
        Held(source.Run?.Evaluations is [var first, ..] ? first : null),
        Held(source.Run?.Evaluations is [.., var last] ? last : null),
        source.Run?.Steps.Sum(s => s.Seconds), source.Weights.Rank, source.Weights.Sha256);

    private static HeldOutLine? Held(MetricsLine? line) => line is null ? null
        : new HeldOutLine(line.Step, line.RewardMean, line.RewardStd, line.Diversity);

    /// <summary>Keys of run.conf whose values differ.</summary>
    private static List<Difference> Differences(RunRecord? a, RunRecord? b)
    {
        if (a is null || b is null)
        {
            return [];
        }
        var (x, y) = (Values(a.ConfigText), Values(b.ConfigText));
        return [.. x.Keys.Union(y.Keys).Where(k => x.GetValueOrDefault(k) != y.GetValueOrDefault(k))
            .Select(k => new Difference(k, x.GetValueOrDefault(k, "-"), y.GetValueOrDefault(k, "-")))];
    }

    /// <summary>The resolved file has one key a line.</summary>
    private static Dictionary<string, string> Values(string text) => text.Split('\n').Select(l => l.Split(" = ", 2))
        .Where(p => p.Length == 2)
        .GroupBy(p => p[0].Trim()).ToDictionary(g => g.Key, g => g.Last()[1].Trim());
}
