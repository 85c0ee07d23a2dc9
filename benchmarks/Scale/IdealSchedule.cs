namespace AlignProp.Benchmarks.Scale;

/// <summary>
/// What a step takes when handing out, transfers and the optimizer cost nothing: a free device takes the next shard in order.
/// </summary>
internal static class IdealSchedule
{
    public static double Seconds(IEnumerable<double> shards, int devices)
    {
        var free = new PriorityQueue<int, double>(Enumerable.Range(0, devices).Select(d => (d, 0.0)));
        var end = 0.0;
        foreach (var seconds in shards)
        {
            free.TryDequeue(out var device, out var from);
            free.Enqueue(device, from + seconds);
            end = Math.Max(end, from + seconds);
        }
        return end;
    }
}
