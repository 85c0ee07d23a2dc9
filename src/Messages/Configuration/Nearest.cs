namespace AlignProp.Messages.Configuration;

/// <summary>Which of the known words was meant.</summary>
public static class Nearest
{
    /// <summary>The known word a typo is nearest to, or null when none is near.</summary>
    /// <param name="reach">How many letters may differ; default: half of the word's.</param>
    public static string? Of(string word, IEnumerable<string> known, int? reach = null)
    {
        var all = known.ToList();
        if (word.Length == 0 || all.Count == 0)
        {
            return null;
        }
        // The last part of a key by itself, e.g. learning-rate, is meant as the whole key.
        var tail = all.Where(k => k.EndsWith("." + word, StringComparison.OrdinalIgnoreCase)).ToList();
        if (tail.Count == 1)
        {
            return tail[0];
        }
        var nearest = all.MinBy(k => Distance(word, k))!;
        return Distance(word, nearest) <= (reach ?? Math.Max(1, word.Length / 2)) ? nearest : null;
    }

    /// <summary>Letters that must be changed, put in, left out or swapped with their neighbour.</summary>
    public static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                d[i, j] = i == 0 || j == 0 ? i + j
                    : Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }
        return d[a.Length, b.Length];
    }
}
