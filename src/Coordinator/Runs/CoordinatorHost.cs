using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <param name="Port">TCP port nodes connect to; 0 = any free one.</param>
public sealed record CoordinatorOptions(int Port = 0);

/// <summary>The coordinator's actor system with one run in it.</summary>
public sealed class CoordinatorHost : IAsyncDisposable
{
    private readonly ActorSystem _system;
    private readonly TaskCompletionSource<RunProgress> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CoordinatorHost(ActorSystem system) => _system = system;

    /// <summary>Where nodes join, e.g. <c>akka.tcp://alignprop@127.0.0.1:4053</c>.</summary>
    public string Address => Cluster.Get(_system).SelfAddress.ToString();

    /// <summary><see cref="RunStopped"/> or <see cref="RunFailed"/>.</summary>
    public Task<RunProgress> Finished => _finished.Task;

    /// <summary>Starts or resumes the run of a directory.</summary>
    /// <param name="configText">The resolved run file, kept in the journal.</param>
    /// <exception cref="ConfigException">The port is taken, or the model's files are not right.</exception>
    public static async Task<CoordinatorHost> StartAsync(RunConfig config, string configText, IReadOnlyList<string> training, IReadOnlyList<string> heldOut,
        RunDirectory directory, CoordinatorOptions options, IProgress<RunProgress> progress)
    {
        RequireFreePort(options.Port);
        var layout = LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets);
        var settings = await Task.Run(() => SettingsOf(config));
        Directory.CreateDirectory(directory.Folder);
        var hocon = HoconLayers.For("coordinator", $$"""
            akka.remote.dot-netty.tcp.port = {{options.Port}}
            akka.persistence.journal.sql.connection-string = "Data Source={{directory.Journal}}"
            akka.persistence.snapshot-store.sql.connection-string = "Data Source={{directory.Snapshots}}"
            """)
            .WithFallback(Akka.Persistence.Sql.SqlPersistence.DefaultConfiguration)
            .WithFallback(ClusterSingleton.DefaultConfig());
        var host = new CoordinatorHost(ActorSystem.Create(ClusterNames.System, hocon));
        var cluster = Cluster.Get(host._system);
        await cluster.JoinAsync(cluster.SelfAddress);
        var setup = new RunSetup(new RunId(directory.Id), config, configText, settings, new ShardPlanner(new RunId(directory.Id), config, training, heldOut), layout,
            new DirectoryAdapterStore(directory.Blobs), new Relay(progress, host._finished), ClusterNames.Version,
            hocon.GetTimeSpan("alignprop.coordinator.lease-silence"));
        host._system.ActorOf(ClusterSingletonManager.Props(
            Props.Create(() => new RunActor(setup)), PoisonPill.Instance,
            ClusterSingletonManagerSettings.Create(host._system).WithRole("coordinator").WithSingletonName("run")), ClusterNames.Singleton);
        return host;
    }

    /// <summary>Stops the actor system; what is committed stays.</summary>
    public async ValueTask DisposeAsync()
    {
        await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClrExitReason.Instance);
        _finished.TrySetCanceled();
    }

    private static ShardSettings SettingsOf(RunConfig config) => new(
        Path.GetFullPath(config.Model.Path), Adapters.ModelFingerprint.Of(config.Model.Path),
        config.Reward.Name, config.Reward.Path.Length == 0 ? "" : Path.GetFullPath(config.Reward.Path), Adapters.ModelFingerprint.Of(config.Reward.Path), config.Reward.Sign,
        config.Model.Precision, config.Model.ThreadsPerShard, config.Sampling.Steps, config.Sampling.GuidanceScale, config.Sampling.Eta,
        config.Sampling.Height, config.Sampling.Width, config.Sampling.NegativePrompt, config.Loss.Kind, config.Loss.Target, config.Loss.Scale,
        config.Lora.Rank, config.Lora.Alpha, config.Lora.Targets);

    /// <exception cref="ConfigException">Another process listens there.</exception>
    public static void RequireFreePort(int port)
    {
        if (port == 0)
        {
            return;
        }
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
        }
        catch (SocketException)
        {
            throw new ConfigException($"port {port} is taken by another process; choose another with --port, or 0 for any free one");
        }
    }

    private sealed class Relay(IProgress<RunProgress> inner, TaskCompletionSource<RunProgress> finished) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            inner.Report(value);
            if (value is RunStopped or RunFailed)
            {
                finished.TrySetResult(value);
            }
        }
    }
}
