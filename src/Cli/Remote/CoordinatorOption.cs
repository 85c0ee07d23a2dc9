using System.CommandLine;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;

namespace AlignProp.Cli.Remote;

/// <summary>Which coordinator a verb talks to: the one of a run on this machine, or one named by its URL, with a token.</summary>
internal sealed class CoordinatorOption
{
    private readonly Option<string?> _run = new("--run") { Description = "Run id; default: the newest run that is running." };
    private readonly Option<string?> _url =
        new("--coordinator") { Description = "Base URL of a coordinator on another machine, e.g. https://10.0.0.5:8080." };
    private readonly Option<string?> _token = new(
        "--token")
    {
        Description =
        $"The coordinator's token; better {HttpSettings.TokenVariable}: every user of this machine can read a command line."
    };
    private readonly Option<string> _runs = RunOptions.Runs();

    public void AddTo(Command command)
    {
        _run.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        command.Add(_run);
        command.Add(_url);
        command.Add(_token);
        command.Add(_runs);
    }

    /// <summary>The run's folder on this machine; null when the coordinator is named by its URL.</summary>
    /// <exception cref="ConfigException">There is no such run.</exception>
    public RunDirectory? Directory(ParseResult parsed) => parsed.GetValue(_url) is not null ? null
        : Newest(parsed.GetValue(_runs)!, parsed.GetValue(_run));

    /// <exception cref="ConfigException">There is no such run, nobody coordinates it, or the URL is none.</exception>
    public CoordinatorClient Client(ParseResult parsed)
    {
        var token = parsed.GetValue(_token)
            ?? (Environment.GetEnvironmentVariable(HttpSettings.TokenVariable) is { Length: > 0 } set ? set : null);
        if (parsed.GetValue(_url) is { } url)
        {
            return new CoordinatorClient(url, token, url);
        }
        var directory = Directory(parsed)!;
        return File.Exists(directory.Url) && RunLead.IsLed(directory)
            ? new CoordinatorClient(File.ReadAllText(directory.Url).Trim(), token, directory.Id)
            : throw new ConfigException(RunLead.Of(directory) is { } leader
                ? $"{directory.Id} is led by {leader}, without HTTP here: it cannot be asked"
                : $"{directory.Id}: no coordinator runs here; start one with: alignprop resume {directory.Id}");
    }

    private static RunDirectory Newest(string runs, string? id)
    {
        return id is null && RunLead.Led(runs).FirstOrDefault() is { } running ? running : RunDirectory.Find(runs, id);
    }
}
