using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using AlignProp.Reports.Html;

namespace AlignProp.Cli.Commands;

/// <summary><c>report RUN</c>: the run as one HTML file.</summary>
internal static class ReportCommand
{
    public static Command Create(TextWriter output)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        var path = new Option<string?>("--out") { Description = "HTML file; default: report.html in the run's folder." };
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var command = new Verb("report", "Writes a run's curves, pictures, settings and hashes into one HTML file.",
            "alignprop report RUN-ID --out report.html")
        {
            id, path, runs, json,
        };
        command.SetAction(parsed =>
        {
            var directory = RunDirectory.Find(parsed.GetValue(runs)!, parsed.GetValue(id));
            var file = parsed.GetValue(path) ?? Path.Combine(directory.Folder, "report.html");
            try
            {
                HtmlReport.Write(file, RunRecord.Read(directory));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigException($"--out {file}: cannot be written ({e.Message})");
            }
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, new { File = file });
                return;
            }
            output.WriteLine(file);
        });
        return command;
    }
}
