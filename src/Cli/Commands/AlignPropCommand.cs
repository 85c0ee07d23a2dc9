using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Cli.Integrity;
using AlignProp.Clustering;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary>The <c>alignprop</c> command line. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.</summary>
public static class AlignPropCommand
{
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error, bool interactive,
        CancellationToken interrupted)
    {
        var root = Create(output, error, interactive, interrupted);
        try
        {
            var parsed = root.Parse(CommandHelp.Rewrite(args.Count == 0 && interactive && !Console.IsInputRedirected
                ? ["console"] : args));
            if (CommandTypos.Complaint(parsed) is { } complaint)
            {
                throw new ConfigException(complaint);
            }
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null
            }, interrupted);
        }
        catch (Exception e) when (e is ConfigException or WeightFileException or ModelFileException or LoraFormatException
            or RemotingSecurityException)
        {
            error.WriteLine($"alignprop: {e.Message}");
            return 2;
        }
        catch (RunDamagedException e)
        {
            error.WriteLine($"alignprop: {e.Message}");
            return 1;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 130;
        }
    }

    /// <summary>The verbs.</summary>
    internal static RootCommand Create(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var root = new RootCommand(
            "Aligns text-to-image diffusion models with a reward, on a cluster of actors. Without arguments, in a terminal: a "
            + "console with these commands.")
        {
            TrainCommand.Create(output, error, interactive, interrupted),
            ResumeCommand.Create(output, error, interactive, interrupted),
            StandbyCommand.Create(output, error, interactive, interrupted),
            StatusCommand.Create(output, interactive, interrupted),
            NodesCommand.Create(output),
            SteerCommands.Pause(output),
            SteerCommands.Continue(output),
            SteerCommands.Stop(output),
            SteerCommands.Drain(output),
            DashboardCommand.Create(output, interrupted),
            HealthCommand.Create(output, error),
            RunsCommand.Create(output),
            HistoryCommand.Create(output),
            VerifyCommand.Create(output, interrupted),
            CompareCommand.Create(output, error, interrupted),
            SampleCommand.Create(output, error, interrupted),
            EvaluateCommand.Create(output, error, interrupted),
            MixCommand.Create(output, error),
            ExportCommand.Create(output, error),
            ReportCommand.Create(output),
            InspectCommand.Create(output),
            PresetsCommand.Create(output),
            RewardsCommand.Create(output),
            PromptsCommand.Create(output),
            DoctorCommand.Create(output, interrupted),
            ConsoleCommand.Create(output, error, interactive),
            ReferenceCommand.Create(output),
        };
        CommandHelp.Install(root);
        return root;
    }
}
