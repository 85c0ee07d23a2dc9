using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace AlignProp.GpuNode.Tests;

/// <summary>A run of a coordinator and two nodes, all in this process, as an in-memory exporter sees it.</summary>
public sealed partial class TraceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan ShardTime = TimeSpan.FromMilliseconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-trace-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_step_is_one_trace_from_the_coordinator_to_the_devices_and_back()
    {
        List<Activity> spans = [];
        using (var provider = Sdk.CreateTracerProviderBuilder().AddSource(Spans.Source).AddInMemoryExporter(spans).Build())
        {
            await RunAsync();
        }
        // The second step: the first one is computed with the adapter of the evaluation before it, and fetches none.
        var step = Assert.Single(spans, s => s.OperationName == Spans.Step && Equals(s.GetTagItem(Spans.StepTag), 2));
        Assert.Equal(default, step.ParentSpanId);
        var trace = spans.Where(s => s.TraceId == step.TraceId).ToList();
        // A shard that is late is computed on an idle device as well: the first result counts.
        var second = trace.Where(s => s.OperationName == Spans.Shard).GroupBy(s => s.GetTagItem(Spans.ShardTag))
            .SelectMany(g => g.OrderBy(s => s.StartTimeUtc + s.Duration).Skip(1)).Select(s => s.SpanId).ToHashSet();
        trace.RemoveAll(s => second.Contains(s.SpanId) || second.Contains(s.ParentSpanId));
        Assert.All(trace, s => Assert.Equal("traced", s.GetTagItem(Spans.RunTag)));
        Assert.All(trace, s => Assert.Equal(2, s.GetTagItem(Spans.StepTag)));
        Assert.All(trace, s => Assert.Equal(ActivityStatusCode.Unset, s.Status));
        var shards = trace.Where(s => s.OperationName == Spans.Shard);
        Assert.Equal(2, shards.Select(s => s.GetTagItem(Spans.DeviceTag)).Distinct().Count());
        Assert.All(trace, s => Assert.True(s.StartTimeUtc + s.Duration <= step.StartTimeUtc + step.Duration, s.OperationName));
        var text = SpanTree.Render(step, trace);
        Assert.True(Structure(text) == Structure(Documented()), text);
    }

    /// <summary>The picture of docs/telemetry.md.</summary>
    private static string Documented() =>
        Picture().Match(File.ReadAllText(ProjectFolder.Find("docs/telemetry.md")!)).Groups[1].Value;

    /// <summary>Without times, and without which node did which shard: the rest is the same every time.</summary>
    private static string Structure(string text) => Varying().Replace(text, "");

    [GeneratedRegex("<!-- TraceTests -->\n```\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Picture();

    [GeneratedRegex(@"^ *\d+ ms +\d+ ms|node-\d/", RegexOptions.Multiline)]
    private static partial Regex Varying();

    private async Task RunAsync()
    {
        var options = new CoordinatorOptions();
        await using var host = await CoordinatorHost.StartAsync(Config(), "", ["a cat", "a dog"], ["an owl", "a panda"],
            new RunDirectory(Path.Combine(_folder, "traced")), options, new Progress<RunProgress>());
        var meeting = new Meeting(2);
        var nodes = new[] { "node-1", "node-2" }.Select(name => Node(name, Address.Parse(host.Address), meeting)).ToList();
        Assert.IsType<RunStopped>(await host.Finished.WaitAsync(Patience));
        Assert.All(await Task.WhenAll(nodes).WaitAsync(Patience), code => Assert.Equal(0, code));
    }

    private static Task<int> Node(string name, Address coordinator, Meeting meeting)
    {
        var node = new NodeId(name);
        var device = new ComputeDevice(new DeviceId(node, new DeviceName(DeviceKind.Cpu, 0)),
            () => new PatientComputer(name, meeting, new SimulatedShardComputer(new SimulatedCost(ShardTime))));
        var member = new MemberOptions("node", RemotingSecurity.For("127.0.0.1"));
        return new NodeHost(node, [device], [coordinator], member).RunAsync();
    }

    private RunConfig Config()
    {
        var unet = Directory.CreateDirectory(Path.Combine(_folder, "model", "unet")).FullName;
        SafetensorsWriter.Write(Path.Combine(unet, "diffusion_pytorch_model.safetensors"),
            [TensorData.FromSingles("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight", [6, 4], new float[24])]);
        return new RunConfig
        {
            Name = "traced",
            Model = new ModelConfig { Path = Path.Combine(_folder, "model") },
            Reward = new RewardConfig { Name = "brightness", Path = "" },
            Sampling = new SamplingConfig { Steps = 10 },
            Lora = new LoraConfig { Rank = 2, Alpha = 2, Targets = ["to_q"] },
            Batch = new BatchConfig { Size = 8, ShardSize = 2, StepsPerEpoch = 2 },
            Evaluation = new EvaluationConfig { SamplesPerPrompt = 2 },
            Stopping = new StoppingConfig { MaxEpochs = 1, MinDiversity = 0 },
        };
    }

    /// <summary>Everybody waits for everybody once in each step: no node is left out of one.</summary>
    private sealed class Meeting(int guests)
    {
        private readonly ConcurrentDictionary<(int, bool), CountdownEvent> _tables = [];
        private readonly ConcurrentDictionary<(int, bool, string), bool> _came = [];

        public void Attend(string who, Shard shard, CancellationToken cancellation)
        {
            var (step, evaluation) = (shard.Step, shard.Task is ShardTask.Evaluate);
            var table = _tables.GetOrAdd((step, evaluation), _ => new CountdownEvent(guests));
            if (_came.TryAdd((step, evaluation, who), true))
            {
                table.Signal();
            }
            table.Wait(cancellation);
        }
    }

    private sealed class PatientComputer(string name, Meeting meeting, SimulatedShardComputer inner) : IShardComputer
    {
        public ShardOutcome Compute(
            Shard shard, RunDescription run, ShardAdapters adapters, Action<string, double> progress,
            CancellationToken cancellation)
        {
            meeting.Attend(name, shard, cancellation);
            return inner.Compute(shard, run, adapters, progress, cancellation);
        }

        public void Dispose() => inner.Dispose();
    }
}
