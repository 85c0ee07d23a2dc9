using System.Collections.Concurrent;
using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A folder of its own with a tiny model header, a run configuration, and a record of what the run reported.</summary>
internal sealed class TestRuns : IDisposable
{
    public static readonly string[] Training = ["a cat", "a dog", "an ant", "a fox", "a bee"];
    public static readonly string[] HeldOut = ["an owl", "a panda"];

    public TestRuns()
    {
        Folder = Directory.CreateTempSubdirectory("alignprop-test-").FullName;
        var unet = Directory.CreateDirectory(Path.Combine(Folder, "model", "unet")).FullName;
        SafetensorsWriter.Write(Path.Combine(unet, "diffusion_pytorch_model.safetensors"),
        [
            TensorData.FromSingles("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight", [6, 4], new float[24]),
            TensorData.FromSingles("mid_block.attentions.0.transformer_blocks.0.attn1.to_k.weight", [6, 4], new float[24]),
        ]);
    }

    public string Folder { get; }

    public RunDirectory Directory_(string id) => new(Path.Combine(Folder, "runs", id));

    public RunConfig Config(int epochs = 3) => new()
    {
        Name = "test",
        Seed = 7,
        Model = new ModelConfig { Path = Path.Combine(Folder, "model") },
        Reward = new RewardConfig { Name = "brightness", Path = "" },
        Sampling = new SamplingConfig { Steps = 10, GuidanceScale = 3 },
        Lora = new LoraConfig { Rank = 2, Alpha = 2, Targets = ["to_q", "to_k"] },
        Batch = new BatchConfig { Size = 8, ShardSize = 2, StepsPerEpoch = 2 },
        Evaluation = new EvaluationConfig { SamplesPerPrompt = 2, GridPrompts = 2 },
        Stopping = new StoppingConfig { MaxEpochs = epochs, MinDiversity = 0 },
    };

    public void Dispose() => System.IO.Directory.Delete(Folder, recursive: true);
}

/// <summary>Keeps every event, and lets a test wait for one.</summary>
internal sealed class Record : IProgress<RunProgress>
{
    private readonly ConcurrentQueue<RunProgress> _events = new();
    private readonly ConcurrentBag<(Func<RunProgress, bool> Which, TaskCompletionSource Seen)> _waiting = [];

    public IEnumerable<T> All<T>() => _events.OfType<T>();

    public void Report(RunProgress value)
    {
        _events.Enqueue(value);
        foreach (var (which, seen) in _waiting)
        {
            if (which(value))
            {
                seen.TrySetResult();
            }
        }
    }

    public Task Until(Func<RunProgress, bool> which)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Add((which, seen));
        if (_events.Any(which))
        {
            seen.TrySetResult();
        }
        return seen.Task.WaitAsync(TimeSpan.FromSeconds(180));
    }
}
