using Spectre.Console;

namespace AlignProp.Coordinator.Commands;

/// <summary>The run's state as a table that stays in place, in a terminal; elsewhere one line an event.</summary>
internal static class LiveDisplay
{
    /// <summary>Shows until <paramref name="done"/> completes.</summary>
    public static async Task ShowAsync(RunView view, TextWriter output, bool interactive, Task done)
    {
        if (!interactive)
        {
            view.Line += output.WriteLine;
            await Task.WhenAny(done);
            return;
        }
        await AnsiConsole.Live(Render(view)).AutoClear(false).StartAsync(async context =>
        {
            while (!done.IsCompleted)
            {
                context.UpdateTarget(Render(view));
                await Task.WhenAny(done, Task.Delay(250));
            }
            context.UpdateTarget(Render(view));
        });
    }

    private static Table Render(RunView view)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("").AddColumn("");
        foreach (var (key, value) in view.Rows())
        {
            table.AddRow($"[grey]{Markup.Escape(key)}[/]", Markup.Escape(value));
        }
        return table;
    }
}
