using AlignProp.Web.Status;
using Spectre.Console;

namespace AlignProp.Cli.Display;

/// <summary>The run on a screen that stays in place, in a terminal; elsewhere one line an event.</summary>
internal static class LiveDisplay
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Shows until <paramref name="done"/> completes.</summary>
    public static async Task ShowAsync(RunMonitor monitor, RunLines lines, TextWriter output, bool interactive, Task done)
    {
        if (!interactive)
        {
            lines.Line += output.WriteLine;
            await Task.WhenAny(done);
            // The run's summary is the end: that nodes leave after it is no news.
            lines.Line -= output.WriteLine;
            return;
        }
        // What was told before this sitting is history.
        var before = monitor.Events is [.., var last] ? last.Number : 0;
        await AnsiConsole.Live(Screen()).AutoClear(false).Overflow(VerticalOverflow.Crop)
            .Cropping(VerticalOverflowCropping.Bottom).StartAsync(async context =>
        {
            while (!done.IsCompleted)
            {
                context.UpdateTarget(Screen());
                await Task.WhenAny(done, Task.Delay(Interval));
            }
            context.UpdateTarget(Screen());
        });

        Spectre.Console.Rendering.IRenderable Screen() => RunScreen.Render(monitor.Live(before), AnsiConsole.Profile.Width);
    }
}
