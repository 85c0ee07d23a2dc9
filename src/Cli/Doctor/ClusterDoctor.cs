using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AlignProp.Cli.Display;
using AlignProp.Cli.Remote;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Doctor;

/// <summary>Looks at the cluster: database, certificates, coordinator, nodes.</summary>
internal static class ClusterDoctor
{
    private const int DaysBefore = 30;

    public static IEnumerable<Finding> Surroundings(RunStorage storage)
    {
        yield return storage.Database is null ? Finding.Ok("database", "none: journal and adapters are in the run's folder")
            : MachineDoctor.Try("database", storage.Check, "PostgreSQL answers",
                "is it running, and is the connection string right?");
        if (TlsFiles.Find() is not { } tls)
        {
            yield return Finding.Ok("certificates", "none: only the loopback is listened at");
            yield break;
        }
        yield return Certificate("certificate", tls.Certificate,
            path => X509CertificateLoader.LoadPkcs12FromFile(path, tls.Password));
        yield return Certificate("authority", tls.Authority, X509CertificateLoader.LoadCertificateFromFile);
    }

    /// <param name="client">Null where no coordinator runs.</param>
    public static async Task<List<Finding>> CoordinatorAsync(CoordinatorClient? client, CancellationToken cancellation)
    {
        if (client is null)
        {
            return [Finding.Ok("coordinator", "none runs here")];
        }
        try
        {
            var run = await client.StatusAsync(cancellation);
            var nodes = await client.NodesAsync(cancellation);
            List<Finding> findings =
            [
                run.State == "failed"
                    ? Finding.Error("coordinator", $"{run.RunId} failed: {run.Reason}",
                    $"alignprop history {run.RunId} says what happened before")
                    : run.Reason is { } reason
                        ? Finding.Warning("coordinator", $"{run.RunId} {run.State}: {reason}", "alignprop status --watch")
                    : Finding.Ok("coordinator", $"{run.RunId} {run.State}, step {run.Step} of {run.MaxSteps}"),
            ];
            findings.AddRange(nodes.Where(n => !n.State.IsInOrder()).Select(n => n.State switch
            {
                NodeState.Refused => Finding.Error(RunScreen.NameOf(n), $"refused: {n.Detail}",
                    "give it the run's model and reward files, version and precision"),
                NodeState.Benched => Finding.Error(RunScreen.NameOf(n), $"benched: {n.Detail}",
                    "see its log; start it again when its cause is gone"),
                _ => Finding.Warning(RunScreen.NameOf(n), $"{n.State.Text()}: {n.Detail}",
                    "is the machine up, and the network whole?"),
            }));
            if (nodes.Count(n => n.State is NodeState.Idle or NodeState.Computing) is var able)
            {
                findings.Add(able > 0 || run.State is "ended" or "failed" ? Finding.Ok("nodes", $"{able} devices take part")
                    : Finding.Error("nodes", "no device takes part",
                    run.Coordinator is { } address ? "start this machine's again with alignprop nodes --start, or another: "
                        + $"AlignProp.GpuNode run --coordinator {address} --devices all"
                    : "wait until the coordinator leads; it prints the address at which nodes join"));
            }
            return findings;
        }
        catch (ConfigException e)
        {
            return [Finding.Error("coordinator", e.Message, "start it, or name it with --coordinator URL --token TOKEN")];
        }
    }

    private static Finding Certificate(string what, string path, Func<string, X509Certificate2> read)
    {
        try
        {
            using var certificate = read(path);
            var days = (int)(certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow).TotalDays;
            var detail = $"{Path.GetFileName(path)} is valid until {certificate.NotAfter:yyyy-MM-dd}";
            return days < 0
                ? Finding.Error(what, $"{Path.GetFileName(path)} expired on {certificate.NotAfter:yyyy-MM-dd}",
                "make new ones: docker/certificates.sh")
                : days < DaysBefore
                    ? Finding.Warning(what, $"{detail}: {days} days", "make new ones soon: docker/certificates.sh")
                : Finding.Ok(what, detail);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return Finding.Error(what, $"{path}: {e.Message}",
                $"{TlsFiles.CertificateVariable}, {TlsFiles.AuthorityVariable} and {TlsFiles.PasswordVariable} name it; "
                + $"docker/certificates.sh makes them");
        }
    }
}
