using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>What is refused before anything listens, and what the refusal says.</summary>
public sealed class RemotingSecurityTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData("127.0.0.1", null)]
    [InlineData("127.0.0.2", "")]
    [InlineData("localhost", null)]
    [InlineData("::1", null)]
    public void On_the_loopback_no_TLS_is_needed(string host, string? publicHost)
    {
        var security = RemotingSecurity.For(host, publicHost);
        Assert.False(security.Encrypted);
        Assert.Contains($"hostname = \"{host}\"", security.Hocon);
    }

    [Theory]
    [InlineData("10.0.0.5", null, "10.0.0.5")]
    [InlineData("0.0.0.0", "node-1", "node-1")]
    [InlineData("127.0.0.1", "node-1", "node-1")]
    [InlineData("coordinator.example", "127.0.0.1", "coordinator.example")]
    public void Elsewhere_it_is_and_the_message_says_what_to_do(string host, string? publicHost, string named)
    {
        var refusal = Assert.Throws<RemotingSecurityException>(() => RemotingSecurity.For(host, publicHost));
        foreach (var part in new[] { named, "docker/certificates.sh DIR", "ALIGNPROP_TLS_PFX=", "ALIGNPROP_TLS_CA=",
            "ALIGNPROP_TLS_PASSWORD" })
        {
            Assert.Contains(part, refusal.Message);
        }
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(" ", null)]
    [InlineData("0.0.0.0", null)]
    [InlineData("::", null)]
    [InlineData("a\"\nakka.loglevel = DEBUG", null)]
    [InlineData("127.0.0.1", "not a host")]
    public void What_is_no_host_is_refused(string host, string? publicHost) =>
        Assert.Throws<RemotingSecurityException>(() => RemotingSecurity.For(host, publicHost, _authority.Issue()));

    [Fact]
    public void A_certificate_that_does_not_fit_is_refused_at_the_start()
    {
        using var other = new TestAuthority();
        var good = _authority.Issue("node-1");
        Assert.True(RemotingSecurity.For("0.0.0.0", "node-1", good).Encrypted);
        Refused("is not made for node-2", () => RemotingSecurity.For("0.0.0.0", "node-2", good));
        Refused("is not accepted by", () => RemotingSecurity.For("node-1", tls: good with { Authority = other.AuthorityFile }));
        Refused("is not accepted by", () => RemotingSecurity.For("node-1", tls: _authority.Issue("node-1", expired: true)));
        Refused("ALIGNPROP_TLS_PASSWORD", () => RemotingSecurity.For("node-1", tls: good with { Password = "wrong" }));
        Refused("nowhere.pfx", () => RemotingSecurity.For("node-1", tls: good with { Certificate = "nowhere.pfx" }));
        Refused("no private key", () => RemotingSecurity.For("node-1", tls: good with { Certificate = WithoutKey(good) }));
    }

    [Fact]
    public void Secrets_stay_out_of_configuration_and_text()
    {
        var files = _authority.Issue();
        Assert.DoesNotContain(files.Password, files.ToString());
        Assert.DoesNotContain(files.Password, RemotingSecurity.For(tls: files).Hocon);
    }

    [Fact]
    public void Options_win_over_the_environment_and_the_authority_is_looked_for_beside_the_certificate()
    {
        Assert.Null(TlsFiles.Find());
        var found = TlsFiles.Find(Path.Combine("some", "node.pfx"));
        Assert.Equal(Path.GetFullPath(Path.Combine("some", "ca.crt")), found?.Authority);
        Assert.Equal("given", TlsFiles.Find("node.pfx", "given")?.Authority);
    }

    [Fact]
    public void What_the_script_makes_is_accepted_and_never_overwritten()
    {
        var folder = Directory.CreateTempSubdirectory("alignprop-script-");
        try
        {
            var (code, said) = Script(folder.FullName, "node-1,10.0.0.6", "127.0.0.1");
            if (code != 0)
            {
                // A machine without openssl is told so; anything else is a failure.
                Assert.Contains("openssl is not installed", said);
                return;
            }
            var files = new TlsFiles(Path.Combine(folder.FullName, "node-1.pfx"), "a password",
                Path.Combine(folder.FullName, "ca.crt"));
            Assert.True(RemotingSecurity.For("0.0.0.0", "node-1", files).Encrypted);
            Assert.True(RemotingSecurity.For("10.0.0.6", tls: files).Encrypted);
            Refused("is not made for", () => RemotingSecurity.For("10.0.0.7", tls: files));
            var before = File.ReadAllBytes(files.Certificate);
            Assert.NotEqual(0, Script(folder.FullName, "node-2", "node-1").Code);
            Assert.Equal(before, File.ReadAllBytes(files.Certificate));
            Assert.False(File.Exists(Path.Combine(folder.FullName, "node-2.pfx")));
            // A later node joins the same authority.
            Assert.Equal(0, Script(folder.FullName, "node-2").Code);
            Assert.True(RemotingSecurity.For("node-2",
                tls: files with { Certificate = Path.Combine(folder.FullName, "node-2.pfx") }).Encrypted);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Refused(string says, Action action) =>
        Assert.Contains(says, Assert.Throws<RemotingSecurityException>(action).Message);

    private static string WithoutKey(TlsFiles files)
    {
        var path = Path.ChangeExtension(files.Certificate, ".public.pfx");
        using var certificate = X509CertificateLoader.LoadPkcs12FromFile(files.Certificate, files.Password);
        using var half = X509CertificateLoader.LoadCertificate(certificate.RawData);
        File.WriteAllBytes(path, half.Export(X509ContentType.Pfx, files.Password));
        return path;
    }

    private static (int Code, string Said) Script(params string[] arguments)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "AlignProp.Actors.sln")))
        {
            root = root.Parent!;
        }
        var start = new ProcessStartInfo("bash",
            [Path.Combine(root.FullName, "docker", "certificates.sh"), .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true
        };
        start.Environment["ALIGNPROP_TLS_PASSWORD"] = "a password";
        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said);
    }
}
