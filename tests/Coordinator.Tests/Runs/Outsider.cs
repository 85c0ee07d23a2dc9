using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Speaks the nodes' protocol without being one.</summary>
internal sealed class Outsider : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ActorSystem _system = ActorSystem.Create("outsider",
        HoconLayers.For("node", "akka.actor.provider = remote"));

    public Task<T> AskAsync<T>(string coordinator, IAlignPropMessage message) =>
        _system.ActorSelection($"{coordinator}{RunSingleton.Path}").Ask<T>(message, Patience);

    public async ValueTask DisposeAsync() => await _system.Terminate();
}
