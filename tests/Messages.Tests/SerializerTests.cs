using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;

namespace AlignProp.Messages.Tests;

public sealed class SerializerTests : IDisposable
{
    private readonly ActorSystem _system = ActorSystem.Create("serializer", ConfigurationFactory.Empty);
    private readonly AlignPropSerializer _serializer;

    public SerializerTests() => _serializer = new AlignPropSerializer((ExtendedActorSystem)_system);

    public static TheoryData<Type> MessageTypes() => new(typeof(IAlignPropMessage).Assembly.GetTypes()
        .Where(t => typeof(IAlignPropMessage).IsAssignableFrom(t) && !t.IsInterface).ToArray());

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void Every_message_comes_back_as_it_went(Type type)
    {
        var message = Samples.Make(type);
        var back = _serializer.FromBinary(_serializer.ToBinary(message), _serializer.Manifest(message));
        Assert.Equal(type, back.GetType());
        Assert.Equivalent(message, back, strict: true);
    }

    public static TheoryData<Type> Tasks() => [.. typeof(ShardTask).GetNestedTypes()];

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Every_task_comes_back_as_it_went(Type task)
    {
        var lease = (ShardLease)Samples.Make(typeof(ShardLease));
        lease = lease with { Shard = lease.Shard with { Task = (ShardTask)Samples.Make(task) } };
        Assert.Equivalent(lease, _serializer.FromBinary(_serializer.ToBinary(lease), _serializer.Manifest(lease)), strict: true);
    }

    [Fact]
    public void An_unknown_manifest_is_a_serialization_error() =>
        Assert.Throws<SerializationException>(() => _serializer.FromBinary([], "no-such-message"));

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(BlobRef.MaxBytes + 1)]
    [InlineData(long.MaxValue)]
    public void A_blob_nobody_could_hold_is_refused(long bytes)
    {
        var done = (ShardDone)Samples.Make(typeof(ShardDone));
        var lease = (ShardLease)Samples.Make(typeof(ShardLease));
        foreach (var message in new object[] { done with { Payload = done.Payload with { Bytes = bytes } },
            lease with { Adapter = lease.Adapter with { Bytes = bytes } } })
        {
            Assert.Throws<SerializationException>(() =>
                _serializer.FromBinary(_serializer.ToBinary(message), _serializer.Manifest(message)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../../../../../../../../../../../../../../../../../../etc/hostname")]
    [InlineData("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    public void A_hash_that_is_none_is_refused(string hash)
    {
        var fetch = new FetchChunk(new BlobHash(hash), 0);
        Assert.Throws<SerializationException>(() =>
            _serializer.FromBinary(_serializer.ToBinary(fetch), _serializer.Manifest(fetch)));
    }

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void Malformed_bytes_are_a_serialization_error_or_a_message_but_nothing_else(Type type)
    {
        var manifest = _serializer.Manifest(Samples.Make(type));
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            try
            {
                Assert.IsType(type, _serializer.FromBinary(bytes, manifest));
            }
            catch (SerializationException)
            {
                // Refused: what the transport expects.
            }
        }
    }

    public void Dispose() => _system.Dispose();
}
