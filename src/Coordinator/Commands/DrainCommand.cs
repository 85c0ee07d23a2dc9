using System.CommandLine;
using Akka.Actor;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Commands;

/// <summary><c>drain NODE</c>: asks the coordinator of a running run to let a node finish its shard and leave.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="find">The newest run, or the one that is named.</param>
    public static Command Create(TextWriter output, Option<string> runs, Func<string, string?, Runs.RunDirectory> find)
    {
        var node = new Argument<string>("node") { Description = "Name of the node, e.g. node-2." };
        var run = new Option<string?>("--run") { Description = "Run id; default: the newest run." };
        var command = new Command("drain", "Lets a node finish its shard and leave.") { node, run, runs };
        command.SetAction(async (parsed, cancellation) =>
        {
            var directory = find(parsed.GetValue(runs)!, parsed.GetValue(run));
            if (!File.Exists(directory.Address))
            {
                throw new ConfigException($"{directory.Id}: no coordinator runs here; start one with: alignprop resume {directory.Id}");
            }
            var reply = await AskAsync(await File.ReadAllTextAsync(directory.Address, cancellation), new DrainNode(new NodeId(parsed.GetValue(node)!)));
            if (!reply.Found)
            {
                throw new ConfigException(reply.Detail);
            }
            output.WriteLine(reply.Detail);
        });
        return command;
    }

    private static async Task<DrainReply> AskAsync(string address, DrainNode drain)
    {
        var security = RemotingSecurity.For(Address.Parse(address).Host!, tls: TlsFiles.Find());
        var system = ActorSystem.Create("alignprop-console", security.Setup(HoconLayers.For("coordinator", $"akka.actor.provider = remote\n{security.Hocon}")));
        try
        {
            return await system.ActorSelection($"{address}{ClusterNames.SingletonPath}/run").Ask<DrainReply>(drain, Patience);
        }
        catch (AskTimeoutException)
        {
            throw new ConfigException($"{address}: the coordinator does not answer");
        }
        finally
        {
            await system.Terminate();
        }
    }
}
