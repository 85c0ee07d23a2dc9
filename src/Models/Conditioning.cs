using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>What a denoiser is told besides latents and time; the batch is the first axis of each.</summary>
/// <param name="States">Text states [B, L, cross_attention_dim].</param>
/// <param name="Pooled">SDXL: projected features of the second text encoder [B, P].</param>
/// <param name="Sizes">SDXL: original height and width, crop top and left, target height and width, in pixels [B, 6].</param>
/// <param name="Classes">Class labels [B], int64, of a model with num_class_embeds.</param>
public sealed record Conditioning(Tensor States, Tensor? Pooled = null, Tensor? Sizes = null, Tensor? Classes = null)
    : IDisposable
{
    /// <summary>Both in one batch, as classifier-free guidance runs them.</summary>
    public static Conditioning Concat(Conditioning first, Conditioning second) => new(
        cat([first.States, second.States], 0), Both(first.Pooled, second.Pooled), Both(first.Sizes, second.Sizes),
            Both(first.Classes, second.Classes));

    public void Dispose()
    {
        States.Dispose();
        Pooled?.Dispose();
        Sizes?.Dispose();
        Classes?.Dispose();
    }

    private static Tensor? Both(Tensor? a, Tensor? b) => a is null || b is null ? null : cat([a, b], 0);
}
