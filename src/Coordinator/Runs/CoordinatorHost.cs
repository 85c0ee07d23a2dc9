using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Pattern;
using AlignProp.Adapters;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <param name="Port">TCP port nodes connect to; 0 = any free one.</param>
/// <param name="Host">Address the other members reach this one at.</param>
/// <param name="Peers">Addresses of the other coordinators: the primary, for a standby; the standbys, for a primary.</param>
/// <param name="Reopen">A run that people stopped goes on; one that ended by its rules stays ended.</param>
/// <param name="Standby">Waits for a primary among the peers, and begins a cluster of its own only when nobody has led for a while.</param>
public sealed record CoordinatorOptions(int Port = 0, string Host = "127.0.0.1", IReadOnlyList<string>? Peers = null, bool Standby = false, string? Database = null,
    bool Reopen = false)
{
    public RunStorage Storage => new(Database);
}

/// <summary>
/// The coordinator's actor system with one run in it, as a cluster singleton: of several coordinators the oldest leads. Cut off from
/// the majority, or deposed, it joins the cluster anew and stands by.
/// </summary>
public sealed class CoordinatorHost : IAsyncDisposable, IRunControl
{
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AskPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private readonly Func<Leadership, Config, RunSetup> _setup;
    private readonly Func<int, Config> _hocon;
    private readonly ImmutableList<Address> _peers;
    private readonly LeaderSign? _sign;
    private readonly CoordinatorOptions _options;
    private readonly Relay _relay;
    private readonly RemotingSecurity _security;
    private readonly SemaphoreSlim _restarting = new(1);
    private ActorSystem _system = null!;
    private bool _disposing;

    private CoordinatorHost(RunId run, CoordinatorOptions options, Relay relay, RemotingSecurity security, Func<int, Config> hocon, Func<Leadership, Config, RunSetup> setup)
    {
        (_sign, _options, _relay, _security, _hocon, _setup) = (options.Storage.Sign(run), options, relay, security, hocon, setup);
        _peers = [.. (options.Peers ?? []).Select(Akka.Actor.Address.Parse)];
    }

    /// <summary>Where nodes join, e.g. <c>akka.tcp://alignprop@127.0.0.1:4053</c>.</summary>
    public string Address => Cluster.Get(_system).SelfAddress.ToString();

    /// <summary><see cref="RunStopped"/> or <see cref="RunFailed"/>.</summary>
    public Task<RunProgress> Finished => _relay.Finished;

    /// <inheritdoc/>
    public Task<SteerReply> SteerAsync(Steer what) => AskAsync<SteerReply>(new SteerRun(what));

    /// <inheritdoc/>
    public async Task<SteerReply> DrainAsync(string node)
    {
        var reply = await AskAsync<DrainReply>(new DrainNode(new NodeId(node)));
        return new SteerReply(reply.Found, reply.Detail);
    }

    private Task<T> AskAsync<T>(object question) => _system.ActorSelection($"{ClusterNames.SingletonPath}/run").Ask<T>(question, AskPatience);

