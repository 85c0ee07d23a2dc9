using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Configuration;
using AlignProp.Adapters;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models;
using Serilog;

namespace AlignProp.GpuNode;

/// <summary>
/// <c>run --coordinator ADDRESS [--coordinator STANDBY] --name NODE --devices all [--host auto --port P] [--alive FILE]
/// [--health HOST:PORT]</c> joins a cluster and computes until the run is over; <c>pictures --request FILE</c> makes and scores
/// pictures on its own; <c>check</c> says what it finds of libtorch and GPUs.
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
            NativeFiles.RequireReadable(AppContext.BaseDirectory);
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
        catch (Exception e) when (e is ArgumentException or ModelFileException or IOException or RemotingSecurityException
            or ConfigException)
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
        options.Only("coordinator", "name", "device", "devices", "host", "port", "alive", "health", "follow");
        var seeds = options.All("coordinator").Select(AddressOf).ToImmutableList();
        if (seeds.Count == 0)
        {
            throw new ArgumentException(
                "--coordinator is missing; expected the address the coordinator prints, e.g. akka.tcp://alignprop@10.0.0.1:4053");
        }
        var node = new NodeId(options.Get("name", $"{Environment.MachineName}-{Environment.ProcessId}"));
        var host = options.Get("host", "127.0.0.1");
        var security = RemotingSecurity.For(host == "auto" ? OwnAddress.Towards(seeds[0]) : host, tls: TlsFiles.Find());
        var member = new MemberOptions("node", security, (int)options.Number("port", 0), Standby: seeds.Count > 1);
        var hocon = member.ConfigAt(member.Port);
        var names = DeviceList.Of(options, Libtorch.Gpus, hocon.GetString("alignprop.node.compute") == "simulated");
        var devices = names.Select(d => new ComputeDevice(new DeviceId(node, d), Computer(hocon, d))).ToImmutableList();
        using var export = TelemetryExport.Start(hocon, "node", node.Value);
        var home = new NodeHost(node, devices, seeds, member);

        await using var health = options.Get("health", "") is { Length: > 0 } bind
            ? await NodeHealth.StartAsync(bind, () => home.IsJoined, devices, hocon.GetTimeSpan("alignprop.node.stall"))
            : null;
        if (health is not null)
        {
            Log.Information("health at {Url}/health/ready", health.Url);
        }
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Drain);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Drain);
        // Ctrl-C in a terminal reaches the whole process group: the coordinator decides, by closing our standard input.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var over = new CancellationTokenSource();
        if (options.Get("alive", "") is { Length: > 0 } alive)
        {
            _ = SignOfLife.TouchAsync(alive, () => home.Actor, over.Token);
        }
        if (options.Get("follow", "") == "stdin")
        {
            // The parent holds the other end; when it closes or dies, this node has no reason to be.
            _ = Task.Run(async () =>
            {
                await Console.OpenStandardInput().CopyToAsync(Stream.Null);
                home.Leave("the coordinator's process closed");
            });
        }
        var code = await home.RunAsync();
        await over.CancelAsync();
        return code;

        void Drain(PosixSignalContext signal)
        {
            signal.Cancel = true;
            home.Drain();
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
            throw new ArgumentException(
                $"--coordinator {text}: expected the address the coordinator prints, e.g. akka.tcp://alignprop@10.0.0.1:4053");
        }
    }

    private static Func<IShardComputer> Computer(Config all, DeviceName device)
    {
        var hocon = all.GetConfig("alignprop.node");
        return hocon.GetString("compute") switch
        {
            "torch" => () => new TorchShardComputer(device),
            "simulated" => () => new SimulatedShardComputer(
                SimulatedCost.Of(hocon.GetTimeSpan("simulated-delay"), hocon.GetString("simulated-cost")),
                hocon.GetString("simulated-fault")),
            var other => throw new ArgumentException($"alignprop.node.compute = {other}: expected torch or simulated"),
        };
    }
}
