namespace AlignProp.House.Tests;

/// <summary>Things that use each other, directly or in a circle.</summary>
internal static class Cycles
{
    private const int Reasons = 6;

    /// <returns>The shortest circle through each thing, once, with what makes each of its edges.</returns>
    public static IReadOnlyList<string> Of(IReadOnlyCollection<Edge> edges)
    {
        var next = edges.Where(e => e.From != e.To).GroupBy(e => e.From)
            .ToDictionary(g => g.Key, g => g.Select(e => e.To).Distinct().Order(StringComparer.Ordinal).ToList());
        return [.. next.Keys.Order(StringComparer.Ordinal)
            .Select(start => Shortest(start, next)).OfType<IReadOnlyList<string>>()
            .DistinctBy(circle => string.Join('\n', circle.Order(StringComparer.Ordinal)))
            .OrderBy(c => c.Count).Select(c => Describe(c, edges))];
    }

    /// <summary>Breadth first from a node back to itself; null where no way leads back.</summary>
    private static List<string>? Shortest(string start, Dictionary<string, List<string>> next)
    {
        var before = new Dictionary<string, string>();
        var queue = new Queue<string>([start]);
        while (queue.TryDequeue(out var at))
        {
            foreach (var to in next.GetValueOrDefault(at) ?? [])
            {
                if (to == start)
                {
                    List<string> way = [at];
                    while (way[^1] != start)
                    {
                        way.Add(before[way[^1]]);
                    }
                    way.Reverse();
                    return way;
                }
                if (before.TryAdd(to, at))
                {
                    queue.Enqueue(to);
                }
            }
        }
        return null;
    }

    private static string Describe(IReadOnlyList<string> circle, IReadOnlyCollection<Edge> edges)
    {
        var lines = new List<string> { string.Join(" -> ", circle.Append(circle[0])) };
        foreach (var (from, to) in circle.Zip(circle.Skip(1).Append(circle[0])))
        {
            var reasons = edges.Where(e => e.From == from && e.To == to).Select(e => e.Why).Distinct()
                .Order(StringComparer.Ordinal).ToList();
            var more = reasons.Count - Reasons;
            var told = reasons.Take(Reasons).Concat(more > 0 ? [$"and {more} more"] : []);
            lines.Add($"  {from} -> {to}: {string.Join(", ", told)}");
        }
        return string.Join('\n', lines);
    }
}
