using AlignProp.Adapters;
using AlignProp.Models;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode;

/// <summary>
/// A LoRA file of any tool on a loaded model. Attention projections get branches, computed as in training; whatever else the file adapts (feed-forwards,
/// the blocks' projections, convolutions: kohya's files do) is added to the frozen weights once.
/// </summary>
public sealed class AdapterAttachment : IDisposable
{
    private static readonly string[] Targets = ["to_q", "to_k", "to_v", "to_out.0"];

    private AdapterAttachment(LoraInjection? branches, IReadOnlyList<string> merged, string? note) => (Branches, Merged, Note) = (branches, merged, note);

    /// <summary>Null when the file adapts no attention projection.</summary>
    public LoraInjection? Branches { get; }

    /// <summary>Modules whose frozen weights were changed: for the life of the model.</summary>
    public IReadOnlyList<string> Merged { get; }

    /// <summary>One line on what of the file was left out, or null.</summary>
    public string? Note { get; }

    /// <param name="path">A file of this project, diffusers, PEFT or kohya, or a folder with one.</param>
    /// <param name="scale">Factor on what the adapter adds; 1 = as it was made.</param>
    /// <exception cref="ModelFileException">No LoRA, or one of another model: all modules that do not fit are named.</exception>
    public static AdapterAttachment Attach(StableDiffusion model, string path, double scale = 1)
    {
        var imported = Import(path);
        var weights = imported.Weights;
        RequireFit(path, model.UNet, weights);
        var attention = LoraInjection.Layout(model.UNet, Targets).Select(m => m.Module).Where(m => weights.TryGet(LoraNames.Down(m), out _)).ToHashSet();
        var merged = weights.Modules.Where(m => !attention.Contains(m)).ToList();
        Merge(model.UNet, weights, merged, scale);
        return new AdapterAttachment(attention.Count == 0 ? null : Branch(model.UNet, weights, attention, scale), merged, imported.Note(path));
    }

    public void Dispose() => Branches?.Dispose();

    private static ImportedLora Import(string path)
    {
        if (!Path.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; expected a LoRA file of diffusers or kohya, or a PEFT folder");
        }
        try
        {
            return LoraFile.Import(path);
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException)
        {
            throw new ModelFileException(e.Message, e);
        }
    }

    private static LoraInjection Branch(UNet2DConditionModel unet, LoraWeights weights, HashSet<string> attention, double scale)
    {
        var targets = Targets.Where(t => attention.Any(m => m.EndsWith("." + t, StringComparison.Ordinal))).ToList();
        var lora = LoraInjection.Attach(unet, weights.Rank, weights.Alpha * scale, targets);
        var shapes = lora.Parameters.ToDictionary(p => p.Name, p => p.Value.numel());
        // A file may adapt a part of the projections only: zeros add nothing.
        lora.Load(name => weights.TryGet(name, out var tensor) ? tensor.Values : new float[shapes[name]]);
        return lora;
    }

    private static void Merge(UNet2DConditionModel unet, LoraWeights weights, IReadOnlyList<string> modules, double scale)
    {
        if (modules.Count == 0)
        {
            return;
        }
        using var noGrad = no_grad();
        var parameters = unet.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var module in modules)
        {
            using var scope = NewDisposeScope();
            LoraTensor a = weights[LoraNames.Down(module)], b = weights[LoraNames.Up(module)];
            var weight = parameters[module + ".weight"];
            var added = tensor(b.Values).view(b.Shape[0], weights.Rank).matmul(tensor(a.Values).view(weights.Rank, -1)).mul(weights.Scale * scale).view(weight.shape);
            weight.copy_(weight.to(ScalarType.Float32).add(added.to(weight.device)));
        }
    }

    private static void RequireFit(string path, UNet2DConditionModel unet, LoraWeights weights)
    {
        var shapes = unet.named_parameters().Where(p => p.name.EndsWith(".weight", StringComparison.Ordinal))
            .ToDictionary(p => p.name[..^".weight".Length], p => p.parameter.shape);
        var problems = new List<string>();
        foreach (var module in weights.Modules)
        {
            long inputs = weights[LoraNames.Down(module)].Values.Length / weights.Rank, outputs = weights[LoraNames.Up(module)].Shape[0];
            if (!shapes.TryGetValue(module, out var shape) || shape.Length < 2)
            {
                problems.Add($"this model has no module {module}");
            }
            else if (shape[0] != outputs || shape.Skip(1).Aggregate(1L, (x, y) => x * y) != inputs)
            {
                problems.Add($"{module} is {inputs} to {outputs}, this model's [{string.Join(", ", shape)}]");
            }
        }
        if (problems.Count > 0)
        {
            var rest = problems.Count > 8 ? $"; and {problems.Count - 8} more" : "";
            throw new ModelFileException($"{path}: an adapter of another model: {string.Join("; ", problems.Take(8))}{rest} (rank {weights.Rank})");
        }
    }
}
