using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using Google.Protobuf;

namespace AlignProp.Messages;

/// <summary>
/// Protobuf behind short manifests. Only what is in <see cref="Codecs"/> can be read: an unknown manifest or malformed
/// bytes are a <see cref="SerializationException"/>, which Akka logs without tearing the connection down.
/// </summary>
public sealed class AlignPropSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly Dictionary<string, Codec> ByManifest = Codecs.All.ToDictionary(c => c.Manifest);
    private static readonly Dictionary<Type, Codec> ByType = Codecs.All.ToDictionary(c => c.Type);

    public override int Identifier => 2023;

    /// <summary>Every registered type.</summary>
    public static IEnumerable<Type> Types => ByType.Keys;

    public override string Manifest(object o) =>
        ByType.TryGetValue(o.GetType(), out var codec) ? codec.Manifest
            : throw new SerializationException($"{o.GetType()} is not a registered message");

    public override byte[] ToBinary(object obj) =>
        ByType.TryGetValue(obj.GetType(), out var codec) ? codec.Write(obj)
            : throw new SerializationException($"{obj.GetType()} is not a registered message");

    public override object FromBinary(byte[] bytes, string manifest) => Read(bytes, manifest);

    /// <summary>
    /// What <see cref="FromBinary(byte[], string)"/> reads, without an actor system: for whoever looks at a journal from outside.
    /// </summary>
    /// <exception cref="SerializationException">An unknown manifest, or malformed bytes.</exception>
    public static object Read(byte[] bytes, string? manifest)
    {
        // Akka hands over null when a sender left the manifest out.
        if (manifest is null || !ByManifest.TryGetValue(manifest, out var codec))
        {
            throw new SerializationException($"unknown message manifest {Legible(manifest)}");
        }
        try
        {
            return codec.Read(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or NullReferenceException or ArgumentException)
        {
            throw new SerializationException($"malformed {codec.Type.Name} ({bytes.Length} bytes)", e);
        }
    }

    /// <summary>A stranger's text on its way into the log: short, and on one line.</summary>
    private static string Legible(string? text) => text is null ? "(none)"
        : Uri.EscapeDataString(text[..Math.Min(text.Length, 40)]);
}

/// <summary>How one message type is written and read.</summary>
internal sealed record Codec(string Manifest, Type Type, Func<object, byte[]> Write, Func<byte[], object> Read);
