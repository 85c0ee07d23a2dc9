using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;

namespace AlignProp.Coordinator.Commands;

/// <summary>The <c>alignprop</c> command line. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.</summary>
public static class AlignPropCommand
{
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var root = new RootCommand("Aligns text-to-image diffusion models with a reward, on a cluster of actors.")
        {
            TrainCommand.Create(output, error, interactive, interrupted),
            ResumeCommand.Create(output, error, interactive, interrupted),
            StandbyCommand.Create(output, error, interactive, interrupted),
            DashboardCommand.Create(output, interrupted),
            HealthCommand.Create(output, error),
            DrainCommand.Create(output, RunOptions.Runs(), RunFolder.FindRun),
            SampleCommand.Create(output, error, interrupted),
            RunsCommand.Create(output),
            ExportCommand.Create(output, error),
            ReportCommand.Create(output),
            PresetsCommand.Create(output),
            InspectCommand.Create(output),
        };
        try
        {
            var parsed = root.Parse(args);
            if (parsed.Errors.Count > 0)
            {
                throw new ConfigException($"{parsed.Errors[0].Message} (alignprop --help lists the commands)");
            }
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None);
        }
        catch (Exception e) when (e is ConfigException or WeightFileException or LoraFormatException or Messages.RemotingSecurityException)
        {
            error.WriteLine($"alignprop: {e.Message}");
            return 2;
        }
    }
}
