using AlignProp.Models.Diffusion;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Lora;

/// <summary>
/// LoRA branches on a UNet's attention projections: the only trained weights. Parameters are named as PEFT names them,
/// <c>MODULE.lora_A.weight</c> [r, in] and <c>MODULE.lora_B.weight</c> [out, r], in ordinal order.
/// </summary>
public sealed class LoraInjection : IDisposable
{
    private readonly List<(LoraLinear Layer, LoraBranch Branch)> _branches = [];

    private LoraInjection(IReadOnlyList<(string Name, Tensor Value)> parameters) => Parameters = parameters;

    /// <summary>fp32 leaves with requires_grad, on the UNet's device.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Parameters { get; }

    /// <summary>Every attention projection whose name ends with one of the targets: its name and sizes.</summary>
    /// <exception cref="ModelFileException">No module matches.</exception>
    public static IReadOnlyList<(string Module, int In, int Out)> Layout(UNet2DConditionModel unet, IReadOnlyList<string> targets) =>
        Find(unet, targets).Select(m => (m.Name, (int)m.Layer.InFeatures, (int)m.Layer.OutFeatures)).ToList();

    /// <summary>Attaches branches of zeros; load weights before use.</summary>
    /// <param name="alpha">The branch is scaled by alpha / rank.</param>
    /// <param name="dtype">fp32; fp64 only to check gradients.</param>
    public static LoraInjection Attach(UNet2DConditionModel unet, int rank, double alpha, IReadOnlyList<string> targets,
        ScalarType dtype = ScalarType.Float32)
    {
        var device = unet.OutputConvolution.weight!.device;
        var parameters = new List<(string, Tensor)>();
        var branches = new List<(LoraLinear, LoraBranch)>();
        foreach (var (name, layer) in Find(unet, targets))
        {
            var a = zeros([rank, layer.InFeatures], dtype, device, requires_grad: true).DetachFromDisposeScope();
            var b = zeros([layer.OutFeatures, rank], dtype, device, requires_grad: true).DetachFromDisposeScope();
            var branch = new LoraBranch(a, b, alpha / rank);
            layer.SetLora(branch);
            branches.Add((layer, branch));
            parameters.Add(($"{name}.lora_A.weight", a));
            parameters.Add(($"{name}.lora_B.weight", b));
        }
        var injection = new LoraInjection(parameters.OrderBy(p => p.Item1, StringComparer.Ordinal).ToList());
        injection._branches.AddRange(branches);
        return injection;
    }

    /// <summary>Sets a parameter's values.</summary>
    /// <param name="valuesOf">Row-major fp32 values of a parameter by name.</param>
    public void Load(Func<string, float[]> valuesOf)
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in Parameters)
        {
            using var scope = NewDisposeScope();
            parameter.copy_(tensor(valuesOf(name)).view(parameter.shape));
        }
    }

    /// <summary>Switches the branches off and on again; off, the model is the base model.</summary>
    public void SetActive(bool active) => _branches.ForEach(b => b.Layer.SetLora(active ? b.Branch : null));

    /// <summary>Drops accumulated gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var (_, parameter) in Parameters)
        {
            parameter.grad = null;
        }
    }

    /// <summary>The accumulated gradient of every parameter as fp32 values; zeros where none arrived.</summary>
    /// <param name="scale">The gradients are divided by it (see <see cref="Alignment.AlignmentOutcome"/>).</param>
    public IReadOnlyList<(string Name, float[] Values)> Gradients(float scale = 1) => Parameters.Select(p =>
    {
        using var scope = NewDisposeScope();
        var gradient = p.Value.grad;
        return (p.Name, gradient is null ? new float[p.Value.numel()] : (scale == 1 ? gradient : gradient / scale).to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray());
    }).ToList();

    public void Dispose()
    {
        foreach (var (layer, branch) in _branches)
        {
            layer.SetLora(null);
            branch.Dispose();
        }
        _branches.Clear();
    }

    private static List<(string Name, LoraLinear Layer)> Find(UNet2DConditionModel unet, IReadOnlyList<string> targets)
    {
        var found = unet.named_modules()
            .Where(m => m.module is LoraLinear && targets.Any(t => m.name.EndsWith("." + t, StringComparison.Ordinal)))
            .Select(m => (m.name, (LoraLinear)m.module))
            .OrderBy(m => m.name, StringComparer.Ordinal)
            .ToList();
        return found.Count > 0
            ? found
            : throw new ModelFileException($"LoRA targets [{string.Join(", ", targets)}] match no attention projection; expected to_q, to_k, to_v or to_out.0");
    }
}
