using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using AlignProp.Clustering;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Remote;

/// <summary>A running coordinator's HTTP API, as the console uses it.</summary>
internal sealed class CoordinatorClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;
    private readonly string _url;
    private readonly string _what;

    /// <param name="what">What messages call it: the run's id or the URL.</param>
    /// <exception cref="ConfigException">Not a URL, or the cluster's authority cannot be read.</exception>
    public CoordinatorClient(string url, string? token, string what)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https"))
        {
            throw new ConfigException($"--coordinator {url}: expected a URL, e.g. http://127.0.0.1:8080");
        }
        (_url, _what) = (url, what);
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (address.Scheme == "https" && TlsFiles.Find() is { } tls)
        {
            handler.SslOptions.CertificateChainPolicy = Trusting(tls.Authority);
        }
        _http = new HttpClient(handler) { BaseAddress = address, Timeout = Patience };
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    public Task<RunStatus> StatusAsync(CancellationToken cancellation) => GetAsync<RunStatus>("api/run", cancellation);

    public Task<List<NodeStatus>> NodesAsync(CancellationToken cancellation) =>
        GetAsync<List<NodeStatus>>("api/nodes", cancellation);

    public Task<List<EventEntry>> EventsAsync(CancellationToken cancellation) =>
        GetAsync<List<EventEntry>>("api/events", cancellation);

    public async Task<LiveStatus> EverythingAsync(CancellationToken cancellation) =>
        new(await StatusAsync(cancellation), await NodesAsync(cancellation), await EventsAsync(cancellation));

    /// <summary>pause, continue, stop, drain/NODE.</summary>
    /// <exception cref="ConfigException">It cannot be done; the coordinator's words say why.</exception>
    public async Task<ControlReply> PostAsync(string what, CancellationToken cancellation)
    {
        using var response = await SendAsync(() =>
            new HttpRequestMessage(HttpMethod.Post, $"api/{what}") { Content = JsonContent.Create(new object()) }, cancellation);
        var reply = await ReplyAsync(response, cancellation);
        return reply is { Ok: true } ? reply
            : throw new ConfigException(reply?.Detail ?? $"{_what}: answered {(int)response.StatusCode}");
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> GetAsync<T>(string path, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), cancellation);
        if (!response.IsSuccessStatusCode)
        {
            var detail = (await ReplyAsync(response, cancellation))?.Detail
                ?? $"answered {(int)response.StatusCode}; is {_url} a coordinator?";
            throw new ConfigException($"{_what}: {detail}");
        }
        try
        {
            return (await response.Content.ReadFromJsonAsync<T>(RunHistory.Json, cancellation))!;
        }
        catch (JsonException)
        {
            throw new ConfigException($"{_what}: what answers at {_url} is no coordinator of this version");
        }
    }

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request(), cancellation);
        }
        catch (HttpRequestException e) when (e.GetBaseException() is System.Security.Authentication.AuthenticationException)
        {
            throw new ConfigException(
                $"{_url}: its certificate is not accepted; set {TlsFiles.CertificateVariable} and {TlsFiles.AuthorityVariable} "
                + $"as the coordinator has them");
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            var hint = _what == _url ? "is its coordinator running, with --http?"
                : $"its coordinator may have been killed; go on with: alignprop resume {_what}";
            throw new ConfigException($"{_what}: nobody answers at {_url} ({e.GetBaseException().Message}); {hint}");
        }
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            response.Dispose();
            throw new ConfigException(_http.DefaultRequestHeaders.Authorization is null
                ? $"{_what}: the coordinator asks for its token; set {HttpSettings.TokenVariable} or give --token"
                : $"{_what}: this is not the coordinator's token; see --token and {HttpSettings.TokenVariable}");
        }
        return response;
    }

    private static async Task<ControlReply?> ReplyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<ControlReply>(RunHistory.Json, cancellation);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The cluster's own authority, and no other.</summary>
    private static X509ChainPolicy Trusting(string authority)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true
        };
        try
        {
            policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(authority));
        }
        catch (Exception e) when (e is System.Security.Cryptography.CryptographicException or IOException)
        {
            throw new ConfigException($"{authority}: {e.Message} ({TlsFiles.AuthorityVariable})");
        }
        return policy;
    }
}
