using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary>What is wrong with a command line, in one line, with the verb or option that was probably meant.</summary>
internal static partial class CommandTypos
{
    /// <returns>Null when the line is right.</returns>
    public static string? Complaint(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        // An option that is not known would be taken for an argument's value.
        if (parsed.Tokens.FirstOrDefault(t => t.Type == TokenType.Argument
            && t.Value.StartsWith("--", StringComparison.Ordinal)) is { } option)
        {
            var name = option.Value.Split('=')[0];
            return Unknown(name, $"option of {Name(command)}", command.Options.Select(o => o.Name), Name(command));
        }
        if (parsed.UnmatchedTokens is [var word, ..])
        {
            return command is RootCommand
                ? Unknown(word, "command", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name), null)
                : $"{Name(command)}: unexpected \"{word}\" ({Lookup(Name(command))})";
        }
        // Asked for help, nothing else matters.
        return parsed.Errors.Count == 0 || parsed.Action is CommandHelp ? null
            : $"{Plain(parsed.Errors[0].Message)} "
                + $"({(command is RootCommand ? "alignprop --help lists the commands" : Lookup(Name(command)))})";
    }

    /// <summary>The library names types of the framework.</summary>
    private static string Plain(string message) => TypeName().Replace(message, m => m.Groups[1].Value switch
    {
        "Int32" or "Int64" or "UInt64" => "; expected a whole number",
        "Double" or "Single" => "; expected a number",
        "Boolean" => "; expected true or false",
        var other => $"; expected {other}",
    });

    [GeneratedRegex(@" as expected type 'System\.(?:Nullable`1\[System\.)?(\w+)\]?'\.?")]
    private static partial Regex TypeName();

    private static string Unknown(string word, string what, IEnumerable<string> known, string? verb)
    {
        var lookup = verb is null ? "alignprop --help lists the commands" : Lookup(verb);
        return $"{word}: there is no such {what}; "
            + (Nearest.Of(word, known) is { } meant ? $"did you mean {meant}? ({lookup})" : lookup);
    }

    private static string Lookup(string verb) => $"alignprop help {verb} lists what there is";

    private static string Name(Command command) => command is RootCommand ? "alignprop" : command.Name;
}
