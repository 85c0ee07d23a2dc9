using System.Text.Json;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Runs;
using AlignProp.Coordinator.Tests.Verbs;

namespace AlignProp.Coordinator.Tests.Leading;

/// <summary>A real coordinator process: a second start, and the end of its terminal.</summary>
public sealed class HangUpTests : IDisposable
{
    private readonly string _runs = Directory.CreateTempSubdirectory("alignprop-hangup-").FullName;

    public void Dispose() => Directory.Delete(_runs, recursive: true);

    [Fact]
    public async Task A_second_start_is_refused_and_one_that_is_hung_up_ends_in_order()
    {
        var run = new RunDirectory(Path.Combine(_runs, "hung"));
        string[] train = ["train", "emoji-preference", "--nodes", "0", "--http", "off", "--runs", _runs, "--id", "hung"];
        using var process = new CoordinatorProcess(train);
        await Wait.UntilAsync(() => File.Exists(run.Address), () => "it does not lead");

        foreach (var line in new[] { train, ["resume", "hung", "--nodes", "0", "--http", "off", "--runs", _runs] })
        {
            var (refused, _, error) = await CommandLine.RunAsync(line);
            Assert.True(refused == 2, error);
            Assert.Contains("hung is being led by process ", error);
        }
        Assert.Equal("running", await StateAsync());

        process.HangUp();
        var (code, said) = await process.ExitAsync();
        Assert.True(code == 130, said);
        Assert.Contains("everything up to the last committed step is kept", said);
        Assert.False(File.Exists(run.Address));
        Assert.Equal("interrupted", await StateAsync());
    }

    private async Task<string?> StateAsync()
    {
        var (_, output, _) = await CommandLine.RunAsync("runs", "--runs", _runs, "--json");
        return Assert.Single(JsonDocument.Parse(output).RootElement.EnumerateArray()).GetProperty("state").GetString();
    }
}
