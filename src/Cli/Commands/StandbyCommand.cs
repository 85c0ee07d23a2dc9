using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Sessions;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>standby RUN</c>: waits on another machine to take the run over.</summary>
internal static class StandbyCommand
{
    public static Command Create(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var id = new Argument<string>("run-id") { Description = "The run, as the primary printed it." };
        var (nodes, cluster, runs, json) = (RunOptions.Nodes(), new ClusterOptions(), RunOptions.Runs(), JsonOutput.Option());
        nodes.DefaultValueFactory = _ => 0;
        var command = new Verb("standby", "Waits on another machine to take a run over; needs --peer and --database.",
            "alignprop standby RUN-ID --peer akka.ssl.tcp://alignprop@10.0.0.5:4053 --host 10.0.0.6 "
                + "--database \"Host=db;Username=alignprop\"")
        {
            id, nodes, runs, json,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var options = cluster.Read(parsed, standby: true);
            if (options.Peers is not { Count: > 0 } || options.Database is null)
            {
                throw new ConfigException(
                    "standby: --peer (the primary's address) and --database are needed: a standby shares nothing else with the "
                    + "primary");
            }
            return await RunFolder.Open(parsed.GetValue(runs)!, parsed.GetValue(id),
                new SessionOptions(parsed.GetValue(nodes), options, cluster.Http(parsed), interactive, parsed.GetValue(json)))
                .RunAsync(output, error, interrupted);
        });
        return command;
    }
}
