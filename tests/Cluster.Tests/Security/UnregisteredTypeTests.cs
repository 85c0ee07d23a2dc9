using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>Only registered types travel, whichever side would like it otherwise.</summary>
public sealed class UnregisteredTypeTests
{
    private static int _made;

    /// <summary>What a stranger would like us to make an object of: Akka as it comes, and as the project configures it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_message_of_an_unregistered_class_does_not_arrive(bool strict)
    {
        await using var victim = strict ? Peer.Start() : Lenient();
        await using var stranger = Lenient();
        var canary = new Canary { Text = "sing" };
        var before = _made;
        stranger.System.ActorSelection($"{victim.Address}/user/answering").Tell(canary);
        if (!strict)
        {
            // The control: Akka's defaults make the object.
            Assert.True(await Eventually(() => victim.Received == 1 && _made > before));
            return;
        }
        Assert.False(await Eventually(() => victim.Received > 0 || _made > before));
        await using var member = Peer.Start();
        await member.AskAsync(victim);
        Assert.Equal(1, victim.Received);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stranger_does_not_start_actors_here(bool strict)
    {
        await using var victim = strict ? Peer.Start() : Lenient();
        await using var stranger = Lenient();
        var before = _made;
        stranger.System.ActorOf(Props.Create<CanaryActor>()
            .WithDeploy(new Deploy(new RemoteScope(Address.Parse(victim.Address)))));
        Assert.Equal(!strict, await Eventually(() => _made > before));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Serializers_that_go_by_class_names_are_off(int identifier)
    {
        await using var victim = Peer.Start();
        var before = _made;
        Assert.Throws<SerializationException>(() =>
            victim.System.Serialization.Deserialize("{}"u8.ToArray(), identifier, typeof(Canary).AssemblyQualifiedName));
        Assert.Throws<SerializationException>(() => victim.System.Serialization.Deserialize([], identifier, (string?)null));
        Assert.Equal(before, _made);
    }

    [Fact]
    public async Task An_unregistered_class_is_not_even_sent()
    {
        await using var peer = Peer.Start();
        var refusal = Assert.Throws<SerializationException>(() => peer.System.Serialization.FindSerializerFor(new Canary()));
        Assert.Contains("No serializer binding found", refusal.Message);
    }

    private static Peer Lenient()
    {
        const string Settings = """
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
            akka.loglevel = OFF
            akka.stdout-loglevel = OFF
            """;
        return Peer.Start(_ =>
            ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(ConfigurationFactory.ParseString(Settings))), "");
    }

    private static async Task<bool> Eventually(Func<bool> condition)
    {
        for (var i = 0; i < 60 && !condition(); i++)
        {
            await Task.Delay(50);
        }
        return condition();
    }

    private sealed class Canary
    {
        public Canary() => Interlocked.Increment(ref _made);

        public string Text { get; set; } = "";
    }

    private sealed class CanaryActor : ReceiveActor
    {
        public CanaryActor() => Interlocked.Increment(ref _made);
    }
}
