using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace AlignProp.Cli.Commands;

/// <summary>The library's help, and after it the examples of a verb.</summary>
internal sealed class CommandHelp(HelpAction help) : SynchronousCommandLineAction
{
    // In a file or a pipe it is always the same: docs/cli.md is compared.
    private static int Width => Console.IsOutputRedirected ? 110 : Math.Clamp(Console.WindowWidth, 60, 110);

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        using var text = new StringWriter();
        parseResult.InvocationConfiguration.Output = text;
        var code = help.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;
        // Whatever file it was started from, people call it by one name.
        output.Write(text.ToString().Replace($"  {RootCommand.ExecutableName} ", "  alignprop ", StringComparison.Ordinal));
        if (parseResult.CommandResult.Command is Verb { Examples: { Count: > 0 } lines })
        {
            output.WriteLine(lines.Count == 1 ? "Example:" : "Examples:");
            foreach (var line in lines)
            {
                output.WriteLine($"  {line}");
            }
            output.WriteLine();
        }
        return code;
    }

    /// <summary>Takes the place of the library's own help.</summary>
    public static void Install(RootCommand root)
    {
        // Without a name the library lists what Tab would offer: the runs of this folder do not belong into a help.
        foreach (var command in root.Subcommands)
        {
            command.Arguments.ToList().ForEach(a => a.HelpName ??= a.Name);
            command.Options.Where(o => o.ValueType != typeof(bool) && o is not HelpOption).ToList()
                .ForEach(o => o.HelpName ??= o.Name.TrimStart('-'));
        }
        if (root.Options.OfType<HelpOption>().FirstOrDefault() is { Action: HelpAction help } option)
        {
            help.MaxWidth = Width;
            option.Action = new CommandHelp(help);
        }
    }

    /// <summary>"help VERB" is "VERB --help".</summary>
    public static IReadOnlyList<string> Rewrite(IReadOnlyList<string> args) => args.Count > 0 && args[0] == "help"
        ? [.. args.Skip(1), "--help"] : args;
}
