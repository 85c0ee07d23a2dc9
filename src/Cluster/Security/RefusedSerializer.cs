using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace AlignProp.Clustering;

/// <summary>
/// Takes the number of a serializer of Akka's that would make an object of whatever class a message names. Unregistered types
/// being off keeps such messages from being sent; only this keeps them from being read, because the sender chooses the number.
/// </summary>
/// <param name="settings">akka.actor.serialization-settings.NAME: <c>identifier</c> is the number.</param>
public sealed class RefusedSerializer(ExtendedActorSystem system, Config settings) : SerializerWithStringManifest(system)
{
    public override int Identifier { get; } = settings.GetInt("identifier");

    public override string Manifest(object o) => throw Refusal();

    public override byte[] ToBinary(object obj) => throw Refusal();

    public override object FromBinary(byte[] bytes, string manifest) => throw Refusal();

    private SerializationException Refusal() => new($"serializer {Identifier} is switched off (hocon/base.conf)");
}
