namespace AlignProp.Web.Status;

/// <summary>Whether this coordinator does its part: it leads with a journal it can reach, or it stands by. Says nothing of the run itself.</summary>
public static class Health
{
    public static (bool Ready, string Why) Ready(RunPicture picture) => picture switch
    {
        { Phase: "failed" } => (false, "failed"),
        { JournalAway: not null } => (false, "the journal cannot be reached"),
        { Phase: "standby" } => (true, "standing by"),
        { Phase: "starting" } => (false, "starting"),
        { Phase: "ended" or "interrupted" } => (true, "over"),
        _ => (true, "leading"),
    };
}
