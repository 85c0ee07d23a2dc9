using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Leading;

/// <summary>Of several processes in one run's folder, who leads, and what the others leave alone.</summary>
public sealed class RunLeadTests : IDisposable
{
    private readonly string _runs = Directory.CreateTempSubdirectory("alignprop-lead-").FullName;

    public void Dispose() => Directory.Delete(_runs, recursive: true);

    [Fact]
    public void A_second_one_is_refused_with_who_leads_and_since_when()
    {
        var run = Run("one");
        using (RunLead.Take(run))
        {
            Assert.True(RunLead.IsLed(run));
            var refusal = Assert.Throws<ConfigException>(() => RunLead.Take(run)).Message;
            Assert.StartsWith($"one is being led by process {Environment.ProcessId} on {Environment.MachineName} since 20",
                refusal, StringComparison.Ordinal);
            Assert.Contains("--take-over", refusal, StringComparison.Ordinal);
        }
        Assert.False(RunLead.IsLed(run));
        Assert.Null(RunLead.Of(run));
        using var next = RunLead.Take(run);
        Assert.True(next.IsOurs);
    }

    [Fact]
    public async Task One_that_takes_over_keeps_its_files_when_the_deposed_one_ends()
    {
        var run = Run("two");
        var old = RunLead.Take(run);
        old.Publish(run.Url, "http://old");
        using var newer = RunLead.Take(run, takeOver: true);
        newer.Publish(run.Url, "http://newer");
        Assert.Equal((false, true), (old.IsOurs, newer.IsOurs));
        old.Dispose();
        Assert.Equal("http://newer", File.ReadAllText(run.Url));
        // The lock goes over to it when the old one lets it go.
        await Wait.UntilAsync(() => RunLead.IsLed(run), () => "the lock was not taken");
        Assert.True(newer.IsOurs);
        newer.Dispose();
        Assert.False(File.Exists(run.Url));
    }

    [Fact]
    public async Task One_that_waits_leads_when_the_other_one_has_gone_and_writes_its_files_then()
    {
        var run = Run("three");
        var leader = RunLead.Take(run);
        leader.Publish(run.Url, "http://leader");
        using var standby = RunLead.Take(run, waits: true);
        standby.Publish(run.Url, "http://standby");
        Assert.Equal("http://leader", File.ReadAllText(run.Url));
        Assert.False(standby.IsOurs);
        leader.Dispose();
        await Wait.UntilAsync(() => File.Exists(run.Url) && File.ReadAllText(run.Url) == "http://standby",
            () => "it does not lead");
        Assert.True(standby.IsOurs);
    }

    [Fact]
    public void The_led_run_is_found_first_and_an_address_left_behind_is_no_sign_of_life()
    {
        var (dead, alive) = (Run("dead"), Run("alive"));
        RunLead.Take(dead).Dispose();
        File.WriteAllText(dead.Url, "http://127.0.0.1:1");
        using var lead = RunLead.Take(alive);
        Assert.Equal([alive.Id], RunLead.Led(_runs).Select(r => r.Id));
    }

    [Fact]
    public void Runs_are_in_the_order_in_which_they_were_begun_whatever_is_written_into_their_folders()
    {
        var begun = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        foreach (var (id, day) in new[] { ("c", 1), ("a", 2), ("b", 3) })
        {
            new RunFacts(begun.AddDays(day)).Save(Run(id));
        }
        // One of an older version: its first event says when.
        var old = Run("old");
        File.WriteAllText(old.Events, """{"number":1,"time":"2026-01-01T12:00:00+00:00","kind":"run","text":"started"}""" + "\n");
        File.WriteAllText(Path.Combine(_runs, "c", "report.html"), "made later");
        Assert.Equal(["old", "c", "a", "b"], RunDirectory.All(_runs).Select(r => r.Id));
        Assert.Equal("b", RunDirectory.Find(_runs, null).Id);
    }

    private RunDirectory Run(string id)
    {
        var run = new RunDirectory(Path.Combine(_runs, id));
        Directory.CreateDirectory(run.Folder);
        File.WriteAllText(run.Config, "run { name = \"test\" }");
        return run;
    }
}
