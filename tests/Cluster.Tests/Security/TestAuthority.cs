using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>A certificate authority that lives as long as a test, in a folder of its own.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string Password = "only for tests";
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-tls-").FullName;
    private readonly X509Certificate2 _authority;

    public TestAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        File.WriteAllText(AuthorityFile, _authority.ExportCertificatePem());
    }

    public string AuthorityFile => Path.Combine(_folder, "ca.crt");

    /// <summary>A PFX for 127.0.0.1, or for another host, or outlived.</summary>
    public TlsFiles Issue(string host = "127.0.0.1", bool expired = false)
    {
        var path = Path.Combine(_folder, $"{host}{(expired ? "-expired" : "")}.pfx");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + host, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address)) { names.AddIpAddress(address); } else { names.AddDnsName(host); }
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(_authority, DateTimeOffset.UtcNow.AddHours(-2),
            DateTimeOffset.UtcNow.AddHours(expired ? -1 : 2), [1, 2, 3, (byte)Random.Shared.Next(256)]);
        using var whole = certificate.CopyWithPrivateKey(key);
        File.WriteAllBytes(path, whole.Export(X509ContentType.Pfx, Password));
        return new TlsFiles(path, Password, AuthorityFile);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
