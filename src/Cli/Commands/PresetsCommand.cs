using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>presets</c>: lists the presets of hocon/runs.</summary>
internal static class PresetsCommand
{
    private sealed record Preset(string Name, string Description);

    public static Command Create(TextWriter output)
    {
        var json = JsonOutput.Option();
        var command = new Verb("presets", "Lists the presets of hocon/runs: run files one can name instead of writing one.",
            "alignprop presets")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var presets = RunFile.Presets()
                .Select(name => new Preset(name, RunFile.PresetText(name).Split('\n')[0].TrimStart('#', ' '))).ToList();
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, presets);
                return;
            }
            presets.ForEach(p => output.WriteLine($"{p.Name,-18} {p.Description}"));
        });
        return command;
    }
}
