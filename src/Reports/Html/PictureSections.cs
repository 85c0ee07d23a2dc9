using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace AlignProp.Reports.Html;

/// <summary>The pictures, embedded.</summary>
internal static class PictureSections
{
    private const int MostEvaluations = 9;
    private const int MostPrompts = 8;
    private const int SmallSide = 96;

    private sealed record Side(string Label, double Reward, byte[] Png);

    private sealed record Pair(string Prompt, bool HeldOut, Side Before, Side After);

    /// <summary>Of the run's own prompts: the base model's pictures beside the adapter's.</summary>
    public static string Pairs(RunRecord run) => Pairs("Left the base model, right the adapter at the end, from the "
        + "same noise; the reward of each below it. Held-out prompts were never trained on.",
        [.. run.Pairs.Select(p => new Pair(p.Prompt, p.HeldOut, new Side("base model", p.RewardBefore, p.PngBefore),
            new Side("adapter", p.RewardAfter, p.PngAfter)))]);

    /// <summary>The last pictures of two runs, of the prompts and seeds that both have; each counts by its own reward.</summary>
    public static string Pairs((string Name, RunRecord Run) a, (string Name, RunRecord Run) b)
    {
        var others = b.Run.After.DistinctBy(p => (p.Prompt, p.Seed)).ToDictionary(p => (p.Prompt, p.Seed));
        return Pairs($"Left {HtmlPage.Text(a.Name)}, right {HtmlPage.Text(b.Name)}, each after its last evaluation, from the "
            + "same noise; below it the reward of its own run.",
            [.. a.Run.After.Where(p => others.ContainsKey((p.Prompt, p.Seed))).Select(p => (A: p, B: others[(p.Prompt, p.Seed)]))
                .Select(p => new Pair(p.A.Prompt, p.A.HeldOut && p.B.HeldOut, new Side(a.Name, p.A.Reward, p.A.Png),
                    new Side(b.Name, p.B.Reward, p.B.Png)))]);
    }

    private static string Pairs(string words, IReadOnlyList<Pair> pairs)
    {
        if (pairs.Count == 0)
        {
            return "";
        }
        var text = new StringBuilder($"<p class=\"quiet\">{words}</p>\n<div class=\"pairs\">\n");
        foreach (var (prompt, heldOut, before, after) in pairs)
        {
            var badge = heldOut ? "<span class=\"badge\">held out</span>" : "";
            var direction = after.Reward >= before.Reward ? "up" : "down";
            text.Append(CultureInfo.InvariantCulture,
                $"<figure class=\"card\" data-prompt=\"{HtmlPage.Text(prompt)}\"><button type=\"button\" class=\"two\" "
                + $"title=\"larger\">{Image(before, prompt)}{Image(after, prompt)}</button>");
            text.Append(CultureInfo.InvariantCulture,
                $"<div class=\"prompt\"><span>{HtmlPage.Text(prompt)}</span>{badge}</div>");
            text.Append(CultureInfo.InvariantCulture,
                $"<div class=\"rewards\"><span>{HtmlPage.Number(before.Reward, "F2")}</span>"
                + $"<span class=\"{direction}\">{HtmlPage.Number(after.Reward, "F2")}</span></div></figure>\n");
        }
        return text.Append("</div>\n").ToString();
    }

    /// <summary>Some prompts over all kept evaluations, evenly chosen.</summary>
    public static string Progression(RunRecord run)
    {
        if (run.Progression.Count < 3)
        {
            return "";
        }
        var chosen = Spread(run.Progression, MostEvaluations);
        var prompts = chosen[^1].Samples.Select(s => (s.Prompt, s.Seed)).Distinct().Take(MostPrompts).ToList();
        var text = new StringBuilder(
            "<p class=\"quiet\">The same noise after each evaluated step, with its reward.</p>\n"
            + "<div class=\"scroll\"><table class=\"steps\">\n<tr><th>prompt</th>")
            .AppendJoin("", chosen.Select(c => $"<th>{(c.Step == 0 ? "base" : $"step {c.Step}")}</th>")).Append("</tr>\n");
        foreach (var (prompt, seed) in prompts)
        {
            text.Append(CultureInfo.InvariantCulture, $"<tr><td>{HtmlPage.Text(prompt)}</td>");
            foreach (var (step, samples) in chosen)
            {
                text.Append(samples.FirstOrDefault(s => s.Prompt == prompt && s.Seed == seed) is { } found
                    ? $"<td>{Image(found.Png, $"{prompt} after step {step}")}"
                        + $"<span>{HtmlPage.Number(found.Reward, "F2")}</span></td>"
                    : "<td></td>");
            }
            text.Append("</tr>\n");
        }
        return text.Append("</table></div>\n").ToString();
    }

    private static List<(int Step, IReadOnlyList<SamplePicture> Samples)> Spread(
        IReadOnlyList<(int Step, IReadOnlyList<SamplePicture> Samples)> all, int most) =>
        all.Count <= most ? [.. all] : [.. Enumerable.Range(0, most).Select(i => all[i * (all.Count - 1) / (most - 1)])];

    private static string Image(Side side, string prompt) => Image(side.Png, $"{prompt}, {side.Label}", string.Create(
        CultureInfo.InvariantCulture, $" data-label=\"{HtmlPage.Text(side.Label)}\" data-reward=\"{side.Reward}\""));

    private static string Image(byte[] png, string alt, string data = "") =>
        $"<img{data}{(WidthOf(png) <= SmallSide ? " class=\"small\"" : "")} alt=\"{HtmlPage.Text(alt)}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">";

    /// <summary>The width in a PNG's first chunk; small pictures are enlarged in whole pixels.</summary>
    private static int WidthOf(byte[] png) =>
        png.Length < 24 ? int.MaxValue : BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16));
}
