using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models;
using Serilog;

namespace AlignProp.GpuNode;

/// <summary>
/// <c>run --coordinator ADDRESS [--coordinator STANDBY] --name NODE --devices all [--host auto --port P] [--alive FILE]</c> joins
/// a cluster and computes until the run is over; <c>pictures --request FILE</c> makes and scores pictures on its own; <c>check</c> says what it finds of libtorch and GPUs.
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
                case "pictures":
                    PicturesCommand.Run(options.Required("request"));
                    return 0;
                case "check":
                    MachineCheck.Write(Console.Out);
                    return 0;
                default:
                    await Console.Error.WriteLineAsync("usage: AlignProp.GpuNode run | pictures | check [--option value ...]");
                    return 2;
            }
        }
        catch (Exception e) when (e is ArgumentException or ModelFileException or IOException or RemotingSecurityException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }
        finally
        {
            await Log.CloseAndFlushAsync();
        }
    }

    /// <summary>Joins the cluster, works, and joins again whenever it was cut off; what the devices hold and compute goes on meanwhile.</summary>
    private static async Task<int> JoinAsync(NodeOptions options)
    {
        options.Only("coordinator", "name", "device", "devices", "host", "port", "alive", "follow");
        var seeds = options.All("coordinator").Select(AddressOf).ToImmutableList();
        if (seeds.Count == 0)
        {
            throw new ArgumentException("--coordinator is missing; expected the address the coordinator prints, e.g. akka.tcp://alignprop@10.0.0.1:4053");
        }
        var node = new NodeId(options.Get("name", $"{Environment.MachineName}-{Environment.ProcessId}"));
        var host = options.Get("host", "127.0.0.1");
        var security = RemotingSecurity.For(host == "auto" ? OwnAddress.Towards(seeds[0]) : host, tls: TlsFiles.Find());
        var hocon = HoconLayers.For("node", HoconLayers.Membership((int)options.Number("port", 0), seeds.Count > 1) + security.Hocon)
            .WithFallback(ClusterSingleton.DefaultConfig());
        var lone = seeds.Count == 1;
        var names = DeviceList.Of(options, Libtorch.Gpus, hocon.GetString("alignprop.node.compute") == "simulated");
        List<ComputeDevice> devices = [.. names.Select(d => new ComputeDevice(new DeviceId(node, d), Computer(hocon, d)))];
        var fitness = new ConcurrentDictionary<RunDescription, string?>();
        Func<RunDescription, string?> unfit = run => fitness.GetOrAdd(run, _ => NodeFitness.Reason(run, names));

        TaskCompletionSource<NodeExit>? exit = null;
        IActorRef actor = ActorRefs.Nobody;
        NodeExit? final = null;
        var draining = false;
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Drain);
        // Ctrl-C in a terminal reaches the whole process group: the coordinator decides, by closing our standard input.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var over = new CancellationTokenSource();
        if (options.Get("alive", "") is { Length: > 0 } alive)
        {
            _ = SignOfLife.TouchAsync(alive, () => actor, over.Token);
        }
        if (options.Get("follow", "") == "stdin")
        {
            // The parent holds the other end; when it closes or dies, this node has no reason to be.
            _ = Task.Run(async () =>
            {
                await Console.OpenStandardInput().CopyToAsync(Stream.Null);
                final = new NodeExit(0, "the coordinator's process closed");
                exit?.TrySetResult(final);
            });
        }
        while (true)
        {
            exit = new TaskCompletionSource<NodeExit>(TaskCreationOptions.RunContinuationsAsynchronously);
            var ended = exit;
            var system = ActorSystem.Create(ClusterNames.System, security.Setup(hocon));
            var cluster = Cluster.Get(system);
            cluster.RegisterOnMemberRemoved(() => ended.TrySetResult(new NodeExit(NodeExit.Rejoin, "removed from the cluster")));
            _ = system.WhenTerminated.ContinueWith(_ => ended.TrySetResult(new NodeExit(NodeExit.Rejoin, "its actor system ended")), TaskScheduler.Default);
            cluster.JoinSeedNodes(seeds);
            Action<NodeExit> leave = reason => ended.TrySetResult(reason);
            actor = system.ActorOf(Props.Create(() => new NodeActor(node, devices, unfit, hocon.GetTimeSpan("alignprop.node.coordinator-patience"), lone, leave)), "node");
            if (draining)
            {
                // Told before it was cut off, it would not be told again.
                actor.Tell(new NodeActor.Drain());
            }
            Log.Information("{Node} joins {Seeds} with {Devices}", node.Value, seeds.Select(s => s.ToString()), names);
            var reason = final ?? await ended.Task;
            Log.Information("{Node} leaves: {Reason}", node.Value, reason.Why);
            if (security.HandshakeFailure(system) is { } tls)
            {
                Log.Error("{Node} is not let in: {Reason}; is its certificate of the coordinator's authority?", node.Value, tls);
                return NodeExit.Refused;
            }
            if (reason.Code != NodeExit.Rejoin)
            {
                await Task.WhenAny(CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClrExitReason.Instance), Task.Delay(TimeSpan.FromSeconds(15)));
                devices.ForEach(d => d.Dispose());
                await over.CancelAsync();
                return reason.Code;
            }
            await Task.WhenAny(system.Terminate(), Task.Delay(TimeSpan.FromSeconds(15)));
        }

        void Drain(PosixSignalContext signal)
        {
            (signal.Cancel, draining) = (true, true);
            Log.Information("SIGTERM: finishing the shard in hand");
            actor.Tell(new NodeActor.Drain());
        }
    }

    private static Address AddressOf(string text)
    {
        try
        {
            return Address.Parse(text) is { HasGlobalScope: true } address ? address : throw new UriFormatException();
        }
        catch (UriFormatException)
        {
            throw new ArgumentException($"--coordinator {text}: expected the address the coordinator prints, e.g. akka.tcp://alignprop@10.0.0.1:4053");
        }
    }

    private static Func<IShardComputer> Computer(Akka.Configuration.Config hocon, string device) => hocon.GetString("alignprop.node.compute") switch
    {
        "torch" => () => new TorchShardComputer(device),
        "simulated" => () => new SimulatedShardComputer(
            SimulatedCost.Of(hocon.GetTimeSpan("alignprop.node.simulated-delay"), hocon.GetString("alignprop.node.simulated-cost")), hocon.GetString("alignprop.node.simulated-fault")),
        var other => throw new ArgumentException($"alignprop.node.compute = {other}: expected torch or simulated"),
    };
}
