using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Pictures;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Commands;

/// <summary><c>evaluate RUN|ADAPTER|none</c>: rewards of an adapter's pictures, also rewards it was not trained on.</summary>
internal static class EvaluateCommand
{
    public static Command Create(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        var names = new Argument<string[]>("adapters")
        {
            Description = "Run ids, LoRA files or folders, or none for the base model; several are compared.",
            Arity = ArgumentArity.OneOrMore
        };
        names.CompletionSources.Add(_ => [AdapterSettings.None, .. Interactive.Words.Runs(RunOptions.DefaultRuns)]);
        var (settings, adapters, rewards) = (new PictureSettings(), new AdapterSettings(), new RewardSettings());
        var prompts = new Option<string?>("--prompts")
        {
            Description = "Text file, one prompt a line. Default: the run's "
            + "held-out prompts with the run's seeds, so that the run's own figures come out."
        };
        var count = new Option<int>("--count")
        {
            Description = "Pictures a prompt of --prompts, 1 to 64.",
            DefaultValueFactory = _ => 2
        };
        var seed = new Option<int>("--seed") { Description = "Seed of the pictures of --prompts.", DefaultValueFactory = _ => 0 };
        var path = new Option<string?>("--out")
        { Description = "Also a PNG: a row an adapter and prompt, captioned with the rewards." };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("evaluate", "Scores an adapter's pictures with any rewards: mean ± std, diversity.",
            "alignprop evaluate RUN-ID none",
            "alignprop evaluate RUN-ID --reward colourfulness --reward jpeg-size --out evaluation.png",
            "alignprop evaluate my-lora.safetensors --prompts prompts/objects.txt --json")
        {
            names, prompts, count, seed, path, runs, json,
        };
        rewards.AddTo(command);
        adapters.AddTo(command, adapters: false);
        settings.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using var studio = new PictureStudio();
            var run = AdapterSettings.RunOf(parsed.GetValue(names)!, parsed.GetValue(runs)!);
            var (empty, config, plan) = settings.Read(parsed, run, studio.Folder);
            var place = new AdapterPlace(parsed.GetValue(runs)!, config.Model.Path, studio.Folder, error);
            var variants = parsed.GetValue(names)!.Select(n => adapters.Variant(parsed, n, place)).ToList();
            var request = empty with
            {
                Items = parsed.GetValue(prompts) is { } file
                    ? SampleCommand.Items(PromptFile.Load("--prompts", file), (ulong)parsed.GetValue(seed),
                        PictureSettings.InRange("--count", parsed.GetValue(count), 1, 64))
                    : HeldOut(config),
                Variants = variants,
                Rewards = rewards.Read(parsed, config, run is not null),
            };
            PictureSettings.Note(error, plan, request, config);
            var result = await studio.DrawAsync(request, error, interrupted);
            var scores = variants.Select((_, i) => VariantScores.Of(request, result, i)).ToList();
            if (parsed.GetValue(path) is { } sheet)
            {
                SampleCommand.Save(sheet, () => PictureSheet.Write(sheet, Rows(studio, request, result)));
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, scores);
                return;
            }
            VariantScores.Print(output, scores);
            if (parsed.GetValue(path) is not null)
            {
                output.WriteLine(parsed.GetValue(path));
            }
        });
        return command;
    }

    /// <summary>What the run evaluates: its held-out prompts and their seeds.</summary>
    internal static IReadOnlyList<ShardSample> HeldOut(RunConfig config)
    {
        var (training, heldOut) = (PromptFile.Load("prompts.training", config.Prompts.Training),
            PromptFile.Load("prompts.held-out", config.Prompts.HeldOut));
        var planner = new ShardPlanner(new RunId("evaluate"), config, training, heldOut);
        // Whole shards, in the run's order: another batch could change the last bits.
        var held = heldOut.ToHashSet();
        return [.. planner.Evaluate(0).SelectMany(s => s.Samples).Where(s => held.Contains(s.Prompt))];
    }

    /// <summary>A row a prompt and variant.</summary>
    internal static List<SheetRow> Rows(PictureStudio studio, PictureRequest request, PictureResult result) =>
        [.. result.Pictures.GroupBy(p => (request.Items[p.Item].Prompt, p.Variant))
            .OrderBy(g => request.Items.TakeWhile(i => i.Prompt != g.Key.Prompt).Count()).ThenBy(g => g.Key.Variant)
            .Select(g => new SheetRow($"{g.Key.Prompt}   {request.Variants[g.Key.Variant].Label}",
                [.. g.Select(p => new SheetCell(studio.Bytes(p),
                    string.Join("   ",
                    request.Rewards.Zip(p.Scores, (r, s) => FormattableString.Invariant($"{r.Label} {s:F2}")))))]))];
}
