using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using AlignProp.Clustering;

namespace AlignProp.Web.Control;

/// <summary>Asks a coordinator or a node how it is, over HTTP. Health needs no token, and none is sent.</summary>
public static class HealthProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="url">Base URL, as in coordinator.url.</param>
    /// <returns>Live: it answers. Ready: it does its part; why, in its own words or the network's.</returns>
    /// <exception cref="RemotingSecurityException">The authority's file cannot be read.</exception>
    public static async Task<(bool Live, bool Ready, string Why)> AskAsync(string url, CancellationToken cancellation)
    {
        using var authority = url.StartsWith("https:", StringComparison.Ordinal) && TlsFiles.Find() is { } files
            ? Authority(files) : null;
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        if (authority is not null)
        {
            // As between the cluster's members: only the cluster's own authority counts. Nothing is fetched from addresses a
            // certificate names.
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { authority },
                    RevocationMode = X509RevocationMode.NoCheck,
                    DisableCertificateDownloads = true,
                },
            };
        }
        using var client = new HttpClient(handler) { Timeout = Patience };
        try
        {
            using var live = await client.GetAsync(new Uri($"{url}/health/live"), cancellation);
            using var ready = await client.GetAsync(new Uri($"{url}/health/ready"), cancellation);
            return (live.IsSuccessStatusCode, ready.IsSuccessStatusCode,
                (await ready.Content.ReadAsStringAsync(cancellation)).Trim());
        }
        catch (HttpRequestException e)
        {
            return (false, false, e.InnerException?.Message ?? e.Message);
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (false, false, $"no answer in {Patience.TotalSeconds:F0} s");
        }
    }

    private static X509Certificate2 Authority(TlsFiles files)
    {
        try
        {
            return X509CertificateLoader.LoadCertificateFromFile(files.Authority);
        }
        catch (Exception e) when (
            e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new RemotingSecurityException($"{files.Authority}: {e.Message}", e);
        }
    }
}
