using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Takeaway;

/// <summary>A run of the shipped model that has ended, made up: two evaluations, one step, an adapter.</summary>
internal sealed class FinishedRun : IDisposable
{
    public const string Id = "made-up-run";

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-finished-").FullName;

    public FinishedRun(double alpha = 4)
    {
        Runs = Path.Combine(_folder, "runs");
        Run = new RunDirectory(Directory.CreateDirectory(Path.Combine(Runs, Id)).FullName);
        var config = RunFile.Load(RunFile.Default, [$"lora.alpha={alpha}"]);
        File.WriteAllText(Run.Config, RunFileWriter.Render(config));
        Adapter = LoraInitializer.Gaussian(LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets), 4, 1, alpha);
        Adapter = Adapter.WithValues(
            Adapter.Tensors.Select(t => (t.Name, t.Values.Select((v, i) => v + 1e-3f * (i % 7)).ToArray())));
        var store = new DirectoryAdapterStore(Run.Blobs);
        store.Put(Adapter.Serialize());
        var reporter = new RunReporter(Run, config, store);
        reporter.Report(ReportFolder.Evaluation(0, -0.4, Samples(-0.4, SKColors.Red)));
        reporter.Report(ReportFolder.Step(1) with { AdapterSha256 = Adapter.Sha256 });
        reporter.Report(ReportFolder.Evaluation(1, 3.9, Samples(3.9, SKColors.Blue)));
        reporter.Report(new RunStopped(Id, 1, "all 1 steps done", Adapter.Sha256));
    }

    public string Runs { get; }

    public RunDirectory Run { get; }

    public LoraWeights Adapter { get; }

    public string In(string name) => Path.Combine(_folder, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static EvaluatedSample[] Samples(double reward, SKColor colour) =>
    [
        new("a <b>bold</b> & quoted \"cat\"", false, 1, reward, ReportFolder.Image(colour)),
        new("an owl", true, 2, reward + 1, ReportFolder.Image(colour)),
    ];
}
