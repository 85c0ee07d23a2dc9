using System.Net;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;

namespace AlignProp.Clustering;

/// <summary>
/// Where a process listens and whom it lets in: on the loopback anybody on this machine, elsewhere only holders of a
/// certificate of the run's own authority. There is no third way: without TLS nothing listens outside the loopback.
/// </summary>
public sealed class RemotingSecurity
{
    private const int HandshakesBeforeGivingUp = 5;

    private readonly TlsIdentity? _identity;
    private int _failures;

    private RemotingSecurity(string hocon, TlsIdentity? identity) => (Hocon, _identity) = (hocon, identity);

    /// <summary>
    /// To be put over the HOCON files. Names no key file and no password: those are in <see cref="Setup"/>, and without it the
    /// system does not start.
    /// </summary>
    public string Hocon { get; }

    /// <summary>With TLS the cluster's addresses begin with <c>akka.ssl.tcp</c> instead of <c>akka.tcp</c>.</summary>
    public bool Encrypted => _identity is not null;

    /// <param name="host">Name or IP address to listen on.</param>
    /// <param name="publicHost">
    /// What other machines call this one, when <paramref name="host"/> is 0.0.0.0 or a container's own.
    /// </param>
    /// <exception cref="RemotingSecurityException">
    /// Not on the loopback without TLS, or a certificate that does not fit.
    /// </exception>
    public static RemotingSecurity For(string host = "127.0.0.1", string? publicHost = null, TlsFiles? tls = null)
    {
        var advertised = string.IsNullOrWhiteSpace(publicHost) ? host : publicHost;
        foreach (var name in new[] { host, advertised })
        {
            if (Uri.CheckHostName(name) == UriHostNameType.Unknown)
            {
                throw new RemotingSecurityException($"'{name}': expected a host name or an IP address");
            }
        }
        if (IPAddress.TryParse(advertised, out var address)
            && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)))
        {
            throw new RemotingSecurityException(
                $"{advertised} is every address of this machine: also give the name or address the others reach it by");
        }
        if (tls is null)
        {
            return IsLoopback(host) && IsLoopback(advertised)
                ? new RemotingSecurity(Names(host, advertised), null)
                : throw new RemotingSecurityException(
                    $"{(IsLoopback(host) ? advertised : host)} is not on the loopback, and without TLS everybody who reaches it "
                        + $"could take part in the run. Make certificates with"
                    + $" docker/certificates.sh DIR {advertised}"
                    + $" and set {TlsFiles.CertificateVariable}=DIR/{advertised}.pfx, {TlsFiles.AuthorityVariable}=DIR/ca.crt "
                        + $"and {TlsFiles.PasswordVariable}");
        }
        return new RemotingSecurity(Names(host, advertised) + """

            akka.remote.dot-netty.tcp {
              enable-ssl = true
              ssl {
                suppress-validation = false
                require-mutual-authentication = true
                validate-certificate-hostname = true
              }
            }
            """, TlsIdentity.Load(tls, advertised));
    }

    /// <summary>What to create the actor system with: the whole configuration, and the certificates when there are any.</summary>
    public ActorSystemSetup Setup(Config hocon)
    {
        var bootstrap = BootstrapSetup.Create().WithConfig(hocon);
        return _identity is { } identity
            ? bootstrap.And(new DotNettySslSetup(identity.Certificate, suppressValidation: false,
                requireMutualAuthentication: true,
                validateCertificateHostname: true, identity.Accepts))
            : ActorSystemSetup.Create(bootstrap);
    }

    /// <summary>The process's certificate, for what else it serves: checked as for remoting.</summary>
    /// <param name="host">The name visitors use.</param>
    /// <exception cref="RemotingSecurityException">
    /// A file is missing or damaged, the password is wrong, the certificate is not this authority's or not for this host.
    /// </exception>
    public static System.Security.Cryptography.X509Certificates.X509Certificate2 Certificate(TlsFiles files, string host) =>
        TlsIdentity.Load(files, host).Certificate;

    /// <summary>
    /// Why joining again with the same files would fail again, asked of a system that ended; null when it may succeed. Akka ends
    /// a system whose outgoing handshake fails (exit code 79, a reason of a class it keeps to itself), also when the peer was
    /// killed in the middle of it: that is no matter of certificates, unless ours was the side that refused, or it happens again
    /// and again.
    /// </summary>
    public string? HandshakeFailure(ActorSystem ended)
    {
        if (!FailedHandshake(ended))
        {
            _failures = 0;
            return null;
        }
        var reason = CoordinatedShutdown.Get(ended).ShutdownReason.ToString();
        return _identity?.Refusal is { } refusal ? $"{reason}: {refusal}" : ++_failures >= HandshakesBeforeGivingUp ? reason
            : null;
    }

    /// <summary>Whether Akka ended the system because of a handshake.</summary>
    public static bool FailedHandshake(ActorSystem ended) => CoordinatedShutdown.Get(ended).ShutdownReason is { ExitCode: 79 };

    private static string Names(string host, string advertised) => $"""
        akka.remote.dot-netty.tcp.hostname = "{host}"
        akka.remote.dot-netty.tcp.public-hostname = "{advertised}"
        """;

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
