using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Sessions;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

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
        var salvage = new Option<bool>("--salvage")
        {
            Description = "Rebuild what is damaged (journal, snapshots, blobs) from what is whole, up to the newest whole "
                + "adapter, and say what is lost."
        };
        var command = new Verb("resume",
            "Goes on at the last committed step, with the same result as if nothing had happened.",
            "alignprop resume")
        {
            id, nodes, runs, json, takeOver, salvage,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(salvage) && cluster.Read(parsed).Database is not null)
            {
                throw new ConfigException("--salvage rebuilds a run in its folder: leave --database away, and unset "
                    + $"{RunStorage.Variable}; the database itself is restored from its backups");
            }
            var session = RunFolder.Open(parsed.GetValue(runs)!, parsed.GetValue(id),
                new SessionOptions(parsed.GetValue(nodes), cluster.Read(parsed) with { Reopen = true }, cluster.Http(parsed),
                interactive, parsed.GetValue(json), parsed.GetValue(takeOver), parsed.GetValue(salvage)));
            return await session.RunAsync(output, error, interrupted);
        });
        return command;
    }
}
