using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AlignProp.Web.Status;

/// <summary>
/// Whether this coordinator does its part: it leads with a journal it can reach, or it stands by. Says nothing of the run itself.
/// </summary>
public static class Health
{
    public static HealthCheckResult Journal(RunPicture picture) =>
        picture.JournalAway is null ? Of(true, "the journal can be reached") : Of(false, "the journal cannot be reached");

    /// <param name="joined">False between two actor systems, or before the cluster has let it in.</param>
    public static HealthCheckResult Cluster(bool joined) => Of(joined, joined ? "in the cluster" : "not in the cluster");

    public static HealthCheckResult Run(RunPicture picture) => picture.Phase switch
    {
        "failed" => Of(false, "failed"),
        "standby" => Of(true, "standing by"),
        "starting" => Of(false, "starting"),
        "ended" or "interrupted" => Of(true, "over"),
        _ when picture.NoDevice is not null => Of(false, "no device: waiting for nodes"),
        _ => Of(true, "leading"),
    };

    private static HealthCheckResult Of(bool healthy, string text) =>
        healthy ? HealthCheckResult.Healthy(text) : HealthCheckResult.Unhealthy(text);
}
