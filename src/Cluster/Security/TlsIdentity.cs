using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;

namespace AlignProp.Clustering;

/// <summary>
/// A process's own certificate and the one authority whose certificates it accepts. Akka's own check asks the machine's trust
/// store, which does not know a private authority and knows a hundred public ones; here only ours counts.
/// </summary>
internal sealed class TlsIdentity
{
    private readonly X509Certificate2 _authority;

    private TlsIdentity(X509Certificate2 certificate, X509Certificate2 authority) =>
        (Certificate, _authority) = (certificate, authority);

    public X509Certificate2 Certificate { get; }

    /// <summary>The peer we connected to and refused last, and why; null when all were accepted.</summary>
    public string? Refusal { get; private set; }

    /// <exception cref="RemotingSecurityException">
    /// A file is missing or damaged, the password is wrong, the certificate is not this authority's or not for this host.
    /// </exception>
    public static TlsIdentity Load(TlsFiles files, string host)
    {
        var identity = new TlsIdentity(
            Read(files.Certificate, path => X509CertificateLoader.LoadPkcs12FromFile(path, files.Password)),
            Read(files.Authority, X509CertificateLoader.LoadCertificateFromFile));
        if (!identity.Certificate.HasPrivateKey)
        {
            throw new RemotingSecurityException($"{files.Certificate} has no private key");
        }
        if (identity.Complaint(identity.Certificate) is { } complaint)
        {
            throw new RemotingSecurityException($"{files.Certificate} is not accepted by {files.Authority}: {complaint}");
        }
        if (!identity.Certificate.MatchesHostname(host, allowCommonName: false))
        {
            throw new RemotingSecurityException(
                $"{files.Certificate} is not made for {host}, which this process would advertise");
        }
        return identity;
    }

    /// <summary>
    /// The check of a peer, in Akka's shape. Whoever connects must have a certificate of our authority; whoever we connect to
    /// must also have it for the name we connected to (the platform reports that mismatch on the connecting side only).
    /// </summary>
    public bool Accepts(X509Certificate2? certificate, X509Chain? chain, string peer, SslPolicyErrors errors, ILoggingAdapter log)
    {
        var complaint = certificate is null ? "it has no certificate"
            : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? "its certificate is for another host"
            : Complaint(certificate);
        if (complaint is not null)
        {
            log.Warning("{0} is refused: {1}", peer, complaint);
            // Akka names a peer we connected to by its address, one that connected to us by its socket: strangers who knock say
            // nothing about us.
            Refusal = peer.Contains("://", StringComparison.Ordinal) ? $"{peer} is refused: {complaint}" : Refusal;
        }
        return complaint is null;
    }

    private string? Complaint(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        // A private authority publishes no revocation lists, and nothing is fetched from addresses a stranger's certificate
        // names.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate) ? null : string.Join("; ", chain.ChainStatus.Select(s => s.StatusInformation.Trim()));
    }

    private static X509Certificate2 Read(string path, Func<string, X509Certificate2> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RemotingSecurityException($"{path}: {e.Message} (its password comes from {TlsFiles.PasswordVariable})", e);
        }
    }
}
