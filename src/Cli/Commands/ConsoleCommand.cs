using System.CommandLine;
using System.CommandLine.Parsing;
using AlignProp.Cli.Interactive;

namespace AlignProp.Cli.Commands;

/// <summary><c>console</c>: a prompt with the same verbs. Ctrl-C ends the running verb, not the console.</summary>
internal static class ConsoleCommand
{
    private const string Prompt = "alignprop> ";

    public static Command Create(TextWriter output, TextWriter error, bool interactive)
    {
        var command = new Verb("console",
            "A prompt with these commands, completion by Tab and a history; also what alignprop does without arguments. "
                + "Lines of a pipe or file are run one after the other.",
            "alignprop console",
            "echo \"runs --json\" | alignprop console");
        command.SetAction(async (_, _) =>
        {
            if (Console.IsInputRedirected || !interactive)
            {
                return await RunAsync(Console.In.ReadLine, output, error, interactive: false);
            }
            var root = AlignPropCommand.Create(output, error, interactive, CancellationToken.None);
            var history = new LineHistory(LineHistory.DefaultPath);
            var editor = new LineEditor(Console.Out, () => Console.ReadKey(intercept: true), () => Console.WindowWidth,
                new Completion(root), history);
            output.WriteLine("help lists the commands, Tab completes, quit leaves");
            return await RunAsync(() => ReadLine(editor, history), output, error, interactive: true);
        });
        return command;
    }

    /// <param name="read">The next line, or null at the end.</param>
    /// <returns>0; of a pipe the first exit code that is another.</returns>
    internal static async Task<int> RunAsync(Func<string?> read, TextWriter output, TextWriter error, bool interactive)
    {
        var first = 0;
        while (read() is { } line)
        {
            IReadOnlyList<string> words = [.. CommandLineParser.SplitCommandLine(line)];
            words = words.Count > 0 && words[0] == "alignprop" ? [.. words.Skip(1)] : words;
            switch (words)
            {
                case [] or [['#', ..], ..]:
                    continue;
                case ["quit" or "exit"]:
                    return interactive ? 0 : first;
                case ["console", ..]:
                    error.WriteLine("alignprop: this is the console; quit leaves it");
                    continue;
            }
            if (line.Contains('\uFFFD'))
            {
                error.WriteLine($"alignprop: {line}: not UTF-8 (character {line.IndexOf('\uFFFD') + 1})");
                first = first == 0 ? 2 : first;
                continue;
            }
            var code = await InvokeAsync(words, output, error, interactive);
            first = first == 0 ? code : first;
        }
        return interactive ? 0 : first;
    }

    private static async Task<int> InvokeAsync(IReadOnlyList<string> words, TextWriter output, TextWriter error, bool interactive)
    {
        using var running = Interrupts.Begin(out var interrupted);
        try
        {
            return await AlignPropCommand.InvokeAsync(words, output, error, interactive, interrupted);
        }
#pragma warning disable CA1031 // One verb that fails in a way nobody foresaw does not end the console.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error.WriteLine($"alignprop: {e.GetType().Name}: {e.Message}");
            return 1;
        }
    }

    private static string? ReadLine(LineEditor editor, LineHistory history)
    {
        // At the prompt Ctrl-C is a key; while a verb runs it is a signal.
        Console.TreatControlCAsInput = true;
        try
        {
            var line = editor.Read(Prompt);
            if (line is not null)
            {
                history.Add(line);
            }
            return line;
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }
}
