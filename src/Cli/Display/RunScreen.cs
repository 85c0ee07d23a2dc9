using System.Globalization;
using AlignProp.Coordinator.Runs;
using AlignProp.Web.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AlignProp.Cli.Display;

/// <summary>
/// A run on one screen: progress of epoch, step and shards, rewards and their trend, devices, last events, time left. Pure:
/// status and width to lines.
/// </summary>
internal static class RunScreen
{
    private const int Events = 5;
    private const int KeyWidth = 9;
    private const string Sparks = "▁▂▃▄▅▆▇█";

    /// <param name="Style">A Spectre style for the whole text.</param>
    internal sealed record Line(string Key, string Text, string Style = "default");

    public static IRenderable Render(LiveStatus status, int width) => new Rows(Lines(status, width)
        .Select(l => (IRenderable)new Markup(
            $"[grey]{Markup.Escape(l.Key.PadRight(l.Key.Length == 0 ? 0 : KeyWidth))}[/][{l.Style}]{Markup.Escape(l.Text)}[/]")));

    public static void Write(TextWriter output, LiveStatus status, bool interactive)
    {
        if (interactive)
        {
            AnsiConsole.Write(Render(status, AnsiConsole.Profile.Width));
            return;
        }
        foreach (var line in Lines(status, 110))
        {
            output.WriteLine((line.Key.PadRight(line.Key.Length == 0 ? 0 : KeyWidth) + line.Text).TrimEnd());
        }
    }

    public static IReadOnlyList<Line> Lines(LiveStatus status, int width)
    {
        var run = status.Run;
        var room = Math.Max(20, width - 1);
        var bar = Math.Clamp(room - KeyWidth - 34, 8, 30);
        List<Line> lines =
            [new("", Cut($"{run.RunId}   {run.State}{(run.Reason is null ? "" : $": {run.Reason}")}", room), StyleOf(run.State))];
        if (run.MaxSteps > 0)
        {
            var perEpoch = (double)run.MaxSteps / Math.Max(1, run.Epochs);
            var begun = run.Shards is { Evaluation: false } working ? working.Fraction : 0;
            var ofEpoch = run.Step == run.MaxSteps ? 1 : (run.Step + begun) % perEpoch / perEpoch;
            Add("epoch", $"{Bar(ofEpoch, bar)} {run.Epoch} of {run.Epochs}");
            Add("step", $"{Bar((run.Step + begun) / run.MaxSteps, bar)} {run.Step} of "
                + $"{run.MaxSteps}{(run.SecondsPerStep is { } s ? Text($"   {s:F1} s each") : "")}{Left(run.SecondsLeft)}");
        }
        if (run.Shards is { } shards)
        {
            Add(shards.Evaluation ? "evaluate" : "shards",
                $"{Bar(shards.Fraction, bar)} {shards.Done} of {shards.Total}   {shards.Leased} in "
                + $"work{(shards.Evaluation ? "" : $", step {shards.Step}")}");
        }
        var trend = Sparkline(run.RewardTrend, Math.Clamp(room - KeyWidth - 26, 8, 60));
        Add("reward", run.Reward is { } reward ? Text($"{reward:F3}   {trend}   |g| {run.GradNorm ?? 0:F3}") : "-");
        Add("held-out", run.HeldOut is not { } held ? "-" : Text($"{held.Last:F3}   (start {held.First:F3}, ")
            + Text($"{held.Last - held.First:+0.000;-0.000})   diversity {held.Diversity:F3}"));
        if (run.Adapter is { Length: > 0 } adapter)
        {
            Add("adapter", adapter);
        }
        lines.AddRange(Devices(status.Nodes, room));
        if (status.Events.Count > 0)
        {
            lines.Add(new Line("", ""));
            // The steps are above; these few lines are for what is not ordinary.
            lines.AddRange(status.Events.Where(e => e.Kind != EventEntry.StepKind).TakeLast(Events)
                .Select(e => new Line("", Cut($"{e.Time.ToLocalTime():HH:mm:ss} {e.Text}", room), e.Kind == "failure" ? "red"
                : e.Kind is "takeover" or "control" ? "yellow" : "grey")));
        }
        return lines;

        void Add(string key, string text) => lines.Add(new Line(key, Cut(text, room - KeyWidth)));
    }

    public static string NameOf(NodeStatus node) => node.Device.Length == 0 ? node.Node : $"{node.Node}/{node.Device}";

    public static string Memory(long bytes) => bytes == 0 ? "-" : bytes < 10L << 30 ? $"{bytes >> 20} MB"
        : Text($"{bytes / (double)(1L << 30):F1} GB");

    /// <summary>The last values as bars of eight heights, the least as the lowest.</summary>
    public static string Sparkline(IReadOnlyList<double> values, int width)
    {
        var shown = values.Where(double.IsFinite).TakeLast(width).ToList();
        if (shown.Count == 0)
        {
            return "";
        }
        var (least, range) = (shown.Min(), shown.Max() - shown.Min());
        return string.Concat(shown.Select(v => Sparks[range == 0 ? 3 : (int)Math.Min(7, (v - least) / range * 8)]));
    }

    public static string Bar(double fraction, int width)
    {
        var full = (int)Math.Round((double.IsFinite(fraction) ? Math.Clamp(fraction, 0, 1) : 0) * width);
        return new string('━', full) + new string('╌', width - full);
    }

    private static IEnumerable<Line> Devices(IReadOnlyList<NodeStatus> nodes, int room)
    {
        if (nodes.Count == 0)
        {
            yield break;
        }
        yield return new Line("", "");
        // The narrower the screen, the fewer columns.
        var (wide, name) = (room >= 66, Math.Clamp(nodes.Max(n => NameOf(n).Length), 6, Math.Max(12, room / 3)));
        yield return new Line("",
            Cut($"{"device".PadRight(name)}  {"state",-9}  {"shard",5} {(wide ? $"{"",8}  {"per min",7}  {"peak",8}  " : " ")}",
            room), "grey");
        foreach (var node in nodes)
        {
            var work = wide ? $"{node.Shard?.ToString(CultureInfo.InvariantCulture) ?? "-",5} "
                + $"{(node.Shard is null ? new string(' ', 8) : Bar(node.Fraction, 8))}  {Text($"{node.ShardsPerMinute:F1}"),7}  "
                + $"{Memory(node.PeakMemory),8}  "
                : $"{node.Shard?.ToString(CultureInfo.InvariantCulture) ?? "-",5}  ";
            yield return new Line("",
                Cut($"{Cut(NameOf(node), name).PadRight(name)}  {node.State.Text(),-9}  {work}{node.Detail}", room),
                StyleOf(node.State.Text()));
        }
    }

    private static string Left(double? seconds) => seconds is { } s && double.IsFinite(s)
        ? $"   {TimeSpan.FromSeconds(s):h\\:mm\\:ss} left" : "";

    private static string StyleOf(string state) => state switch
    {
        "failed" or "benched" or "refused" or "lost" or "cut off" or "silent" => "red",
        "paused" or "waiting" or "interrupted" or "leaving" or "starting" or "standby" => "yellow",
        "ended" or "left" => "grey",
        _ => "default",
    };

    private static string Cut(string text, int room) => text.Length <= room ? text : text[..Math.Max(1, room - 1)] + "…";

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
