using System.Net;
using AlignProp.Clustering;
using AlignProp.Messages.Configuration;

namespace AlignProp.Web.Control;

/// <summary>Where HTTP listens and who may ask.</summary>
/// <param name="Host">Address to listen at.</param>
/// <param name="PublicHost">What URL and certificate call it.</param>
/// <param name="Port">0 = any free one.</param>
/// <param name="Token">What every request must bring, or null on the loopback.</param>
/// <param name="Tls">Off the loopback, where the cluster has certificates.</param>
public sealed record HttpSettings(string Host, string PublicHost, int Port, string? Token, TlsFiles? Tls)
{
    public const string Variable = "ALIGNPROP_HTTP";
    public const string TokenVariable = "ALIGNPROP_TOKEN";
    public const int TokenLength = 16;
    private const string Off = "off";

    public bool IsLoopback { get; } = IsLoopbackName(Host);

    /// <summary>Without the token.</summary>
    public override string ToString() => $"{(Tls is null ? "http" : "https")}://{PublicHost}:{Port}";

    /// <param name="bind">HOST:PORT, or off; null = the environment's, else the one of hocon/coordinator.conf.</param>
    /// <param name="token">Null = of the file, else of the environment.</param>
    /// <param name="clusterHost">What the cluster calls this machine: the URL's name where every address is listened at.</param>
    /// <returns>Null = no HTTP.</returns>
    /// <exception cref="ConfigException">No such address, or off the loopback without a token.</exception>
    public static HttpSettings? Read(string? bind, string? token, string? tokenFile, string clusterHost)
    {
        bind ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set ? set
            : HoconLayers.For("coordinator", "").GetString("alignprop.coordinator.http.bind");
        if (bind.Equals(Off, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        var colon = bind.LastIndexOf(':');
        var host = colon < 0 ? bind : bind[..colon].Trim('[', ']');
        if (colon < 0 || !ushort.TryParse(bind[(colon + 1)..], out var port) || host.Length == 0)
        {
            throw new ConfigException($"--http {bind}: expected HOST:PORT, e.g. 127.0.0.1:8080 (port 0 = any free one), or off");
        }
        if (!IPAddress.TryParse(host, out var address) && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            throw new ConfigException($"--http {bind}: {host} is no host name or IP address");
        }
        token = Token_(token, tokenFile);
        if (IsLoopbackName(host))
        {
            return new HttpSettings(host, host, port, token, null);
        }
        if (token is null)
        {
            throw new ConfigException(
                $"--http {bind} is not on the loopback: a token is needed, or everybody who reaches this machine could stop "
                + $"the run; set {TokenVariable} or --token-file (at least {TokenLength} characters, e.g. from: "
                + "openssl rand -hex 24)");
        }
        var every = address is not null && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
        return new HttpSettings(host, every ? clusterHost : host, port, token, TlsFiles.Find());
    }

    /// <summary>The same with a port that was used before, where any is right and that one is free.</summary>
    public HttpSettings At(int? port)
    {
        if (Port != 0 || port is null)
        {
            return this;
        }
        var again = this with { Port = port.Value };
        try
        {
            again.Check();
            return again;
        }
        catch (ConfigException)
        {
            return this;
        }
    }

    /// <summary>Before anything is written: is the port free, does the certificate fit?</summary>
    /// <exception cref="ConfigException">It is not, or it does not.</exception>
    public void Check()
    {
        try
        {
            using var listener = new System.Net.Sockets.TcpListener(
                IPAddress.TryParse(Host, out var address) ? address : Dns.GetHostAddresses(Host)[0], Port);
            listener.Start();
            if (Tls is not null)
            {
                using var certificate = RemotingSecurity.Certificate(Tls, PublicHost);
            }
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw new ConfigException($"--http {Host}:{Port}: cannot listen there ({e.Message}); "
                + "choose another port, 0 for any free one, or --http off");
        }
        catch (RemotingSecurityException e)
        {
            throw new ConfigException($"--http {Host}:{Port}: {e.Message}");
        }
    }

    public static bool IsLoopbackName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static string? Token_(string? option, string? file)
    {
        var (token, source) = option is { Length: > 0 } ? (option, "--token")
            : file is not null ? (FromFile(file), $"--token-file {file}")
            : (Environment.GetEnvironmentVariable(TokenVariable), TokenVariable);
        token = token?.Trim();
        return string.IsNullOrEmpty(token) && file is null ? null
            : token!.Length >= TokenLength && token.All(c => c is > ' ' and <= '~') ? token
            : throw new ConfigException($"{source}: expected a token of at least {TokenLength} visible ASCII characters");
    }

    private static string FromFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"--token-file {path}: {e.Message}");
        }
    }
}
