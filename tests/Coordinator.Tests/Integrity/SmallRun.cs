using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Verbs;
using AlignProp.Messages;
using AlignProp.Reports;

namespace AlignProp.Coordinator.Tests.Integrity;

/// <summary>
/// A run of four steps with made-up gradients, made once; each test gets a copy to damage. Computed by a real node process.
/// </summary>
public sealed class SmallRun : IAsyncLifetime
{
    private const string Id = "small";

    private static readonly string[] Sizes =
    [
        "--set", "sampling.steps=2", "--set", "batch.size=2", "--set", "batch.shard-size=1", "--set", "batch.steps-per-epoch=1",
        "--set", "stopping.max-epochs=4", "--set", "stopping.min-diversity=0", "--set", "evaluation.samples-per-prompt=1",
        "--set", "evaluation.grid-prompts=2", "--set", "evaluation.every-epochs=2",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-small-").FullName;
    private int _copies;

    /// <summary>The adapter's hash after each step, of the run that nothing happened to.</summary>
    public IReadOnlyList<string> Hashes { get; private set; } = [];

    public async Task InitializeAsync()
    {
        Environment.SetEnvironmentVariable("ALIGNPROP_COMPUTE", "simulated");
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "5ms");
        var (code, output, error) = await CommandLine.RunAsync(
            ["train", "emoji-preference", .. Sizes, "--nodes", "1", "--http", "off", "--runs", _folder, "--id", Id]);
        Assert.True(code == 0, output + error);
        Hashes = HashesOf(new RunDirectory(Path.Combine(_folder, Id)));
        Assert.Equal(4, Hashes.Count);
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    public static IReadOnlyList<string> HashesOf(RunDirectory run) =>
        [.. RunJournal.Read(run).Select(e => e.Event).OfType<StepCommittedEvent>().Select(e => e.AdapterHash.Value)];

    internal Damaged Copy() => new(Path.Combine(_folder, $"copy-{++_copies}"), Path.Combine(_folder, Id));

    /// <summary>A copy of the run in a folder of runs of its own.</summary>
    internal sealed class Damaged
    {
        public Damaged(string runs, string from)
        {
            (Runs, Directory) = (runs, new RunDirectory(Path.Combine(runs, Id)));
            foreach (var file in System.IO.Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            {
                var to = Path.Combine(Directory.Folder, Path.GetRelativePath(from, file));
                System.IO.Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Copy(file, to);
            }
        }

        public string Runs { get; }

        public RunDirectory Directory { get; }

        public string Blob(string hash) => Path.Combine(Directory.Blobs, $"{hash}.safetensors");

        public Task<(int Code, string Output, string Error)> ResumeAsync(params string[] more) =>
            CommandLine.RunAsync(["resume", Id, "--runs", Runs, "--nodes", "1", "--http", "off", .. more]);

        public Task<(int Code, string Output, string Error)> VerifyAsync(params string[] more) =>
            CommandLine.RunAsync(["verify", Id, "--runs", Runs, "--nodes", "1", .. more]);

        public void Metrics(Func<IReadOnlyList<string>, IEnumerable<string>> change) =>
            File.WriteAllLines(Directory.Metrics, [.. change(File.ReadAllLines(Directory.Metrics))]);

        public static MetricsLine Line(string text) => MetricsLog.Parse(text)!;
    }
}
