using System.CommandLine;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Web.Control;

namespace AlignProp.Cli.Options;

/// <summary>The options every command has that starts a coordinator.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<int> _port = new("--port") { Description = "TCP port nodes join at; 0 = any free one." };
    private readonly Option<string> _host = new("--host")
    {
        Description = "Address nodes reach this machine at.",
        DefaultValueFactory = _ => "127.0.0.1"
    };
    private readonly Option<string[]> _peers =
        new("--peer") { Description = "Address of another coordinator, e.g. akka.tcp://alignprop@10.0.0.2:4053; may repeat." };
    private readonly Option<string?> _database = new("--database")
    {
        Description = $"PostgreSQL connection string for journal "
        + $"and adapters (or {RunStorage.Variable}); default: files in the run's folder."
    };

    private readonly HttpOptions _http = new();

    public void AddTo(Command command)
    {
        _http.AddTo(command);
        command.Add(_port);
        command.Add(_host);
        command.Add(_peers);
        command.Add(_database);
    }

    /// <exception cref="ConfigException">The port is taken, the database does not answer, or the collector is no URL.</exception>
    public CoordinatorOptions Read(ParseResult parsed, bool standby = false)
    {
        var storage = RunStorage.From(parsed.GetValue(_database));
        var options = new CoordinatorOptions(parsed.GetValue(_port), parsed.GetValue(_host)!, parsed.GetValue(_peers) ?? [],
            standby, storage.Database);
        CoordinatorHost.SecurityOf(options);
        TelemetryExport.Collector(HoconLayers.For("coordinator", ""));
        ListenAddress.RequireFree(options.Host, options.Port);
        storage.Check();
        return options;
    }

    /// <summary>Where API and dashboard listen; null = nowhere.</summary>
    /// <exception cref="ConfigException">No such address, the port is taken, or off the loopback without a token.</exception>
    public HttpSettings? Http(ParseResult parsed) => _http.Read(parsed, parsed.GetValue(_host)!);
}
