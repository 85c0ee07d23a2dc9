using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Latents;

/// <summary>How latents are decoded where gradients are wanted.</summary>
public enum DecodeMode
{
    /// <summary>Plain for small images, checkpointed for large ones: the same numbers either way.</summary>
    Auto,

    /// <summary>All activations kept: fastest, most memory.</summary>
    Plain,

    /// <summary>
    /// Only the states between the decoder's stages are kept, and each stage is recomputed in the backward pass: the same
    /// numbers.
    /// </summary>
    Checkpointed,

    /// <summary>
    /// Overlapping tiles one at a time, blended: other numbers (each tile is normalised by itself), memory of one tile.
    /// </summary>
    Tiled,
}

/// <summary>
/// Latents -> images, and a gradient in the images -> the gradient in the latents, without holding the whole decoder's
/// activations.
/// </summary>
public sealed class LatentDecoder(AutoencoderKL vae, DecodeMode mode) : ILatentCodec
{
    /// <summary>
    /// Above this many pixels an image's decode is checkpointed by Auto: a decode with gradient takes about 25 KB a pixel.
    /// </summary>
    private const long PlainPixels = 256 * 256;

    private readonly DecodeTiles _tiles = new(vae.Config.DownscaleFactor);

    /// <summary>The autoencoder whose decoder this is.</summary>
    public AutoencoderKL Vae => vae;

    public int Channels => vae.Config.LatentChannels;

    public int Factor => vae.Config.DownscaleFactor;

    public bool IsPlain(Tensor latents) => mode switch
    {
        DecodeMode.Plain => true,
        DecodeMode.Auto =>
            latents.shape[2] * latents.shape[3] * vae.Config.DownscaleFactor * vae.Config.DownscaleFactor <= PlainPixels,
        DecodeMode.Tiled => _tiles.IsOne(latents),
        _ => false,
    };

    public Tensor Decode(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var z = Unscaled(latents);
        var image = mode == DecodeMode.Tiled && !_tiles.IsOne(latents) ? _tiles.Blend(z, vae.Decode) : vae.Decode(z);
        return image.to(latents.dtype).MoveToOuterDisposeScope();
    }

    public Tensor Gradient(Tensor latents, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var (z, g) = (Constant(latents), gradient.to(vae.WeightType));
        var inside = mode == DecodeMode.Tiled && !_tiles.IsOne(latents)
            ? _tiles.Gradient(z, g, ThroughStages)
            : ThroughStages(z, g);
        return (inside.to(latents.dtype) / (float)vae.Config.ScalingFactor).MoveToOuterDisposeScope();
    }

    public void Dispose() => vae.Dispose();

    /// <summary>From the image back, one recomputed stage at a time, as the denoising chain goes back step by step.</summary>
    private Tensor ThroughStages(Tensor z, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var stages = vae.DecoderStages();
        var states = new List<Tensor> { z };
        using (no_grad())
        {
            foreach (var stage in stages.Take(stages.Count - 1))
            {
                using var inner = NewDisposeScope();
                states.Add(stage(states[^1]).MoveToOuterDisposeScope());
            }
        }
        for (var i = stages.Count - 1; i >= 0; i--)
        {
            using var inner = NewDisposeScope();
            using var grad = enable_grad();
            var input = states[i].detach().requires_grad_();
            autograd.backward([stages[i](input)], [gradient]);
            gradient = input.grad!.MoveToOuterDisposeScope();
            if (i > 0)
            {
                states[i].Dispose();
            }
        }
        return gradient.MoveToOuterDisposeScope();
    }

    private Tensor Unscaled(Tensor latents) => (latents / (float)vae.Config.ScalingFactor).to(vae.WeightType);

    private Tensor Constant(Tensor latents)
    {
        using var noGrad = no_grad();
        return Unscaled(latents.detach());
    }
}
