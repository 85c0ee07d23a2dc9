using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AlignProp.Clustering;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>
/// Off the loopback the cluster's certificate serves HTTP too (here on the loopback, with a certificate for it).
/// </summary>
public sealed class HttpsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-https-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_clusters_certificate_serves_https_and_the_cookie_is_secure()
    {
        await using var server = await TestServer.StartAsync(TestServer.Token, tls: Certificates("127.0.0.1"));
        Assert.StartsWith("https://127.0.0.1:", server.Url);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck
        };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(Path.Combine(_folder, "ca.crt")));
        using var handler =
            new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", TestServer.Token);
        Assert.Contains("\"runId\"", await client.GetStringAsync(new Uri($"{server.Url}/api/run")), StringComparison.Ordinal);
        using var login = new StringContent($$"""{"token":"{{TestServer.Token}}"}""",
            new MediaTypeHeaderValue("application/json"));
        Assert.Contains("secure",
            (await client.PostAsync(new Uri($"{server.Url}/api/login"), login)).Headers.GetValues("Set-Cookie").Single(),
            StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_certificate_for_another_host_is_refused_before_anything_starts()
    {
        var settings = new HttpSettings("127.0.0.1", "127.0.0.1", 0, TestServer.Token, Certificates("10.0.0.9"));
        Assert.Contains("not made for 127.0.0.1", Assert.Throws<ConfigException>(settings.Check).Message,
            StringComparison.Ordinal);
    }

    private TlsFiles Certificates(string address)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(from, to);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var own = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Parse(address));
        own.CertificateExtensions.Add(names.Build());
        using var certificate = own.Create(authority, from, to, [1, 2, 3]).CopyWithPrivateKey(key);
        var files = new TlsFiles(Path.Combine(_folder, "own.pfx"), "password", Path.Combine(_folder, "ca.crt"));
        File.WriteAllBytes(files.Certificate, certificate.Export(X509ContentType.Pfx, files.Password));
        File.WriteAllText(files.Authority, authority.ExportCertificatePem());
        return files;
    }
}
