using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using AlignProp.Messages;

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
        var message = Made(type);
        var back = _serializer.FromBinary(_serializer.ToBinary(message), _serializer.Manifest(message));
        Assert.Equal(type, back.GetType());
        Assert.Equivalent(message, back, strict: true);
    }

    [Fact]
    public void An_unknown_manifest_is_a_serialization_error() =>
        Assert.Throws<SerializationException>(() => _serializer.FromBinary([], "no-such-message"));

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void Malformed_bytes_are_a_serialization_error_or_a_message_but_nothing_else(Type type)
    {
        var manifest = _serializer.Manifest(Made(type));
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

    /// <summary>An instance with a different value in every field.</summary>
    private static object Made(Type type)
    {
        var counter = 0;
        return Make(type);

        object Make(Type t)
        {
            counter++;
            if (t == typeof(string)) { return $"text-{counter}"; }
            if (t == typeof(int)) { return counter; }
            if (t == typeof(long)) { return (long)counter * 1_000_000_007; }
            if (t == typeof(ulong)) { return ulong.MaxValue - (ulong)counter; }
            if (t == typeof(double)) { return counter + 0.125; }
            if (t == typeof(float)) { return counter + 0.5f; }
            if (t == typeof(bool)) { return true; }
            if (t == typeof(ReadOnlyMemory<byte>)) { return new ReadOnlyMemory<byte>([1, 2, (byte)counter]); }
            if (t.IsGenericType && t.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            {
                var element = t.GetGenericArguments()[0];
                var array = Array.CreateInstance(element, 2);
                array.SetValue(Make(element), 0);
                array.SetValue(Make(element), 1);
                return array;
            }
            var constructor = t.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
            return constructor.Invoke(constructor.GetParameters().Select(p => Make(p.ParameterType)).ToArray());
        }
    }
}
