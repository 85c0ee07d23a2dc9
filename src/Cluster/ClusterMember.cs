using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <param name="Role">coordinator or node: which of hocon/ it reads.</param>
/// <param name="Port">TCP port it listens on; 0 = any free one.</param>
/// <param name="KeepsPort">After a restart it listens where it did before: others know its address.</param>
/// <param name="Standby">There is more than one coordinator; see <see cref="HoconLayers.Membership"/>.</param>
/// <param name="Hocon">Over the files.</param>
/// <param name="Defaults">Under the files: what Akka's plugins come with.</param>
public sealed record MemberOptions(string Role, RemotingSecurity Security, int Port = 0, bool KeepsPort = false,
    bool Standby = false, string Hocon = "", Config? Defaults = null)
{
    /// <summary>The whole configuration of an actor system that listens on a port.</summary>
    public Config ConfigAt(int port)
    {
        var files = HoconLayers.For(Role, $"{HoconLayers.Membership(port, Standby)}{Security.Hocon}\n{Hocon}");
        return (Defaults is null ? files : files.WithFallback(Defaults)).WithFallback(ClusterSingleton.DefaultConfig());
    }
}

/// <summary>
/// A process's membership of the cluster: one actor system after the other, because one that was removed from a cluster cannot
/// join again. Who decides to join, to restart and to leave is the process.
/// </summary>
public sealed class ClusterMember
{
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(20);

    private readonly MemberOptions _options;
    private Life _life;

    /// <summary>Starts the first actor system; it listens, and is in no cluster yet.</summary>
    public ClusterMember(MemberOptions options)
    {
        _options = options;
        _life = new Life(options, options.Port);
    }

    /// <summary>The present actor system.</summary>
    public ActorSystem System => _life.System;

    /// <summary>Its view of the cluster.</summary>
    public Cluster Cluster => Cluster.Get(System);

    /// <summary>The present actor system is a full member of a cluster.</summary>
    public bool IsUp => !Separated.IsCompleted && Cluster.SelfMember.Status == MemberStatus.Up;

    /// <summary>Where others join, e.g. <c>akka.tcp://alignprop@127.0.0.1:4053</c>.</summary>
    public Address Address => Cluster.SelfAddress;

    public Config Config => System.Settings.Config;

    /// <summary>Ends with the reason when the present actor system is out of the cluster, whoever ended it.</summary>
    public Task<string> Separated => _life.Separated;

    /// <summary>
    /// Why joining again with the same certificates would fail again, asked when the present actor system is separated or about
    /// to be restarted; null when it may succeed.
    /// </summary>
    public string? Refusal => _life.Refusal.Value;

    /// <summary>Begins a cluster of its own.</summary>
    /// <exception cref="TimeoutException">It did not come up within 30 s.</exception>
    public Task JoinItselfAsync() => Cluster.JoinAsync(Address).WaitAsync(JoinPatience);

    /// <summary>Asks the seeds until one lets it in; when none does and this one is the first, it begins a cluster.</summary>
    public void Join(IReadOnlyList<Address> seeds) => Cluster.JoinSeedNodes(seeds);

    /// <summary>Ends the present actor system at once, and starts the next.</summary>
    public async Task RestartAsync()
    {
        var port = _options.KeepsPort ? Address.Port ?? 0 : _options.Port;
        await Task.WhenAny(System.Terminate(), Task.Delay(EndPatience));
        _life = new Life(_options, port);
    }

    /// <summary>Leaves the cluster in order, so that others need not wait to see it gone, and ends the actor system.</summary>
    public Task LeaveAsync() => CoordinatedShutdown.Get(System).Run(CoordinatedShutdown.ClrExitReason.Instance);

    /// <summary>From the start of one actor system to its end.</summary>
    private sealed class Life
    {
        private readonly TaskCompletionSource<string> _separated = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Life(MemberOptions options, int port)
        {
            System = ActorSystem.Create(ClusterNames.System, options.Security.Setup(options.ConfigAt(port)));
            // Asked twice, one failed handshake would count as two.
            Refusal = new Lazy<string?>(() => options.Security.HandshakeFailure(System));
            Cluster.Get(System).RegisterOnMemberRemoved(() => End("cut off from the majority of the cluster"));
            _ = System.WhenTerminated.ContinueWith(_ => End("its actor system ended"), TaskScheduler.Default);
        }

        public ActorSystem System { get; }

        public Task<string> Separated => _separated.Task;

        public Lazy<string?> Refusal { get; }

        /// <summary>Akka ends a system whose outgoing TLS handshake fails, in the order in which it leaves a cluster.</summary>
        private void End(string why)
        {
            const string handshake = "a peer went away in the middle of a handshake";
            _separated.TrySetResult(RemotingSecurity.FailedHandshake(System) ? handshake : why);
        }
    }
}
