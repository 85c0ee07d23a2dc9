using System.Collections.Immutable;
using Akka.Actor;
using Akka.Configuration;
using Akka.Pattern;
using Akka.Persistence.Sql;
using AlignProp.Clustering;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <param name="Port">TCP port nodes connect to; 0 = any free one.</param>
/// <param name="Host">Address the other members reach this one at.</param>
/// <param name="Peers">Addresses of the other coordinators: the primary, for a standby; the standbys, for a primary.</param>
/// <param name="Reopen">A run that people stopped goes on; one that ended by its rules stays ended.</param>
/// <param name="Standby">
/// Waits for a primary among the peers, and begins a cluster of its own only when nobody has led for a while.
/// </param>
public sealed record CoordinatorOptions(int Port = 0, string Host = "127.0.0.1", IReadOnlyList<string>? Peers = null,
    bool Standby = false, string? Database = null,
    bool Reopen = false)
{
    public RunStorage Storage => new(Database);
}

/// <summary>
/// The coordinator's actor system with one run in it, as a cluster singleton: of several coordinators the oldest leads. Cut off
/// from the majority, or deposed, it joins the cluster anew and stands by.
/// </summary>
public sealed class CoordinatorHost : IAsyncDisposable, IRunControl
{
    private static readonly TimeSpan AskPatience = TimeSpan.FromSeconds(5);

    private readonly Func<Leadership, Config, RunSetup> _setup;
    private readonly ImmutableList<Address> _peers;
    private readonly CoordinatorOptions _options;
    private readonly ProgressRelay _relay;
    private readonly Succession _succession;
    private readonly ClusterMember _member;
    private readonly TaskCompletionSource<string> _closing = NewCompletion();
    private TaskCompletionSource<string> _deposed = NewCompletion();
    private Task _staying = Task.CompletedTask;

    private CoordinatorHost(RunId run, CoordinatorOptions options, ProgressRelay relay, MemberOptions member,
        Func<Leadership, Config, RunSetup> setup)
    {
        (_options, _relay, _setup) = (options, relay, setup);
        _peers = [.. (options.Peers ?? []).Select(Akka.Actor.Address.Parse)];
        _member = new ClusterMember(member);
        _succession = new Succession(options.Storage.Sign(run), relay);
    }

    /// <summary>Where nodes join, e.g. <c>akka.tcp://alignprop@127.0.0.1:4053</c>.</summary>
    public string Address => _member.Address.ToString();

    /// <summary><see cref="RunStopped"/> or <see cref="RunFailed"/>.</summary>
    public Task<RunProgress> Finished => _relay.Finished;

    /// <inheritdoc/>
    public bool IsJoined => _member.IsUp;

    /// <inheritdoc/>
    public Task<SteerReply> SteerAsync(Steer what) => AskAsync<SteerReply>(new SteerRun(what));

    /// <inheritdoc/>
    public async Task<SteerReply> DrainAsync(string node)
    {
        var reply = await AskAsync<DrainReply>(new DrainNode(new NodeId(node)));
        return new SteerReply(reply.Found, reply.Detail);
    }

    /// <summary>The nodes that were started with this coordinator; null = none.</summary>
    public NodeProcesses? LocalNodes { get; set; }

    /// <inheritdoc/>
    public SteerReply StartNodes() => LocalNodes?.StartAgain()
        ?? new SteerReply(false, "this coordinator has no nodes of its own (--nodes 0); start one with: "
            + $"AlignProp.GpuNode run --coordinator {Address} --devices all");

    private Task<T> AskAsync<T>(object question) =>
        _member.System.ActorSelection(RunSingleton.Path).Ask<T>(question, AskPatience);

