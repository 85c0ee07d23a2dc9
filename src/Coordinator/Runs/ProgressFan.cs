namespace AlignProp.Coordinator.Runs;

/// <summary>Tells several listeners, in order; one that fails does not keep the others from knowing.</summary>
public sealed class ProgressFan(params IReadOnlyList<IProgress<RunProgress>> listeners) : IProgress<RunProgress>
{
    public void Report(RunProgress value)
    {
        Exception? failure = null;
        foreach (var listener in listeners)
        {
            try
            {
                listener.Report(value);
            }
            catch (Exception e) when (
                e is IOException or UnauthorizedAccessException or InvalidDataException or System.Data.Common.DbException)
            {
                failure ??= e;
            }
        }
        if (failure is not null)
        {
            throw new IOException(failure.Message, failure);
        }
    }
}
