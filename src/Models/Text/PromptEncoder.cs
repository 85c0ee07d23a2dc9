using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Text;

/// <summary>A tokenizer and the text encoder it feeds.</summary>
public sealed record TextTower(ClipTokenizer Tokenizer, ClipTextModel Encoder);

/// <summary>How a model reads its text encoders.</summary>
public enum PromptStyle
{
    /// <summary>SD 1 and 2: the last hidden state after the final LayerNorm.</summary>
    LastHidden,

    /// <summary>
    /// SDXL: the penultimate hidden states of both encoders side by side, and the projected pooled features of the second.
    /// </summary>
    PenultimateWithPooled,
}

/// <summary>
/// Prompts -> <see cref="Conditioning"/>, without gradient. Mirrors encode_prompt of diffusers' StableDiffusion(XL)Pipeline.
/// </summary>
/// <param name="zerosForEmpty">
/// SDXL (force_zeros_for_empty_prompt): no negative prompt means zeros, not the encoded empty text.
/// </param>
public sealed class PromptEncoder(IReadOnlyList<TextTower> towers, PromptStyle style, Device device, bool zerosForEmpty = false)
    : ITextEncoder
{
    public IReadOnlyList<TextTower> Towers => towers;

    /// <param name="height">SDXL is told that the images are originals of that size, not cropped.</param>
    /// <returns>States [B, L, width]; for SDXL pooled features [B, P] and sizes [B, 6].</returns>
    public Conditioning Encode(IReadOnlyList<string> prompts, int height, int width)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (style == PromptStyle.LastHidden)
        {
            return new Conditioning(towers[0].Encoder.Encode(Tokens(towers[0], prompts)).LastHidden.MoveToOuterDisposeScope());
        }
        var encoded = towers.Select(t => t.Encoder.EncodePenultimate(Tokens(t, prompts))).ToList();
        var sizes = tensor([height, width, 0f, 0f, height, width], device: device).unsqueeze(0).repeat(prompts.Count, 1);
        return new Conditioning(
            cat(encoded.Select(e => e.Penultimate).ToArray(), -1).MoveToOuterDisposeScope(),
            encoded[^1].Pooled.MoveToOuterDisposeScope(), sizes.MoveToOuterDisposeScope());
    }

    public Conditioning EncodeNegative(string negative, int count, int height, int width)
    {
        var encoded = Encode([.. Enumerable.Repeat(negative, count)], height, width);
        if (negative.Length == 0 && zerosForEmpty)
        {
            encoded.States.zero_();
            encoded.Pooled?.zero_();
        }
        return encoded;
    }

    public void Dispose()
    {
        foreach (var tower in towers)
        {
            tower.Encoder.Dispose();
        }
    }

    private Tensor Tokens(TextTower tower, IReadOnlyList<string> prompts) =>
        tensor(prompts.SelectMany(tower.Tokenizer.Encode).ToArray(), [prompts.Count, tower.Tokenizer.MaxLength], device: device);
}
