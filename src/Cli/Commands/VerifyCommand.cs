using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Integrity;
using AlignProp.Cli.Options;
using AlignProp.Cli.Sessions;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>verify RUN</c>: whether a run's files, and its adapter, are what its run file says.</summary>
internal static class VerifyCommand
{
    public static Command Create(TextWriter output, CancellationToken interrupted)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        id.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        var all = new Option<bool>("--all")
        {
            Description = "Compute every step again, which takes as long as the run did; default: the first and the last."
        };
        var files = new Option<bool>("--files") { Description = "Compute nothing: only look at the files." };
        var (nodes, runs, json) = (RunOptions.Nodes(), RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("verify",
            "Checks that a run's files and adapter are what its run file says: hashes, settings, figures, and steps computed "
                + "again; exit code 1 and the file or step that differs.",
            "alignprop verify",
            "alignprop verify RUN-ID --all")
        {
            id, all, files, nodes, runs, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var directory = RunDirectory.Find(parsed.GetValue(runs)!, parsed.GetValue(id));
            if (RunLead.Of(directory) is { } leader)
            {
                throw new ConfigException(
                    $"{directory.Id} is being led by {leader}: it is verified when it has ended or is stopped");
            }
            var asked = parsed.GetValue(files) ? ReplayedSteps.None
                : parsed.GetValue(all) ? ReplayedSteps.All : ReplayedSteps.Kept;
            var devices = LocalDevices.Pick(parsed.GetValue(nodes), RunFile.Load(directory.Config, []).Model.ThreadsPerShard);
            if (devices.Count == 0)
            {
                throw new ConfigException("--nodes 0: steps are computed again on this machine; expected 1 or more, or --files");
            }
            List<Verified> told = [];
            var right = await new RunVerifier(directory, devices, found =>
            {
                told.Add(found);
                if (!parsed.GetValue(json))
                {
                    output.WriteLine($"{(found.Ok ? "ok" : "DIFFERS"),-8} {found.What,-14} {found.Detail}");
                }
            }).RunAsync(asked, interrupted);
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, told);
            }
            else
            {
                output.WriteLine(right ? $"{directory.Id} is what its run file says"
                    : $"{directory.Id}: {told.Count(t => !t.Ok)} of {told.Count} differ");
            }
            return right ? 0 : 1;
        });
        return command;
    }
}
