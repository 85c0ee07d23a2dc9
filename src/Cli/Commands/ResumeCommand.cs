using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Sessions;

namespace AlignProp.Cli.Commands;

/// <summary><c>resume RUN</c>: goes on at the last committed step.</summary>
internal static class ResumeCommand
{
    public static Command Create(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        id.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        var (nodes, cluster, runs, json) = (RunOptions.Nodes(), new ClusterOptions(), RunOptions.Runs(), JsonOutput.Option());
        var takeOver = RunOptions.TakeOver();
        var command = new Verb("resume",
            "Goes on at the last committed step, with the same result as if nothing had happened.",
            "alignprop resume")
        {
            id, nodes, runs, json, takeOver,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var session = RunFolder.Open(parsed.GetValue(runs)!, parsed.GetValue(id),
                new SessionOptions(parsed.GetValue(nodes), cluster.Read(parsed) with { Reopen = true }, cluster.Http(parsed),
                interactive, parsed.GetValue(json), parsed.GetValue(takeOver)));
            return await session.RunAsync(output, error, interrupted);
        });
        return command;
    }
}
