using System.Diagnostics;
using AlignProp.Models.Files;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// A resumable optimisation loop: AdamW with warm-up and cosine decay, gradient clipping, an exponential moving average of
/// the weights, a progress line, and checkpoints (weights, EMA, optimizer, step) that replace each other atomically.
/// </summary>
public sealed class TrainingLoop : IDisposable
{
    private readonly string _folder;
    private readonly string _name;
    private readonly nn.Module _module;
    private readonly Parameter[] _parameters;
    private readonly AdamW _optimizer;
    private readonly double[] _baseRates;
    private readonly double _emaDecay;
    private readonly Dictionary<string, Tensor> _average = [];

    /// <param name="groups">Parameters and the factor on the learning rate.</param>
    public TrainingLoop(string folder, string name, nn.Module module, double learningRate, double emaDecay,
        params (IEnumerable<Parameter> Parameters, double Factor)[] groups)
    {
        _folder = Path.Combine(folder, name);
        Directory.CreateDirectory(_folder);
        _name = name;
        _module = module;
        _emaDecay = emaDecay;
        _parameters = groups.SelectMany(g => g.Parameters).ToArray();
        _baseRates = groups.Select(g => learningRate * g.Factor).ToArray();
        _optimizer = optim.AdamW(
            groups.Select(g => new AdamW.ParamGroup(g.Parameters,
                new AdamW.Options { LearningRate = learningRate * g.Factor, beta1 = 0.9, beta2 = 0.99, weight_decay = 0.01 })),
            learningRate, 0.9, 0.99);
        foreach (var (key, value) in module.named_parameters())
        {
            _average[key] = value.detach().clone().DetachFromDisposeScope();
        }
    }

    /// <summary>Steps already done.</summary>
    public int Step { get; private set; }

    /// <summary>Runs up to <paramref name="steps"/> steps in all, resuming where the last checkpoint stopped.</summary>
    /// <param name="loss">The loss of one batch, from a generator seeded by the step.</param>
    public void Run(int steps, Func<Random, Tensor> loss, double cosineFrom = 0.3, Action? atCheckpoint = null)
    {
        Resume();
        var watch = Stopwatch.StartNew();
        var (from, shown, sum, count) = (Step, Stopwatch.StartNew(), 0.0, 0);
        while (Step < steps)
        {
            using (NewDisposeScope())
            {
                SetRate(steps, cosineFrom);
                _optimizer.zero_grad();
                var value = loss(new Random(unchecked(Step * 7919 + _name.GetHashCodeStable())));
                value.backward();
                nn.utils.clip_grad_norm_(_parameters, 1.0);
                _optimizer.step();
                sum += value.item<float>();
                count++;
                Average();
            }
            Step++;
            if (Step % 50 == 0)
            {
                GC.Collect(0);
            }
            if (shown.Elapsed.TotalSeconds > 20 || Step == steps)
            {
                var left = TimeSpan.FromSeconds(watch.Elapsed.TotalSeconds / (Step - from) * (steps - Step));
                Console.WriteLine(
                    $"{_name}: step {Step}/{steps}  loss {sum / count:F4}  {(Step - from) / watch.Elapsed.TotalSeconds:F2} "
                    + $"steps/s  {left:hh\\:mm\\:ss} left");
                (sum, count) = (0, 0);
                shown.Restart();
            }
            if (Step % 500 == 0 || Step == steps)
            {
                Checkpoint();
                atCheckpoint?.Invoke();
            }
        }
    }

    /// <summary>Puts the averaged weights into the module (for sampling and export).</summary>
    public void UseAverage()
    {
        CopyAverageTo(_module);
    }

    /// <summary>Copies the averaged weights into another module of the same structure.</summary>
    public void CopyAverageTo(nn.Module other)
    {
        using var noGrad = no_grad();
        foreach (var (key, value) in other.named_parameters())
        {
            value.copy_(_average[key]);
        }
    }

    /// <summary>Writes the module's weights to NAME.safetensors in the work folder.</summary>
    public void Export(string name) =>
        Weights.Save(_module, Path.Combine(Path.GetDirectoryName(_folder)!, $"{name}.safetensors"), ScalarType.Float32);

    public void Dispose()
    {
        foreach (var value in _average.Values)
        {
            value.Dispose();
        }
        _optimizer.Dispose();
    }

    private void SetRate(int steps, double cosineFrom)
    {
        var progress = (double)Step / steps;
        var factor = Math.Min(1.0, (Step + 1) / 100.0);
        if (progress > cosineFrom)
        {
            factor *= 0.02 + 0.98 * 0.5 * (1 + Math.Cos(Math.PI * (progress - cosineFrom) / (1 - cosineFrom)));
        }
        foreach (var (group, rate) in _optimizer.ParamGroups.Zip(_baseRates))
        {
            group.LearningRate = rate * factor;
        }
    }

    private void Average()
    {
        using var noGrad = no_grad();
        // Early on the average follows closely, so that it never remembers the initial weights.
        var decay = Math.Min(_emaDecay, (1.0 + Step) / (10.0 + Step));
        using var keep = decay.ToScalar();
        using var take = (1 - decay).ToScalar();
        foreach (var (key, value) in _module.named_parameters())
        {
            _average[key].mul_(keep).add_(value, take);
        }
    }

    private string Marker => Path.Combine(_folder, "checkpoint.txt");

    private void Checkpoint()
    {
        using var scope = NewDisposeScope();
        var folder = Path.Combine(_folder, $"step-{Step}");
        Directory.CreateDirectory(folder);
        Weights.Save(_module, Path.Combine(folder, "weights.safetensors"), ScalarType.Float32);
        Adapters.SafetensorsWriter.Write(Path.Combine(folder, "average.safetensors"),
            _average.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => TensorFile.ToData(a.Key, a.Value)).ToList(), null);
        _optimizer.save_state_dict(Path.Combine(folder, "optimizer.bin"));
        var previous = File.Exists(Marker) ? File.ReadAllText(Marker).Trim() : null;
        File.WriteAllText(Marker + ".tmp", $"{Step}");
        File.Move(Marker + ".tmp", Marker, overwrite: true);
        if (previous is not null && previous != $"{Step}")
        {
            Directory.Delete(Path.Combine(_folder, $"step-{previous}"), recursive: true);
        }
    }

    private void Resume()
    {
        if (!File.Exists(Marker))
        {
            return;
        }
        Step = int.Parse(File.ReadAllText(Marker));
        var folder = Path.Combine(_folder, $"step-{Step}");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = TensorFile.ReadAll(Path.Combine(folder, "weights.safetensors"));
        var average = TensorFile.ReadAll(Path.Combine(folder, "average.safetensors"));
        foreach (var (key, value) in _module.named_parameters())
        {
            value.copy_(weights[key]);
            _average[key].copy_(average[key]);
        }
        _optimizer.load_state_dict(Path.Combine(folder, "optimizer.bin"));
        Console.WriteLine($"{_name}: resumed at step {Step}");
    }
}

internal static class StableHash
{
    /// <summary>FNV-1a: the same in every process, unlike string.GetHashCode.</summary>
    public static int GetHashCodeStable(this string text) =>
        text.Aggregate(unchecked((int)2166136261), (hash, c) => unchecked((hash ^ c) * 16777619));
}
