using System.CommandLine;
using Akka.Util.Internal;
using AlignProp.Coordinator.Configuration;

namespace AlignProp.Coordinator.Commands;

/// <summary><c>presets</c>: lists the presets of hocon/runs.</summary>
internal static class PresetsCommand
{
    public static Command Create(TextWriter output)
    {
        var command = new Command("presets", "Lists the presets of hocon/runs.");
        command.SetAction(_ => RunFile.Presets().ForEach(name =>
            output.WriteLine($"{name,-18} {RunFile.PresetText(name).Split('\n')[0].TrimStart('#', ' ')}")));
        return command;
    }
}
