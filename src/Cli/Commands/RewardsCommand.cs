using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Cli.Display;

namespace AlignProp.Cli.Commands;

/// <summary><c>rewards</c>: what there is to align a model with, what each measures, and how it is gamed.</summary>
internal static class RewardsCommand
{
    public static Command Create(TextWriter output)
    {
        var json = JsonOutput.Option();
        var command = new Verb("rewards", "Lists the rewards: what each measures, and what a model learns that games it.",
            "alignprop train --set reward.name=colourfulness")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output,
                    RewardCatalog.All.Select(e => new
                    {
                        e.Name,
                        Path = e.Files.ToString().ToLowerInvariant(),
                        e.Measures,
                        GamedBy = e.Hacked,
                        e.Words,
                        e.Prompt
                    }));
                return;
            }
            foreach (var entry in RewardCatalog.All)
            {
                output.WriteLine($"{entry.Name,-18} {entry.Measures}");
                output.WriteLine($"{"",-18} gamed by: {entry.Hacked}");
                output.WriteLine($"{"",-18} {Needs(entry)}");
            }
        });
        return command;
    }

    private static string Needs(RewardEntry entry) => string.Join("; ", new[]
    {
        entry.Files switch { RewardFiles.None => "no files", RewardFiles.File => "path: a file", _ => "path: a folder" },
        entry.Words ? "words: what to look for" : "",
        entry.Prompt ? "reads the prompt" : "",
    }.Where(part => part.Length > 0));
}
