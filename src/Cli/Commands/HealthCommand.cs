using System.CommandLine;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;

namespace AlignProp.Cli.Commands;

/// <summary>
/// <c>health</c>: for containers and service managers, which ask every few seconds. Exit code 0 = healthy, 1 = not.
/// </summary>
internal static class HealthCommand
{
    private const string Without = "no coordinator with HTTP runs here";

    public static Command Create(TextWriter output, TextWriter error)
    {
        var run = new Option<string?>("--run") { Description = "Run id; default: the newest run whose coordinator runs here." };
        var asked = new Option<string?>("--url")
        {
            Description = "Ask there instead of the coordinator that runs here, e.g. a node's --health.",
        };
        var ready = new Option<bool>("--ready")
        {
            Description = "Also ask that it does its part: a coordinator leads with a journal it can reach, or stands by, a "
                + "node's devices compute, and both are in the cluster; default: that it answers.",
        };
        var runs = RunOptions.Runs();
        var command = new Verb("health", "Whether a coordinator runs here, or a node at a URL: exit code 0 or 1.",
            "alignprop health --ready",
            "alignprop health --url http://127.0.0.1:8081 --ready")
        {
            run, asked, ready, runs,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (folder, id) = (parsed.GetValue(runs)!, parsed.GetValue(run));
            var url = parsed.GetValue(asked)?.TrimEnd('/')
                ?? (Url(folder, id) is { } file ? (await File.ReadAllTextAsync(file, cancellation)).Trim() : null);
            if (url is null)
            {
                error.WriteLine($"{(id is null ? folder : Path.Combine(folder, id))}: {Without}");
                return 1;
            }
            if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            {
                throw new ConfigException($"--url {url}: expected a URL, e.g. http://127.0.0.1:8081");
            }
            var (live, isReady, why) = await HealthProbe.AskAsync(url, cancellation);
            var healthy = live && (isReady || !parsed.GetValue(ready));
            (healthy ? output : error).WriteLine($"{url}: {why}");
            return healthy ? 0 : 1;
        });
        return command;
    }

    /// <summary>Where the coordinator wrote its URL. A killed one leaves its file behind.</summary>
    private static string? Url(string runs, string? id) => (id is not null ? [RunDirectory.Find(runs, id)] : RunLead.Led(runs))
        .Select(d => d.Url).FirstOrDefault(File.Exists);
}
