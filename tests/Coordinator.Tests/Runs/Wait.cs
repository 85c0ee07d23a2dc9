using System.Diagnostics;

namespace AlignProp.Coordinator.Tests.Runs;

internal static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    /// <summary>Waits for a condition nobody announces.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string> story)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < Patience, story());
            await Task.Delay(20);
        }
    }
}
