using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Models;
using Serilog;

namespace AlignProp.GpuNode;

/// <summary>
/// <c>run --coordinator ADDRESS --name NODE --device cpu:0 [--device cuda:1 ...] --threads N</c> joins a cluster and
/// computes until the run is over; <c>sample --model DIR --prompt TEXT ... --out PNG</c> makes pictures on its own.
/// </summary>
public static class NodeCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        Log.Logger = new LoggerConfiguration().WriteTo.Console(formatProvider: null,
            outputTemplate: "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}").CreateLogger();
        try
        {
            var options = new NodeOptions(args.Skip(1).ToList());
            switch (args.FirstOrDefault())
            {
                case "run":
                    return await JoinAsync(options);
                case "sample":
                    SampleCommand.Run(options);
                    return 0;
                default:
                    await Console.Error.WriteLineAsync("usage: AlignProp.GpuNode run | sample [--option value ...]");
                    return 2;
            }
        }
        catch (Exception e) when (e is ArgumentException or ModelFileException or IOException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }
        finally
        {
            await Log.CloseAndFlushAsync();
        }
    }

    private static async Task<int> JoinAsync(NodeOptions options)
    {
        var seed = Address.Parse(options.Required("coordinator"));
        var node = new NodeId(options.Get("name", $"node-{Environment.ProcessId}"));
        var hocon = HoconLayers.For("node", "").WithFallback(ClusterSingleton.DefaultConfig());
        var computers = options.All("device", "cpu:0").ToDictionary(d => new DeviceId($"{node}/{d}"), d => Computer(hocon, d));
        var system = ActorSystem.Create(ClusterNames.System, hocon);
        var exit = new TaskCompletionSource<(int Code, string Why)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var cluster = Cluster.Get(system);
        cluster.RegisterOnMemberRemoved(() => exit.TrySetResult((4, "removed from the cluster")));
        await cluster.JoinAsync(seed);
        Action<int, string> leave = (code, why) => exit.TrySetResult((code, why));
        var actor = system.ActorOf(Props.Create(() => new NodeActor(node, computers, leave)), "node");
        Log.Information("{Node} joined {Seed} with {Devices}", node.Value, seed.ToString(), computers.Keys.Select(d => d.Value));

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Drain);
        // Ctrl-C in a terminal reaches the whole process group: the coordinator decides, by closing our standard input.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        _ = Task.Run(async () =>
        {
            // The parent holds the other end; when it closes or dies, this node has no reason to be.
            if (Console.IsInputRedirected)
            {
                await Console.OpenStandardInput().CopyToAsync(Stream.Null);
                exit.TrySetResult((0, "the coordinator's process closed"));
            }
        });

        var (code, reason) = await exit.Task;
        Log.Information("{Node} leaves: {Reason}", node.Value, reason);
        await Task.WhenAny(CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClrExitReason.Instance), Task.Delay(TimeSpan.FromSeconds(15)));
        return code;

        void Drain(PosixSignalContext signal)
        {
            signal.Cancel = true;
            Log.Information("SIGTERM: finishing the shard in hand");
            actor.Tell(new NodeActor.Drain());
        }
    }

    private static Func<IShardComputer> Computer(Akka.Configuration.Config hocon, string device) => hocon.GetString("alignprop.node.compute") switch
    {
        "torch" => () => new TorchShardComputer(device),
        "simulated" => () => new SimulatedShardComputer(hocon.GetTimeSpan("alignprop.node.simulated-delay")),
        var other => throw new ArgumentException($"alignprop.node.compute = {other}: expected torch or simulated"),
    };
}