    /// <summary>Starts or resumes the run of a directory.</summary>
    /// <param name="configText">The resolved run file, kept in the journal.</param>
    /// <param name="blobs">Where adapters and moments are kept; null = where the options say.</param>
    /// <exception cref="ConfigException">The port is taken, or the model's files are not right.</exception>
    public static async Task<CoordinatorHost> StartAsync(RunConfig config, string configText, IReadOnlyList<string> training, IReadOnlyList<string> heldOut,
        RunDirectory directory, CoordinatorOptions options, IProgress<RunProgress> progress, IAdapterStore? blobs = null)
    {
        RequireFreePort(options.Host, options.Port);
        var layout = LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets);
        var description = await Task.Run(() => RunFingerprints.Describe(config));
        Directory.CreateDirectory(directory.Folder);
        var store = blobs ?? options.Storage.Blobs(directory);
        var run = new RunId(directory.Id);
        var planner = new ShardPlanner(run, config, training, heldOut);
        var relay = new Relay(progress);
        var standby = options.Standby || options.Peers is { Count: > 0 };
        var security = SecurityOf(options);
        var steering = new RunSteering(options.Reopen);
        var host = new CoordinatorHost(run, options, relay, security,
            port => HoconLayers.For("coordinator", $"{HoconLayers.Membership(port, standby)}{security.Hocon}\n{options.Storage.Hocon(directory)}")
                .WithFallback(Akka.Persistence.Sql.SqlPersistence.DefaultConfiguration)
                .WithFallback(ClusterSingleton.DefaultConfig()),
            (leadership, hocon) => new RunSetup(run, config, configText, description, planner, layout, store, relay, ClusterNames.Version,
                new LeaseRules(hocon.GetTimeSpan("alignprop.coordinator.lease-silence"), hocon.GetTimeSpan("alignprop.coordinator.lease-stall"),
                    hocon.GetTimeSpan("alignprop.coordinator.hand-in")), leadership, steering, TimeProvider.System));
        relay.Superseded = by =>
        {
            var why = $"the coordinator at {by} leads now";
            if (host._peers.IsEmpty)
            {
                // In a cluster of its own it could only depose the other one, and be deposed again, without end.
                relay.Report(new RunFailed(run.Value, 0, $"{why}; this one steps back"));
                return;
            }
            host.Restart(why);
        };
        await host.BeginAsync(options.Port, again: false);
        return host;
    }

    /// <summary>Stops the actor system; what is committed stays.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposing)
        {
            return;
        }
        await _restarting.WaitAsync();
        _disposing = true;
        await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClrExitReason.Instance);
        await _relay.CompleteAsync();
        _restarting.Dispose();
        _sign?.Dispose();
    }

    private async Task BeginAsync(int port, bool again)
    {
        var hocon = _hocon(port);
        _system = ActorSystem.Create(ClusterNames.System, _security.Setup(hocon));
        var (system, cluster) = (_system, Cluster.Get(_system));
        _ = system.WhenTerminated.ContinueWith(_ => OnTerminated(system), TaskScheduler.Default);
        cluster.RegisterOnMemberRemoved(() => Restart("cut off from the majority of the cluster"));
        if (_peers.IsEmpty)
        {
            await cluster.JoinAsync(cluster.SelfAddress).WaitAsync(JoinPatience);
        }
        else
        {
            // The first of a list may begin a cluster when nobody answers. One that was cut off, or a standby, must not: it waits.
            cluster.JoinSeedNodes(again || _options.Standby ? _peers : _peers.Insert(0, cluster.SelfAddress));
            if (again || _options.Standby)
            {
                _ = BeginAloneAsync(system, hocon.GetTimeSpan("alignprop.coordinator.rejoin-patience"));
            }
        }
        var leadership = new Leadership(Guid.NewGuid().ToString("N")[..8], cluster.SelfAddress.ToString());
        var setup = _setup(leadership, hocon);
        _ = BeatAsync(system, leadership, hocon.GetTimeSpan("alignprop.coordinator.sign-of-life"));
        var supervised = BackoffSupervisor.Props(Backoff.OnStop(Props.Create(() => new RunActor(setup, ShardDispatcher.Props(setup))), "actor", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), 0.1, -1));
        _system.ActorOf(ClusterSingletonManager.Props(supervised, PoisonPill.Instance,
            ClusterSingletonManagerSettings.Create(_system).WithRole("coordinator").WithSingletonName("run")), ClusterNames.Singleton);
    }

    /// <summary>While this one leads it says so in the database, for a standby that reaches nobody.</summary>
    private async Task BeatAsync(ActorSystem system, Leadership leadership, TimeSpan interval)
    {
        while (_sign is not null && !_disposing && !Cluster.Get(system).IsTerminated)
        {
            if (leadership.Led)
            {
                await Task.Run(() => Try(() => { _sign.Beat(leadership.Host); return true; }));
            }
            await Task.WhenAny(system.WhenTerminated, Task.Delay(interval));
        }
    }

    /// <summary>
    /// Every coordinator may have been cut off, each from another, or the leader may have died before its standby was let in: each would wait
    /// for the others. When nobody answers, and in the database nobody commits or gives a sign of life meanwhile, nobody leads.
    /// </summary>
    private async Task BeginAloneAsync(ActorSystem system, TimeSpan patience)
    {
        var cluster = Cluster.Get(system);
        var (last, still) = (LastSign(), TimeSpan.Zero);
        while (still < patience)
        {
            await Task.Delay(LookInterval);
            if (_disposing || system != _system || cluster.IsUp || cluster.IsTerminated)
            {
                return;
            }
            var now = LastSign();
            (last, still) = (now, now is not null && now == last ? still + LookInterval : TimeSpan.Zero);
        }
        _relay.Report(new RunNotice($"no other coordinator answers, commits or gives a sign of life for {patience.TotalSeconds:F0} s; leading now", NoticeKind.Takeover));
        cluster.Join(cluster.SelfAddress);
    }

    /// <summary>Null while the database is away.</summary>
    private (long Event, long Beat)? LastSign() => _sign is null ? (0, 0) : Try(_sign.Last);

    private static T? Try<T>(Func<T> ask) where T : struct
    {
        try
        {
            return ask();
        }
        catch (Exception e) when (e is System.Data.Common.DbException or SocketException or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Akka ends a system whose outgoing TLS handshake fails; with certificates that do not fit, joining again would fail again.</summary>
    private void OnTerminated(ActorSystem system)
    {
        if (_security.HandshakeFailure(system) is { } tls)
        {
            _relay.Report(new RunFailed("", 0, $"a peer's certificate is not of this cluster's authority, or ours is not of theirs: {tls}"));
        }
        else if (system == _system && RemotingSecurity.FailedHandshake(system))
        {
            Restart("a peer went away in the middle of a handshake");
        }
    }

    private void Restart(string why) => Task.Run(async () =>
    {
        if (_disposing || !await _restarting.WaitAsync(0))
        {
            return;
        }
        try
        {
            _relay.Report(new RunNotice($"{why}; joining the cluster again", NoticeKind.Takeover));
            var port = Cluster.Get(_system).SelfAddress.Port ?? 0;
            await Task.WhenAny(_system.Terminate(), Task.Delay(TimeSpan.FromSeconds(20)));
            await BeginAsync(port, again: true);
        }
        finally
        {
            _restarting.Release();
        }
    });

    /// <exception cref="ConfigException">Not on the loopback without TLS, or a certificate that does not fit.</exception>
    public static RemotingSecurity SecurityOf(CoordinatorOptions options)
    {
        try
        {
            return RemotingSecurity.For(options.Host, tls: TlsFiles.Find());
        }
        catch (RemotingSecurityException e)
        {
            throw new ConfigException($"--host {options.Host}: {e.Message}");
        }
    }

    /// <exception cref="ConfigException">Another process listens there, or the address is not this machine's.</exception>
    public static void RequireFreePort(string host, int port)
    {
        if (port == 0)
        {
            return;
        }
        try
        {
            using var listener = new TcpListener(Dns.GetHostAddresses(host)[0], port);
            listener.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new ConfigException($"port {port} is taken by another process; choose another with --port, or 0 for any free one");
        }
        catch (SocketException e)
        {
            throw new ConfigException($"--host {host}: cannot listen there ({e.Message}); expected an address of this machine");
        }
    }

    /// <summary>Takes reports off the actor's thread: pictures and files are written by one reader, in order.</summary>
    private sealed class Relay : IProgress<RunProgress>
    {
        private readonly Channel<RunProgress> _channel = Channel.CreateUnbounded<RunProgress>(new UnboundedChannelOptions { SingleReader = true });
        private readonly TaskCompletionSource<RunProgress> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Task _reader;

        public Relay(IProgress<RunProgress> inner) => _reader = Task.Run(async () =>
        {
            await foreach (var value in _channel.Reader.ReadAllAsync())
            {
                Deliver(inner, value);
                if (value is RunStopped or RunFailed)
                {
                    _finished.TrySetResult(value);
                }
                else if (value is RunSuperseded superseded)
                {
                    Superseded?.Invoke(superseded.By);
                }
            }
        });

        public Task<RunProgress> Finished => _finished.Task;

        public Action<string>? Superseded { get; set; }

        public void Report(RunProgress value) => _channel.Writer.TryWrite(value);

        public async Task CompleteAsync()
        {
            _channel.Writer.TryComplete();
            await _reader;
            _finished.TrySetCanceled();
        }

        private static void Deliver(IProgress<RunProgress> inner, RunProgress value)
        {
            try
            {
                inner.Report(value);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or System.Data.Common.DbException)
            {
                // A report that cannot be written (a full disk) is not worth a run.
                inner.Report(new RunNotice($"a report could not be written: {e.Message}"));
            }
        }
    }
}
