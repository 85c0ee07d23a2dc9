using System.CommandLine;
using System.Text;
using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>prompts FILE</c>: what a prompt file holds; <c>--split</c>: two files of it, to train on and held out.</summary>
internal static class PromptsCommand
{
    private const int Shown = 5;

    public static Command Create(TextWriter output)
    {
        var file = new Argument<string>("file")
        {
            Description = "Prompts: one a line, HPDv2's .json or Parti's .tsv.",
        };
        var split = new Option<string?>("--split")
        {
            Description = "TRAINING/HELD-OUT, e.g. 600/200: writes both as text files.",
        };
        var seed = new Option<long>("--seed") { Description = "Of the split's draw, 0 or more." };
        var path = new Option<string?>("--out")
        {
            Description = "Where the two begin: OUT-training.txt and OUT-heldout.txt; default: the file's own name.",
        };
        var json = JsonOutput.Option();
        var command = new Verb("prompts",
            "Says what a prompt file holds, or splits it into prompts to train on and held-out ones.",
            "alignprop prompts prompts/animals-training.txt",
            "alignprop prompts PartiPrompts.tsv --split 600/200 --seed 0 --out prompts/parti")
        {
            file, split, seed, path, json,
        };
        command.SetAction(parsed =>
        {
            var name = parsed.GetValue(file)!;
            var prompts = PromptFile.Load("prompts", name);
            var written = new List<string>();
            if (parsed.GetValue(split) is { } sizes)
            {
                var drawn = PromptSplit.Of(prompts, sizes, (ulong)Math.Max(0, parsed.GetValue(seed)));
                var start = parsed.GetValue(path) ?? Path.ChangeExtension(name, null);
                written.Add(Write($"{start}-training.txt", drawn.Training));
                written.Add(Write($"{start}-heldout.txt", drawn.HeldOut));
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, new { File = name, prompts.Count, Different = prompts.Distinct().Count(), written });
                return;
            }
            output.WriteLine($"{name}: {prompts.Count} prompts, {prompts.Distinct().Count()} different");
            foreach (var prompt in prompts.Take(Shown))
            {
                output.WriteLine($"  {prompt}");
            }
            foreach (var made in written)
            {
                output.WriteLine(made);
            }
        });
        return command;
    }

    private static string Write(string file, IReadOnlyList<string> prompts)
    {
        try
        {
            var text = string.Concat(prompts.Select(p => p + "\n"));
            DurableFile.Replace(file, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{file}: cannot be written ({e.Message})");
        }
    }
}
