using System.CommandLine;

namespace AlignProp.Cli.Commands;

/// <summary>A verb of the command line.</summary>
/// <param name="examples">Whole lines that one could type, for its help.</param>
internal sealed class Verb(string name, string description, params IReadOnlyList<string> examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}
