using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Remote.Transport.DotNetty;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>Over real sockets: who has a certificate of the authority talks, everybody else does not.</summary>
public sealed class RemotingTlsTests : IDisposable
{
    private const string Encrypted = "akka.remote.dot-netty.tcp.enable-ssl = true";
    private readonly TestAuthority _ours = new();
    private readonly TestAuthority _other = new();

    public void Dispose()
    {
        _ours.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task Two_holders_of_certificates_talk_both_ways()
    {
        await using var a = Peer.Start(_ours.Issue());
        await using var b = Peer.Start(_ours.Issue());
        Assert.StartsWith("akka.ssl.tcp://", a.Address);
        Assert.Equal("nothing to do", (await a.AskAsync(b)).Reason);
        Assert.Equal("nothing to do", (await b.AskAsync(a)).Reason);
    }

    [Fact]
    public async Task A_stranger_gets_no_message_through()
    {
        await using var victim = Peer.Start(_ours.Issue());
        using var foreign = Load(_other.Issue());
        using var expired = Load(_ours.Issue(expired: true));
        await using var otherAuthority = Careless(foreign, mutual: true);
        await using var outlived = Careless(expired, mutual: true);
        await using var withoutCertificate = Careless(foreign, mutual: false);
        await using var withoutTls = Peer.Start();
        await Task.WhenAll(
            Unanswered(otherAuthority, victim.Address),
            Unanswered(outlived, victim.Address),
            Unanswered(withoutCertificate, victim.Address),
            Unanswered(withoutTls, victim.Address.Replace("akka.ssl.tcp", "akka.tcp")));
        Assert.Equal(0, victim.Received);

        // The control: the same victim, at the same address, answers a member.
        await using var member = Peer.Start(_ours.Issue());
        await member.AskAsync(victim);
        Assert.Equal(1, victim.Received);
    }

    /// <summary>
    /// An actor system whose own TLS handshake fails ends itself: Akka 1.5.74 does that, and nothing turns it off.
    /// </summary>
    [Theory]
    [InlineData(true, "127.0.0.1", false)]
    [InlineData(false, "another-host", false)]
    [InlineData(false, "127.0.0.1", true)]
    public async Task Nothing_is_sent_to_an_impostor(bool foreign, string host, bool genuine)
    {
        await using var member = Peer.Start(_ours.Issue());
        using var certificate = Load((foreign ? _other : _ours).Issue(host));
        await using var other = Careless(certificate, mutual: true);
        if (genuine)
        {
            // The control: just as careless, but with the right certificate.
            await member.AskAsync(other);
            Assert.Null(member.HandshakeFailure);
            return;
        }
        await Unanswered(member, other.Address);
        Assert.Equal(0, other.Received);
        await member.System.WhenTerminated.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Contains("is refused: ", member.HandshakeFailure);
    }

    /// <summary>Seen when a coordinator was killed the moment another one connected to it.</summary>
    [Fact]
    public async Task A_peer_that_goes_away_in_the_middle_of_a_handshake_is_no_matter_of_certificates_unless_it_goes_on()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var closing = Task.Run(async () =>
        {
            using var connection = await listener.AcceptSocketAsync();
            await connection.ReceiveAsync(new byte[1]);
        });
        await using var member = Peer.Start(_ours.Issue());
        await Unanswered(member, $"akka.ssl.tcp://alignprop@127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}");
        await closing;
        await member.System.WhenTerminated.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(RemotingSecurity.FailedHandshake(member.System));
        Assert.Equal([true, true, true, true, false], Enumerable.Range(0, 5).Select(_ => member.HandshakeFailure is null));
    }

    /// <summary>
    /// DotNetty offers 1.2 at most; what is older is left to the machine's OpenSSL, which refuses it by default.
    /// </summary>
    [Fact]
    public async Task The_protocol_is_TLS_1_2()
    {
        await using var member = Peer.Start(_ours.Issue());
        using var own = Load(_ours.Issue());
        using var socket = new TcpClient("127.0.0.1", member.Port);
#pragma warning disable CA5359 // Only the protocol is looked at.
        await using var stream = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            ClientCertificates = [own]
        });
        Assert.Equal(SslProtocols.Tls12, stream.SslProtocol);
    }

    /// <summary>TLS that believes everybody, with a certificate the project would refuse to start with.</summary>
    private static Peer Careless(X509Certificate2 certificate, bool mutual) => Peer.Start(
        config => BootstrapSetup.Create().WithConfig(config)
            .And(new DotNettySslSetup(certificate, suppressValidation: true, requireMutualAuthentication: mutual)), Encrypted);

    private static X509Certificate2 Load(TlsFiles files) =>
        X509CertificateLoader.LoadPkcs12FromFile(files.Certificate, files.Password);

    /// <summary>Longer than a handshake takes by far: the controls answer within a fraction of a second.</summary>
    private static async Task Unanswered(Peer from, string address) =>
        await Assert.ThrowsAsync<AskTimeoutException>(() => from.AskAsync(from, 4, address));
}
