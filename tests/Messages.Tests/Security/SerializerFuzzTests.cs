using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Xunit.Abstractions;

namespace AlignProp.Messages.Tests.Security;

/// <summary>
/// Damaged bytes of every message, always the same ones: each is a message or a SerializationException, and neither costs memory.
/// </summary>
public sealed class SerializerFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly ActorSystem _system = ActorSystem.Create("fuzz",
        ConfigurationFactory.ParseString("akka.stdout-loglevel = OFF\nakka.loglevel = OFF"));

    public void Dispose() => _system.Dispose();

    [Fact]
    public void Damaged_bytes_are_a_message_or_a_SerializationException()
    {
        var serializer = new AlignPropSerializer((ExtendedActorSystem)_system);
        var random = new Random(20260101);
        var samples = AlignPropSerializer.Types.OrderBy(t => t.Name, StringComparer.Ordinal).Select(Samples.Make)
            .Select(m => (Manifest: serializer.Manifest(m), Bytes: serializer.ToBinary(m))).ToList();
        var (tried, refused, worst) = (0, 0, 0L);
        foreach (var (manifest, bytes) in samples)
        {
            foreach (var damaged in Damaged(bytes, samples, random))
            {
                Try(damaged, manifest);
            }
        }
        var (known, knownRefused) = (tried, refused);
        foreach (var manifest in Manifests(samples.Select(s => s.Manifest), random))
        {
            Try(samples[random.Next(samples.Count)].Bytes, manifest);
        }
        output.WriteLine(
            $"{samples.Count} messages: {known} damaged inputs, {knownRefused} refused, {known - knownRefused} read as a "
            + $"message; "
            + $"{tried - known} unknown manifests, {refused - knownRefused} refused; at most {worst} bytes reserved beyond 64 "
                + $"for each byte of input");
        Assert.Equal(tried - known, refused - knownRefused);
        // Both happen: the inputs are neither hopeless nor harmless.
        Assert.InRange(knownRefused, known / 10, known * 9 / 10);

        void Try(byte[] bytes, string? manifest)
        {
            tried++;
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var message = serializer.FromBinary(bytes, manifest!);
                Assert.True(Announced(message) is null or > 0 and <= BlobRef.MaxBytes);
                // What was believed can be passed on.
                serializer.ToBinary(message);
            }
            catch (SerializationException)
            {
                refused++;
            }
            var reserved = GC.GetAllocatedBytesForCurrentThread() - before;
            worst = Math.Max(worst, reserved - 64L * bytes.Length);
            Assert.True(reserved < 100_000 + 64L * bytes.Length, $"{reserved} bytes reserved for {bytes.Length} bytes of input");
        }
    }

    private static long? Announced(object message) => message switch
    {
        ShardDone done => done.Payload.Bytes,
        ShardLease lease => lease.Adapter.Bytes,
        _ => null,
    };

    private static IEnumerable<byte[]> Damaged(byte[] bytes, IReadOnlyList<(string Manifest, byte[] Bytes)> others, Random random)
    {
        // Cut off at every place.
        for (var length = 0; length < bytes.Length; length++)
        {
            yield return bytes[..length];
        }
        // Every bit turned over, alone.
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            yield return With(bytes, bit / 8, (byte)(bytes[bit / 8] ^ (1 << (bit % 8))));
        }
        // Every byte at its extremes: lengths and numbers that go on and on, or end at once.
        for (var at = 0; at < bytes.Length; at++)
        {
            yield return With(bytes, at, 0xff);
            yield return With(bytes, at, 0x00);
            yield return [.. bytes[..at], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, .. bytes[at..]];
        }
        for (var i = 0; i < 300; i++)
        {
            // Several bits at once.
            var flipped = bytes.ToArray();
            for (var flips = random.Next(2, 20); flips > 0; flips--)
            {
                flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
            }
            yield return flipped;
            // The beginning of this message and the end of another.
            var other = others[random.Next(others.Count)].Bytes;
            yield return [.. bytes[..random.Next(bytes.Length)], .. other[random.Next(other.Length)..]];
            yield return Noise(random.Next(1, 200), random);
        }
        // Far larger than the frame size lets through.
        yield return Noise(1 << 20, random);
        yield return [.. bytes, .. Noise(1 << 20, random)];
        yield return Enumerable.Repeat(bytes, (1 << 19) / bytes.Length).SelectMany(b => b).ToArray();
        yield return Enumerable.Repeat((byte)0x0b, 1 << 16).ToArray();
    }

    private static IEnumerable<string?> Manifests(IEnumerable<string> known, Random random) =>
    [
        null, "", " ", "\0", new string('x', 100_000), "System.Object", typeof(ShardLease).AssemblyQualifiedName,
        .. known.SelectMany(k => new[] { k.ToUpperInvariant(), k + " ", " " + k, k + "\0", k[..^1] }),
        .. Enumerable.Range(0, 200).Select(_ => new string(Noise(random.Next(1, 30), random).Select(b => (char)b).ToArray())),
    ];

    private static byte[] With(byte[] bytes, int at, byte value)
    {
        var copy = bytes.ToArray();
        copy[at] = value;
        return copy;
    }

    private static byte[] Noise(int length, Random random)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }
}
