using AlignProp.Adapters;
using AlignProp.Messages.Configuration;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Lora;

/// <summary>
/// LoRA branches on a denoiser's layers: the only trained weights. Parameters are named as PEFT names them,
/// <c>MODULE.lora_A.weight</c> and
/// <c>MODULE.lora_B.weight</c>, in ordinal order; shapes as <see cref="AdapterSite"/> has them.
/// </summary>
public sealed class LoraInjection : IDisposable
{
    private readonly IDenoiser _denoiser;
    private readonly List<(AdapterSite Site, LoraBranch Branch)> _branches;

    private LoraInjection(IDenoiser denoiser, List<(AdapterSite Site, LoraBranch Branch)> branches)
    {
        (_denoiser, _branches) = (denoiser, branches);
        Parameters = [.. branches
            .SelectMany(b => new[] { (LoraNames.Down(b.Site.Module), b.Branch.A), (LoraNames.Up(b.Site.Module), b.Branch.B) })
            .OrderBy(p => p.Item1, StringComparer.Ordinal)];
        SetActive(true);
    }

    /// <summary>fp32 leaves with requires_grad, on the denoiser's device.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Parameters { get; }

    /// <summary>Attaches branches of zeros to what a run adapts; load weights before use.</summary>
    /// <param name="lora">Targets as <see cref="AdapterSites.Matching"/> has them.</param>
    /// <param name="dtype">fp32; fp64 only to check gradients.</param>
    /// <exception cref="ModelFileException">A target matches nothing.</exception>
    public static LoraInjection Attach(IDenoiser denoiser, LoraConfig lora, ScalarType dtype = ScalarType.Float32)
    {
        try
        {
            return Attach(denoiser, lora.Rank, lora.Alpha, denoiser.Sites.Matching(lora.Targets), dtype);
        }
        catch (LoraTargetException e)
        {
            throw new ModelFileException(e.Message, e);
        }
    }

    /// <summary>The same for given layers.</summary>
    /// <param name="alpha">The branch is scaled by alpha / rank.</param>
    /// <param name="sites">Of the denoiser's.</param>
    public static LoraInjection Attach(IDenoiser denoiser, int rank, double alpha, IEnumerable<AdapterSite> sites,
        ScalarType dtype = ScalarType.Float32)
    {
        Tensor Zeros(int[] shape) =>
            zeros([.. shape.Select(size => (long)size)], dtype, denoiser.Device, requires_grad: true).DetachFromDisposeScope();
        return new LoraInjection(denoiser,
            [.. sites.Select(site =>
                (site, new LoraBranch(Zeros(site.DownShape(rank)), Zeros(site.UpShape(rank)), alpha / rank)))]);
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
    public void SetActive(bool active) => _branches.ForEach(b => _denoiser.SetLora(b.Site, active ? b.Branch : null));

    /// <summary>Drops accumulated gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var (_, parameter) in Parameters)
        {
            parameter.grad = null;
        }
    }

    /// <summary>The accumulated gradient of every parameter as fp32 values; zeros where none arrived.</summary>
    /// <param name="scale">The gradients are divided by it (fp16 needs a loss scale).</param>
    public IReadOnlyList<(string Name, float[] Values)> Gradients(float scale = 1) => Parameters.Select(p =>
    {
        using var scope = NewDisposeScope();
        var gradient = p.Value.grad;
        return (p.Name, gradient is null
            ? new float[p.Value.numel()]
            : (scale == 1 ? gradient : gradient / scale).to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray());
    }).ToList();

    public void Dispose()
    {
        SetActive(false);
        _branches.ForEach(b => b.Branch.Dispose());
        _branches.Clear();
    }
}
