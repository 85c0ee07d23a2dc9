using System.CommandLine;
using AlignProp.Web.Control;

namespace AlignProp.Cli.Options;

/// <summary>Where API and dashboard listen, and the token they ask for.</summary>
internal sealed class HttpOptions
{
    private readonly Option<string?> _bind = new(
        "--http")
    {
        Description =
        $"HOST:PORT of API and dashboard, or off (or {HttpSettings.Variable}); default: a free port of the loopback."
    };
    private readonly Option<string?> _token = new("--token")
    {
        Description = $"Token they ask for; every user of this machine "
        + $"can read a command line: better {HttpSettings.TokenVariable} or --token-file."
    };
    private readonly Option<string?> _file = new("--token-file") { Description = "File with the token." };

    public void AddTo(Command command)
    {
        command.Add(_bind);
        command.Add(_token);
        command.Add(_file);
    }

    /// <param name="clusterHost">What the cluster calls this machine.</param>
    /// <exception cref="Messages.Configuration.ConfigException">
    /// No such address, the port is taken, or off the loopback without a token.
    /// </exception>
    public HttpSettings? Read(ParseResult parsed, string clusterHost)
    {
        var settings = HttpSettings.Read(parsed.GetValue(_bind), parsed.GetValue(_token), parsed.GetValue(_file), clusterHost);
        settings?.Check();
        return settings;
    }
}
