namespace AlignProp.Models;

/// <summary>Prompts -> what the denoiser is told of them. Without gradient.</summary>
public interface ITextEncoder : IDisposable
{
    /// <param name="height">Of the images, in pixels: some models are told.</param>
    /// <returns>A batch of one a prompt.</returns>
    Conditioning Encode(IReadOnlyList<string> prompts, int height, int width);

    /// <summary>What guidance leads away from, for a batch.</summary>
    /// <param name="negative">The negative prompt; "" = none.</param>
    Conditioning EncodeNegative(string negative, int count, int height, int width);
}
