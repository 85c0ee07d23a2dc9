using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Doctor;
using AlignProp.Cli.Options;
using AlignProp.Cli.Remote;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;

namespace AlignProp.Cli.Commands;

/// <summary><c>doctor</c>: what is wrong with this machine or cluster, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create(TextWriter output, CancellationToken interrupted)
    {
        var source = new Argument<string>("run")
        {
            Description = "The run file or preset whose model, rewards and prompts are looked for.",
            DefaultValueFactory = _ => RunFile.Default
        };
        var port = new Option<int>("--port") { Description = "TCP port that is to be free; 0 = any." };
        var database =
            new Option<string?>("--database") { Description = $"PostgreSQL connection string (or {RunStorage.Variable})." };
        var (runs, coordinator,
            json) = (new Option<string>("--runs")
            {
                Description = "Folder of the runs.",
                DefaultValueFactory = _ => RunOptions.DefaultRuns
            },
            new Option<string?>("--coordinator")
            { Description = "Base URL of a coordinator to ask; default: the one that runs here." },
            JsonOutput.Option());
        var token = new Option<string?>("--token") { Description = $"Its token (or {HttpSettings.TokenVariable})." };
        var command = new Verb("doctor",
            "Looks for what is wrong with this machine and its cluster, and says what to do; exit code 1 when something is.",
            "alignprop doctor",
            "alignprop doctor sd15-aesthetic --json")
        {
            source, port, database, runs, coordinator, token, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var findings = await MachineDoctor.LookAsync(parsed.GetValue(source)!, parsed.GetValue(runs)!, parsed.GetValue(port),
                interrupted);
            findings.AddRange(await Task.Run(() => ClusterDoctor.Surroundings(RunStorage.From(parsed.GetValue(database)))
                .ToList(), interrupted));
            using var client = Client(parsed.GetValue(coordinator), parsed.GetValue(token), parsed.GetValue(runs)!);
            findings.AddRange(await ClusterDoctor.CoordinatorAsync(client, interrupted));
            var code = findings.Any(f => f.Level == "error") ? 1 : 0;
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, findings);
                return code;
            }
            foreach (var finding in findings)
            {
                output.WriteLine($"{finding.Level,-8} {finding.What,-13} {finding.Detail}");
                if (finding.Todo is not null)
                {
                    output.WriteLine($"{"",-22} -> {finding.Todo}");
                }
            }
            output.WriteLine(code == 0 ? "nothing is wrong" : $"{findings.Count(f => f.Level == "error")} wrong");
            return code;
        });
        return command;
    }

    private static CoordinatorClient? Client(string? url, string? token, string runs)
    {
        token ??= Environment.GetEnvironmentVariable(HttpSettings.TokenVariable) is { Length: > 0 } set ? set : null;
        if (url is not null)
        {
            return new CoordinatorClient(url, token, url);
        }
        var running = RunLead.Led(runs).FirstOrDefault(d => File.Exists(d.Url));
        return running is null ? null : new CoordinatorClient(File.ReadAllText(running.Url).Trim(), token, running.Id);
    }
}
