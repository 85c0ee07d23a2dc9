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

    public static string Pairs(RunRecord run)
    {
        var pairs = run.Pairs;
        if (pairs.Count == 0)
        {
            return "";
        }
        var text = new StringBuilder(
            "<p class=\"quiet\">Left the base model, right the adapter at the end, from the same noise; the reward of each "
            + "below it. Held-out prompts were never trained on.</p>\n<div class=\"pairs\">\n");
        foreach (var pair in pairs)
        {
            var before = Image(pair.PngBefore, $"{pair.Prompt}, before");
            var after = Image(pair.PngAfter, $"{pair.Prompt}, after");
            var badge = pair.HeldOut ? "<span class=\"badge\">held out</span>" : "";
            var direction = pair.RewardAfter >= pair.RewardBefore ? "up" : "down";
            text.Append(CultureInfo.InvariantCulture, $"<figure class=\"card\"><div class=\"two\">{before}{after}</div>");
            text.Append(CultureInfo.InvariantCulture,
                $"<div class=\"prompt\"><span>{HtmlReport.Text(pair.Prompt)}</span>{badge}</div>");
            text.Append(CultureInfo.InvariantCulture,
                $"<div class=\"rewards\"><span>{HtmlReport.Number(pair.RewardBefore, "F2")}</span>"
                + $"<span class=\"{direction}\">{HtmlReport.Number(pair.RewardAfter, "F2")}</span></div></figure>\n");
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
            text.Append(CultureInfo.InvariantCulture, $"<tr><td>{HtmlReport.Text(prompt)}</td>");
            foreach (var (step, samples) in chosen)
            {
                text.Append(samples.FirstOrDefault(s => s.Prompt == prompt && s.Seed == seed) is { } found
                    ? $"<td>{Image(found.Png, $"{prompt} after step {step}")}"
                        + $"<span>{HtmlReport.Number(found.Reward, "F2")}</span></td>"
                    : "<td></td>");
            }
            text.Append("</tr>\n");
        }
        return text.Append("</table></div>\n").ToString();
    }

    private static List<(int Step, IReadOnlyList<SamplePicture> Samples)> Spread(
        IReadOnlyList<(int Step, IReadOnlyList<SamplePicture> Samples)> all, int most) =>
        all.Count <= most ? [.. all] : [.. Enumerable.Range(0, most).Select(i => all[i * (all.Count - 1) / (most - 1)])];

    private static string Image(byte[] png, string alt) =>
        $"<img{(WidthOf(png) <= SmallSide ? " class=\"small\"" : "")} alt=\"{HtmlReport.Text(alt)}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">";

    /// <summary>The width in a PNG's first chunk; small pictures are enlarged in whole pixels.</summary>
    private static int WidthOf(byte[] png) =>
        png.Length < 24 ? int.MaxValue : BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16));
}