    /// <summary>Starts or resumes the run of a directory.</summary>
    /// <param name="configText">The resolved run file, kept in the journal.</param>
    /// <param name="blobs">Where adapters and moments are kept; null = where the options say.</param>
    /// <exception cref="ConfigException">The port is taken, or the model's files are not right.</exception>
    public static async Task<CoordinatorHost> StartAsync(RunConfig config, string configText, IReadOnlyList<string> training,
        IReadOnlyList<string> heldOut,
        RunDirectory directory, CoordinatorOptions options, IProgress<RunProgress> progress, IAdapterStore? blobs = null)
    {
        ListenAddress.RequireFree(options.Host, options.Port);
        var layout = LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets);
        var description = await Task.Run(() => RunFingerprints.Describe(config));
        Directory.CreateDirectory(directory.Folder);
        var store = blobs ?? options.Storage.Blobs(directory);
        var run = new RunId(directory.Id);
        var planner = new ShardPlanner(run, config, training, heldOut);
        var relay = new ProgressRelay(progress);
        var steering = new RunSteering(options.Reopen);
        var several = options.Standby || options.Peers is { Count: > 0 };
        var member = new MemberOptions("coordinator", SecurityOf(options), options.Port, KeepsPort: true, several,
            options.Storage.Hocon(directory), SqlPersistence.DefaultConfiguration);
        var host = new CoordinatorHost(run, options, relay, member,
            (leadership, hocon) =>
                new RunSetup(run, config, configText, description, planner, layout, store, relay, ClusterNames.Version,
                new LeaseRules(hocon.GetTimeSpan("alignprop.coordinator.lease-silence"),
                    hocon.GetTimeSpan("alignprop.coordinator.lease-stall"),
                    hocon.GetTimeSpan("alignprop.coordinator.hand-in")), leadership, steering, TimeProvider.System));
        relay.Superseded = superseded =>
        {
            var why = $"the coordinator at {superseded.By} leads now";
            if (host._peers.IsEmpty)
            {
                // In a cluster of its own it could only depose the other one, and be deposed again, without end.
                relay.Report(new RunFailed(run.Value, superseded.Step, $"{why}; this one steps back"));
                return;
            }
            host._deposed.TrySetResult(why);
        };
        await host.BeginAsync(again: false);
        host._staying = host.StayAsync();
        return host;
    }

    /// <summary>Stops the actor system; what is committed stays.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_closing.TrySetResult("closing"))
        {
            return;
        }
        await _staying;
        _succession.Dispose();
        await _member.LeaveAsync();
        await _relay.CompleteAsync();
    }

    /// <summary>Joins the cluster anew whenever it was cut off or deposed.</summary>
    private async Task StayAsync()
    {
        while (true)
        {
            var why = await (await Task.WhenAny(_member.Separated, _deposed.Task, _closing.Task));
            if (_closing.Task.IsCompleted)
            {
                return;
            }
            if (_member.Refusal is { } tls)
            {
                _relay.Report(new RunFailed("", 0,
                    $"a peer's certificate is not of this cluster's authority, or ours is not of theirs: {tls}"));
                return;
            }
            _relay.Report(new RunNotice($"{why}; joining the cluster again", NoticeKind.Takeover));
            try
            {
                await _member.RestartAsync();
                await BeginAsync(again: true);
            }
#pragma warning disable CA1031 // Whatever keeps it out (its port is taken meanwhile): nobody else would hear of it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _relay.Report(new RunFailed("", 0, $"the cluster cannot be joined again: {e.GetBaseException().Message}"));
                return;
            }
        }
    }

    private async Task BeginAsync(bool again)
    {
        _deposed = NewCompletion();
        var (system, hocon) = (_member.System, _member.Config);
        if (_peers.IsEmpty)
        {
            await _member.JoinItselfAsync();
        }
        else
        {
            // The first of a list may begin a cluster when nobody answers. One that was cut off, or a standby, must not.
            _member.Join(again || _options.Standby ? _peers : _peers.Insert(0, _member.Address));
            if (again || _options.Standby)
            {
                _ = _succession.BeginAloneAsync(system, hocon.GetTimeSpan("alignprop.coordinator.rejoin-patience"));
            }
        }
        var leadership = new Leadership(Guid.NewGuid().ToString("N")[..8], Address);
        var setup = _setup(leadership, hocon);
        _ = _succession.BeatAsync(system, leadership, hocon.GetTimeSpan("alignprop.coordinator.sign-of-life"));
        var actor = Props.Create(() => new RunActor(setup, ShardDispatcher.Props(setup)));
        RunSingleton.Host(system, BackoffSupervisor.Props(
            Backoff.OnStop(actor, "actor", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), 0.1, -1)));
    }

    private static TaskCompletionSource<string> NewCompletion() => new(TaskCreationOptions.RunContinuationsAsynchronously);

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
}
