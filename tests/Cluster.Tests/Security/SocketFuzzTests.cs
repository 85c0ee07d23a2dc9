using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit.Abstractions;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>
/// A listening actor system is sent rubbish over real connections; after every kind of it, it must answer a well-behaved peer.
/// </summary>
[Collection("alone")]
public sealed class SocketFuzzTests(ITestOutputHelper output)
{
    private const int Frame = 256_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rubbish_on_the_wire_stops_nobody_else(bool encrypted)
    {
        using var authority = new TestAuthority();
        var tls = encrypted ? authority.Issue() : null;
        await using var victim = Peer.Start(tls);
        await using var behaved = Peer.Start(tls);
        await behaved.AskAsync(victim);
        var random = new Random(20260102);
        await TryAsync("random bytes", victim, behaved, victim.Port,
            Enumerable.Range(0, 150).Select(_ => Noise(random.Next(1, 4096), random)));
        await TryAsync("frames longer than allowed", victim, behaved, victim.Port,
            new[] { int.MaxValue, int.MinValue, -1, -4, Frame + 1,
                Frame * 2 }.SelectMany(length =>
                new[] { Framed(length, Noise(64, random)), Framed(length, Noise(Frame + 4096, random)) }));
        await TryAsync("frames that end early", victim, behaved, victim.Port,
            Enumerable.Range(0, 100).Select(_ => Framed(random.Next(100, Frame), Noise(random.Next(0, 99), random)))
                .Concat(Enumerable.Range(0, 4).Select(n => new byte[n])));
        await TryAsync("whole frames of random bytes", victim, behaved, victim.Port, Enumerable.Range(0, 150).Select(_ =>
        {
            var noise = Noise(random.Next(0, 2048), random);
            return Framed(noise.Length, noise);
        }));
    }

    [Fact]
    public async Task A_recorded_conversation_with_bits_turned_over_stops_nobody_else()
    {
        using var proxy = new RecordingProxy();
        var port = FreePort();
        await using var victim = Peer.Start(hocon: $"akka.remote.dot-netty.tcp {{ port = {port}, public-port = {proxy.Port} }}");
        _ = proxy.ServeAsync(port);
        byte[] conversation;
        await using (var recorded = Peer.Start())
        {
            await recorded.AskAsync(victim);
            // Before it says goodbye.
            conversation = proxy.Recorded;
        }
        await using var behaved = Peer.Start();
        await behaved.AskAsync(victim);
        var addresses = Addresses(conversation);
        var random = new Random(20260103);

        // The control: the recording as it is gets a message as far as the actor.
        var before = victim.Received;
        await SendAsync(port, conversation, pause: 300);
        Assert.True(await Within5Seconds(() => victim.Received > before));

        await TryAsync("recorded, 1 to 8 bits turned over", victim, behaved, port,
            Enumerable.Range(0, 200).Select(_ => Flipped(conversation, 0, addresses, random.Next(1, 9), random)), pause: 200);
        var greeting = 4 + BinaryPrimitives.ReadInt32LittleEndian(conversation);
        await TryAsync("recorded, turned over after the greeting", victim, behaved, port,
            Enumerable.Range(0, 200).Select(_ => Flipped(conversation, greeting, addresses, random.Next(1, 4), random)),
            pause: 200);
        await TryAsync("recorded, cut off", victim, behaved, port,
            Enumerable.Range(0, 100).Select(_ => conversation[..random.Next(conversation.Length)]), pause: 200);
    }

    private async Task TryAsync(string what, Peer victim, Peer behaved, int port, IEnumerable<byte[]> inputs, int pause = 0)
    {
        var (tried, closed, before, memory) = (0, 0, victim.Received, GC.GetTotalMemory(forceFullCollection: true));
        foreach (var group in inputs.Chunk(25))
        {
            tried += group.Length;
            closed += (await Task.WhenAll(group.Select(bytes => SendAsync(port, bytes, pause)))).Count(c => c);
        }
        await Task.Delay(200);
        var reached = victim.Received - before;
        await behaved.AskAsync(victim);
        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        output.WriteLine(
            $"{what}: {tried} connections, {closed} closed by the system, {reached} messages reached the actor, heap "
            + $"{grown / 1e6:+0.0;-0.0} MB; a peer was answered afterwards");
        Assert.True(what.StartsWith("recorded", StringComparison.Ordinal) || reached == 0);
        Assert.InRange(grown, long.MinValue, 50_000_000);
    }

    /// <summary>True when the other side hung up; after a pause it is told that nothing more comes.</summary>
    private static async Task<bool> SendAsync(int port, byte[] bytes, int pause)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            var stream = client.GetStream();
            await stream.WriteAsync(bytes, patience.Token);
            await Task.Delay(pause);
            client.Client.Shutdown(SocketShutdown.Send);
            var buffer = new byte[1024];
            while (await stream.ReadAsync(buffer, patience.Token) > 0)
            {
                // Whatever it says.
            }
            return true;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Little-endian, as Akka.NET frames are.</summary>
    private static byte[] Framed(int length, byte[] content)
    {
        var frame = new byte[4 + content.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, length);
        content.CopyTo(frame, 4);
        return frame;
    }

    /// <summary>Host names stay as they are: a damaged one would make the system look for a stranger's machine.</summary>
    private static byte[] Flipped(byte[] conversation, int from, HashSet<int> spared, int flips, Random random)
    {
        var copy = conversation.ToArray();
        while (flips > 0)
        {
            var at = random.Next(from, copy.Length);
            if (!spared.Contains(at))
            {
                copy[at] ^= (byte)(1 << random.Next(8));
                flips--;
            }
        }
        return copy;
    }

    private static HashSet<int> Addresses(byte[] conversation)
    {
        var text = Encoding.Latin1.GetString(conversation);
        var found = new HashSet<int>();
        for (var at = text.IndexOf("127.0.0.1", StringComparison.Ordinal); at >= 0; at = text.IndexOf("127.0.0.1", at + 1,
            StringComparison.Ordinal))
        {
            // The length or the @ before it, and the : after it, belong to it.
            found.UnionWith(Enumerable.Range(at - 1, 11));
        }
        return found;
    }

    private static byte[] Noise(int length, Random random)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<bool> Within5Seconds(Func<bool> condition)
    {
        for (var i = 0; i < 100 && !condition(); i++)
        {
            await Task.Delay(50);
        }
        return condition();
    }
}

/// <summary>Memory is measured: no other test may run at the time.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class Alone;
