using System.Globalization;

namespace AlignProp.Chaos;

/// <summary>One failure that was made, and how long it cost.</summary>
/// <param name="Noticed">Seconds until a coordinator said so (its shards are leased again; it took over; it paused).</param>
/// <param name="NextStep">Seconds until the next step was committed.</param>
internal sealed record Failure(FailureKind Kind, string Target, int AtStep, double? Noticed, double NextStep);

/// <summary>The undisturbed run, the run with failures, and the comparison of every step's adapter.</summary>
internal sealed class ChaosRun(ChaosPlan plan, string folder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    /// <summary>An adapter differs from the undisturbed run's, a step is missing, or the run did not go on.</summary>
    private const int Broken = 1;

    /// <summary>Everything is equal, but the run was over before every failure was made: it shows less than it was to.</summary>
    private const int TooShort = 3;

    private readonly Random _random = new(plan.Seed);
    private readonly List<Failure> _failures = [];
    private bool _databaseWasAwayForAMinute;

    /// <returns>0 when every failure was made and every step's adapter is the undisturbed run's; else one of the above.</returns>
    public async Task<int> RunAsync()
    {
        var sequence = plan.Sequence(_random);
        string[] train = ["emoji-preference", "--set", $"stopping.max-epochs={plan.EpochsFor(sequence)}",
            "--set", "evaluation.every-epochs=4"];
        var model = plan.Simulated ? "made-up gradients" : "the shipped model";
        var places = plan.Hosts
            ? "hosts in network namespaces under TLS, PostgreSQL, a standby" : "loopback, SQLite, one coordinator";
        Console.WriteLine($"seed {plan.Seed}: {plan.Failures} failures; {model}, {places}");
        Console.WriteLine("the undisturbed run ...");
        var expected = await Cluster.UndisturbedAsync(plan, train, folder);
        Console.WriteLine($"  {expected.Count} steps, adapter {expected[^1].Adapter}");
        using var cluster = new Cluster(plan, folder);
        try
        {
            await cluster.BeginAsync(train);
            cluster.AddNode();
            cluster.AddNode();
            await Cluster.Until("the first step", () => cluster.Step >= 1, Patience);
            foreach (var kind in sequence)
            {
                if (cluster.IsOver)
                {
                    break;
                }
                await MakeAsync(kind, cluster);
            }
            await Cluster.Until("the end of the run", () => cluster.IsOver, TimeSpan.FromMinutes(15));
            await Cluster.Until("every process to end by itself",
                () => cluster.Nodes.Concat(cluster.Coordinators.OfType<Member>()).All(m => !m.IsRunning),
                TimeSpan.FromSeconds(180));
        }
        catch (TimeoutException e)
        {
            Console.WriteLine($"FAILED: {e.Message}");
            foreach (var (at, text) in cluster.Said.TakeLast(25))
            {
                Console.WriteLine($"  {at:HH:mm:ss.fff} {text}");
            }
            return Broken;
        }
        return Report(expected, cluster.Commits());
    }

    private async Task MakeAsync(FailureKind kind, Cluster cluster)
    {
        var (step, at) = (cluster.Step, DateTime.UtcNow);
        await Task.Delay(TimeSpan.FromSeconds(_random.NextDouble() * (plan.Simulated ? 0.6 : 3)));
        var alive = cluster.Nodes.Where(n => n.IsRunning).ToList();
        // One that takes part, if there is one.
        var working = alive.Where(n => cluster.Said.Any(l => l.Text.StartsWith($"{n.Name} joined", StringComparison.Ordinal)))
            .ToList();
        var node = (working.Count > 0 ? working : alive)[_random.Next(working.Count > 0 ? working.Count : alive.Count)];
        var leader = cluster.Leader;
        var struck = kind switch
        {
            FailureKind.KillCoordinator or FailureKind.CutCoordinator => cluster.Coordinators[leader]!.Name,
            FailureKind.KillEverything or FailureKind.DatabaseAway or FailureKind.JoinNode => "",
            _ => node.Name,
        };
        Console.WriteLine($"{DateTime.Now:HH:mm:ss}  step {step,2}  {kind} {struck}");
        at = DateTime.UtcNow;
        (string Target, string Marker, DateTime Since) = kind switch
        {
            FailureKind.KillNode => await KillNodeAsync(cluster, node, at),
            FailureKind.HangNode => await HangAsync(node, at),
            FailureKind.DrainNode => await DrainAsync(cluster, node, at),
            FailureKind.JoinNode => Join(cluster, at),
            FailureKind.KillCoordinator => await KillCoordinatorAsync(cluster, leader, at),
            FailureKind.KillEverything => await KillEverythingAsync(cluster, at),
            FailureKind.CutNode => await CutAsync(node.Host, node.Name, $"{node.Name}/", 12, at),
            FailureKind.CutCoordinator => await CutCoordinatorAsync(cluster, leader, at),
            _ => await DatabaseAwayAsync(cluster, at),
        };
        DateTime? Find(Func<string, bool> which) => cluster.Said.Where(l => l.At > Since && which(l.Text))
            .Select(l => (DateTime?)l.At).FirstOrDefault();
        await Cluster.Until($"a step after {kind} {Target}",
            () => cluster.IsOver || Find(t => Cluster.StepLine().IsMatch(t)) is not null, Patience);
        var (noticed, next) = (Find(t => t.Contains(Marker, StringComparison.Ordinal)),
            Find(t => Cluster.StepLine().IsMatch(t)) ?? DateTime.UtcNow);
        _failures.Add(new Failure(kind, Target, step, noticed is { } n ? (n - Since).TotalSeconds : null,
            (next - Since).TotalSeconds));
        Console.WriteLine(
            $"          noticed after {(noticed is { } seen ? $"{(seen - Since).TotalSeconds:F1} s" : "-")}, next step after "
            + $"{(next - Since).TotalSeconds:F1} s");
        // Two nodes at least, three at most.
        while (cluster.Nodes.Count(n => n.IsRunning) < 2 && !cluster.IsOver)
        {
            cluster.AddNode();
        }
    }

    private async Task<(string, string, DateTime)> KillNodeAsync(Cluster cluster, Member node, DateTime at)
    {
        node.Kill();
        await Task.Delay(TimeSpan.FromSeconds(_random.NextDouble() * 2));
        cluster.AddNode();
        return (node.Name, $"{node.Name}/", at);
    }

    private static async Task<(string, string, DateTime)> HangAsync(Member node, DateTime at)
    {
        node.Hang();
        await Task.Delay(TimeSpan.FromSeconds(8));
        node.Wake();
        return (node.Name, $"{node.Name}/", at);
    }

    private static async Task<(string, string, DateTime)> DrainAsync(Cluster cluster, Member node, DateTime at)
    {
        node.Drain();
        cluster.AddNode();
        await Cluster.Until($"{node.Name} to drain", () => !node.IsRunning, TimeSpan.FromSeconds(60));
        return node.ExitCode == 0 ? (node.Name, $"{node.Name} leaving", at)
            : throw new TimeoutException($"{node.Name} drained with exit code {node.ExitCode}, expected 0");
    }

    private static (string, string, DateTime) Join(Cluster cluster, DateTime at)
    {
        if (cluster.Nodes.Count(n => n.IsRunning) >= 3)
        {
            cluster.Nodes.First(n => n.IsRunning).Drain();
        }
        var node = cluster.AddNode();
        return (node.Name, $"{node.Name} joined", at);
    }

    private static async Task<(string, string, DateTime)> KillCoordinatorAsync(Cluster cluster, int leader, DateTime at)
    {
        var name = cluster.Coordinators[leader]!.Name;
        cluster.Coordinators[leader]!.Kill();
        if (cluster.Coordinators.Length == 1)
        {
            await Task.Delay(300);
            cluster.Resume(leader);
            return (name, "resumed at step", at);
        }
        await Cluster.Until("the standby to take over",
            () => cluster.Said.Any(l => l.At > at && l.Text.StartsWith("resumed at step", StringComparison.Ordinal)), Patience);
        cluster.StandBy(leader);
        return ($"{name} (standby takes over)", "resumed at step", at);
    }

    private static async Task<(string, string, DateTime)> KillEverythingAsync(Cluster cluster, DateTime at)
    {
        foreach (var member in cluster.Nodes.Concat(cluster.Coordinators.OfType<Member>()).Where(m => m.IsRunning))
        {
            member.Kill();
        }
        await Task.Delay(500);
        cluster.Resume(0);
        cluster.AddNode();
        cluster.AddNode();
        cluster.StandBy(1);
        return ("all processes", "resumed at step", at);
    }

    private static async Task<(string, string, DateTime)> CutAsync(int host, string target, string marker, int seconds,
        DateTime at)
    {
        Hosts.Silence(host);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        Hosts.Heal();
        return (target, marker, at);
    }

    private static async Task<(string, string, DateTime)> CutCoordinatorAsync(Cluster cluster, int leader, DateTime at)
    {
        var cut = cluster.Coordinators[leader]!;
        Hosts.Silence(cut.Host);
        await Cluster.Until("the standby to take over",
            () => cluster.Said.Any(l => l.At > at && l.Text.StartsWith("resumed at step", StringComparison.Ordinal)), Patience);
        await Task.Delay(TimeSpan.FromSeconds(5));
        Hosts.Heal();
        await Cluster.Until($"{cut.Name} to step back",
            () => cut.Lines.Any(l => l.At > at && l.Text.Contains("joining the cluster again", StringComparison.Ordinal)),
            Patience);
        return ($"{cut.Name} (standby takes over)", "resumed at step", at);
    }

    private async Task<(string, string, DateTime)> DatabaseAwayAsync(Cluster cluster, DateTime at)
    {
        var seconds = _databaseWasAwayForAMinute ? 10 : 60;
        _databaseWasAwayForAMinute = true;
        cluster.Database!.Stop();
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        var said = cluster.Said.Any(l => l.At > at && l.Text.StartsWith("paused at step", StringComparison.Ordinal));
        var back = DateTime.UtcNow;
        cluster.Database.Begin();
        return ($"for {seconds} s{(said ? ", the run said it paused" : "")}", "resumed at step", back);
    }

    private int Report(IReadOnlyList<Commit> expected, IReadOnlyList<Commit> commits)
    {
        Console.WriteLine("\n| failure | at step | noticed after s | next step committed after s |\n|---|---|---|---|");
        foreach (var f in _failures)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {f.Kind} {f.Target} | {f.AtStep} | "
                + $"{(f.Noticed is { } n ? n.ToString("F1", CultureInfo.InvariantCulture) : "-")} | {f.NextStep:F1} |"));
        }
        Console.WriteLine("\n| step | undisturbed | with failures | term | |\n|---|---|---|---|---|");
        var wrong = 0;
        foreach (var e in expected)
        {
            var found = commits.Where(c => c.Step == e.Step).ToList();
            var equal = found.Count == 1 && found[0].Adapter == e.Adapter;
            wrong += equal ? 0 : 1;
            Console.WriteLine(
                $"| {e.Step} | {e.Adapter[..16]} | "
                + $"{(found.Count == 1 ? found[0].Adapter[..16] : $"committed {found.Count} times")} | "
                + $"{(found.Count > 0 ? found[0].Term : 0)} | {(equal ? "equal" : "DIFFERENT")} |");
        }
        var terms = commits.Select(c => c.Term).Distinct().Count();
        Console.WriteLine(
            $"\n{_failures.Count} failures, {commits.Count} steps committed by {terms} coordinator lives, {wrong} different; "
            + $"last adapter {commits[^1].Adapter}");
        if (wrong > 0 || commits.Count != expected.Count)
        {
            Console.WriteLine($"chaos: FAILED: {wrong} steps differ, {commits.Count} of {expected.Count} were committed "
                + $"(exit code {Broken})");
            return Broken;
        }
        if (_failures.Count != plan.Failures)
        {
            Console.WriteLine($"chaos: every step's adapter is the undisturbed run's, but only {_failures.Count} of "
                + $"{plan.Failures} failures were made before the run was over (exit code {TooShort})");
            return TooShort;
        }
        Console.WriteLine("chaos: every step's adapter is the undisturbed run's");
        return 0;
    }
}
