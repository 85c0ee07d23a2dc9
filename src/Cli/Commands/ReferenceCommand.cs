using System.CommandLine;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>reference</c>: docs/cli.md, from the program itself; hidden.</summary>
internal static class ReferenceCommand
{
    /// <summary>What people get wrong, a verb or more each. None starts anything.</summary>
    private static readonly string[] Wrong =
    [
        "trian",
        "train --nodez 2",
        "train --nodes many",
        "train no-such-preset",
        "train --set sampling.stepz=3",
        "train --set learning-rate=0.1",
        "train --set sampling.steps=none",
        "train --set model.path=no/such/model",
        "train --set reward.name=beauty",
        "train --id a/b",
        "train --http 0.0.0.0:8080",
        "train --host 10.0.0.5",
        "train --database nonsense",
        "resume no-such-run --runs no/such/runs",
        "standby some-run",
        "status --runs no/such/runs",
        "nodes --coordinator nonsense",
        "nodes --coordinator http://127.0.0.1:9",
        "pause --run no-such-run --runs no/such/runs",
        "continue now",
        "stop --rnu x",
        "drain",
        "runs --database nonsense",
        "history no-such-run --runs no/such/runs",
        "compare no/such/a no/such/b --runs no/such/runs",
        "sample",
        "sample cat --adapter no/such.safetensors --runs no/such/runs",
        "sample cat --count 0",
        "sample cat --size 512",
        "sample cat --model no/such/model",
        "evaluate none --reward colorfulness",
        "evaluate none --reward hps",
        "evaluate none --prompts no/such/prompts.txt",
        "mix only-one",
        "mix a b c",
        "mix a b 1.5",
        "export no-such-run --runs no/such/runs",
        "report no-such-run --runs no/such/runs",
        "presets all",
        "rewards all",
        "doctor --port x",
        "help trian",
    ];

    public static Command Create(TextWriter output)
    {
        var command = new Verb("reference", "Prints docs/cli.md.",
            "alignprop reference > docs/cli.md")
        {
            Hidden = true,
        };
        var defaults = new Option<bool>("--defaults") { Description = "Prints hocon/runs/defaults.conf instead." };
        command.Add(defaults);
        command.SetAction(async (parsed, _) =>
            output.Write(parsed.GetValue(defaults) ? RunFileWriter.RenderDefaults() : await RenderAsync()));
        return command;
    }

    internal static async Task<string> RenderAsync()
    {
        using var text = new StringWriter { NewLine = "\n" };
        text.WriteLine("# The command line");
        text.WriteLine();
        text.WriteLine("""
            Made from the program by `./alignprop reference > docs/cli.md`; a test compares. Every verb: `alignprop help VERB`.
            Verbs that print something have `--json`: one document on standard output, messages on standard error. Exit codes: 0
            done, 1 failed (doctor: something is wrong), 2 bad input, 130 interrupted. The console is shown in
            [console.md](console.md).
            """);
        var root = AlignPropCommand.Create(TextWriter.Null, TextWriter.Null, interactive: false, CancellationToken.None);
        foreach (var verb in root.Subcommands.Where(c => !c.Hidden))
        {
            text.WriteLine();
            text.WriteLine($"## {verb.Name}");
            text.WriteLine();
            text.WriteLine("```");
            var (_, said, _) = await AskAsync(["help", verb.Name]);
            text.WriteLine(string.Join('\n', said.TrimEnd().Split('\n').Select(l => l.TrimEnd())));
            text.WriteLine("```");
        }
        text.WriteLine();
        text.WriteLine("## Bad input");
        text.WriteLine();
        text.WriteLine("| input | exit code | answer |");
        text.WriteLine("|---|---|---|");
        foreach (var line in Wrong)
        {
            var (code, _, complaint) = await AskAsync(line.Split(' '));
            var answer = complaint.Trim().Replace("alignprop: ", "", StringComparison.Ordinal)
                .Replace("|", "\\|", StringComparison.Ordinal).Replace("\n", "<br>", StringComparison.Ordinal);
            text.WriteLine($"| `{line}` | {code} | {answer} |");
        }
        return text.ToString();
    }

    private static async Task<(int Code, string Said, string Complaint)> AskAsync(IReadOnlyList<string> args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var code = await AlignPropCommand.InvokeAsync(args, output, error, interactive: false, CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }
}
