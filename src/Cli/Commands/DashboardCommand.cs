using System.CommandLine;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Commands;

/// <summary><c>dashboard RUN</c>: the page of a run; of one that has ended, served from its folder, to look at only.</summary>
internal static class DashboardCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static Command Create(TextWriter output, CancellationToken interrupted)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        var (http, runs) = (new HttpOptions(), RunOptions.Runs());
        var command = new Verb("dashboard",
            "Shows a run in the browser: the address of a running one, or serves one that has ended.",
            "alignprop dashboard --http 127.0.0.1:8080")
        {
            id, runs,
        };
        http.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var directory = RunDirectory.Find(parsed.GetValue(runs)!, parsed.GetValue(id));
            if (File.Exists(directory.Url) && await File.ReadAllTextAsync(directory.Url, interrupted) is var running
                && await AnswersAsync(running))
            {
                output.WriteLine($"{directory.Id} is running: {running}");
                return 0;
            }
            var settings = http.Read(parsed, "127.0.0.1")
                ?? throw new ConfigException("--http off: the dashboard needs an address, e.g. --http 127.0.0.1:8080");
            var name = RunFile.Load(directory.Config, []).Name;
            using var monitor = new RunMonitor(directory, name, live: false);
            await using var server = await ControlServer.StartAsync(settings, monitor, () => null);
            output.WriteLine($"{directory.Id}: {server.Url}   (Ctrl-C ends it)");
            await Task.Delay(Timeout.Infinite, interrupted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return 0;
        });
        return command;
    }

    /// <summary>A killed coordinator leaves its address behind.</summary>
    private static async Task<bool> AnswersAsync(string url)
    {
        using var client = new HttpClient(new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        })
        {
            Timeout = Patience,
        };
        try
        {
            return (await client.GetAsync(new Uri($"{url}/health/live"))).IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or UriFormatException)
        {
            return false;
        }
    }
}
