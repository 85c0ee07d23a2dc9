using AlignProp.Models.Latents;
using AlignProp.Pretraining.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// The scaled latents of every image over every background, plain and mirrored, computed once: the encoder is frozen, so
/// the later stages never run it again. [image * backgrounds * 2, 4, 8, 8].
/// </summary>
public sealed class Latents : IDisposable
{
    private readonly Tensor _values;
    private readonly Dictionary<string, int> _backgrounds;

    private Latents(Tensor values, double scale)
    {
        _values = values;
        ScalingFactor = scale;
        _backgrounds = BackgroundPalette.Colours.Select((colour, i) => (colour.Name, i)).ToDictionary(b => b.Name, b => b.i + 1);
    }

    /// <summary>1 / std of the encoder's means, as Stable Diffusion defines it.</summary>
    public double ScalingFactor { get; }

    public static Latents Encode(Workspace work, AutoencoderKL vae)
    {
        using var noGrad = no_grad();
        var rows = new List<Tensor>();
        string?[] backgrounds = [null, .. BackgroundPalette.Colours.Select(c => c.Name)];
        for (var image = 0; image < work.Data.Count; image++)
        {
            using var scope = NewDisposeScope();
            var draws = backgrounds.SelectMany(b => new[] { new Draw(image, b, false, ""), new Draw(image, b, true, "") })
                .ToArray();
            rows.Add(vae.Encode(work.Images(draws)).Mean.DetachFromDisposeScope());
        }
        var all = cat(rows, 0);
        rows.ForEach(r => r.Dispose());
        var scale = 1 / all.std().item<float>();
        return new Latents(all.mul_(scale), scale);
    }

    /// <summary>[B, 4, 8, 8], scaled.</summary>
    public Tensor Of(IReadOnlyList<Draw> draws) => _values.index_select(0, tensor(draws.Select(Row).ToArray()));

    private long Row(Draw draw) =>
        (draw.Image * (_backgrounds.Count + 1L) + (draw.Background is null ? 0 : _backgrounds[draw.Background])) * 2 + (draw.Flip
            ? 1 : 0);

    public void Dispose() => _values.Dispose();
}
