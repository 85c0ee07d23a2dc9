using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Remote;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Status;
using Spectre.Console;

namespace AlignProp.Cli.Commands;

/// <summary><c>status</c>: where a run stands; with <c>--watch</c> as long as it runs.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static Command Create(TextWriter output, bool interactive, CancellationToken interrupted)
    {
        var (coordinator, json) = (new CoordinatorOption(), JsonOutput.Option());
        var watch = new Option<bool>("--watch") { Description = "Stay, and show what changes, until the run is over or Ctrl-C." };
        var command = new Verb("status",
            "Shows where a run stands: progress, rewards, devices, last events; of a run that is over, how it ended.",
            "alignprop status",
            "alignprop status --coordinator https://10.0.0.5:8080 --watch")
        {
            json, watch,
        };
        coordinator.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(watch) && interactive && !parsed.GetValue(json))
            {
                await WatchAsync(coordinator, parsed, interrupted);
                return;
            }
            var status = await ReadAsync(coordinator, parsed, interrupted);
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, status.Run);
                return;
            }
            RunScreen.Write(output, status, interactive);
        });
        return command;
    }

    /// <summary>From the coordinator while there is one, else from the run's folder.</summary>
    private static async Task<LiveStatus> ReadAsync(CoordinatorOption coordinator, ParseResult parsed,
        CancellationToken cancellation)
    {
        if (coordinator.Directory(parsed) is { } directory && !(File.Exists(directory.Url) && RunLead.IsLed(directory)))
        {
            return OfFolder(directory);
        }
        using var client = coordinator.Client(parsed);
        try
        {
            return await client.EverythingAsync(cancellation);
        }
        catch (ConfigException) when (coordinator.Directory(parsed) is { } run
            && !(File.Exists(run.Url) && RunLead.IsLed(run)))
        {
            // It has ended this moment.
            return OfFolder(run);
        }
    }

    private static LiveStatus OfFolder(RunDirectory directory)
    {
        using var monitor = new RunMonitor(directory, RunFile.Load(directory.Config, []).Name, live: false);
        return monitor.Live(0);
    }

    private static async Task WatchAsync(CoordinatorOption coordinator, ParseResult parsed, CancellationToken cancellation)
    {
        var status = await ReadAsync(coordinator, parsed, cancellation);
        await AnsiConsole.Live(RunScreen.Render(status, AnsiConsole.Profile.Width)).AutoClear(false).StartAsync(async context =>
        {
            while (status.Run.State is not ("ended" or "failed" or "interrupted") && !cancellation.IsCancellationRequested)
            {
                await Task.Delay(Interval, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                status = cancellation.IsCancellationRequested ? status : await ReadAsync(coordinator, parsed, cancellation);
                context.UpdateTarget(RunScreen.Render(status, AnsiConsole.Profile.Width));
            }
        });
    }
}
