using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Remote;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Cli.Commands;

/// <summary><c>nodes</c>: the devices of a running cluster.</summary>
internal static class NodesCommand
{
    public static Command Create(TextWriter output)
    {
        var (coordinator, json) = (new CoordinatorOption(), JsonOutput.Option());
        var start = new Option<bool>("--start")
        {
            Description = "Start the coordinator's own nodes again that were drained or have ended."
        };
        var command = new Verb("nodes",
            "Lists the devices of a running cluster: state, shard, shards a minute, failures, memory; "
                + "refused and benched ones with the reason.",
            "alignprop nodes",
            "alignprop nodes --start")
        {
            json, start,
        };
        coordinator.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            using var client = coordinator.Client(parsed);
            if (parsed.GetValue(start))
            {
                var reply = await client.PostAsync("nodes/start", cancellation);
                if (parsed.GetValue(json))
                {
                    JsonOutput.Write(output, reply);
                    return;
                }
                output.WriteLine(reply.Detail);
                return;
            }
            var nodes = await client.NodesAsync(cancellation);
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, nodes);
                return;
            }
            TextTable.Write(output, ["device", "state", "shard", "done", "shards/min", "failures", "peak memory", "detail"],
                nodes.Select(n => (string[])[RunScreen.NameOf(n), n.State.Text(), n.Shard?.ToString() ?? "-", $"{n.ShardsDone}",
                    FormattableString.Invariant($"{n.ShardsPerMinute:F1}"),
                    $"{n.Failures}", RunScreen.Memory(n.PeakMemory), n.Detail]));
        });
        return command;
    }
}
