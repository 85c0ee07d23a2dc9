using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Planning;

/// <summary>Whether the parts of a model fit each other: a model put together from two would compute nonsense.</summary>
internal static class PartsCheck
{
    /// <exception cref="ModelFileException">
    /// They do not, or the model is of a kind that AlignProp's chain does not sample (inpainting, upscaling, refining).
    /// </exception>
    /// <returns>The path.</returns>
    public static string Fit(string path, UNetConfig unet, VaeConfig vae, IReadOnlyList<ClipTextConfig> texts)
    {
        var width = texts.Sum(t => t.HiddenSize);
        if (unet.InChannels != vae.LatentChannels || unet.OutChannels != vae.LatentChannels)
        {
            throw new ModelFileException(
                $"{path}: the UNet's in_channels = {unet.InChannels}, out_channels = {unet.OutChannels}; expected the VAE's "
                + $"{vae.LatentChannels} "
                + "latent channels (inpainting and depth models take more, and are not supported)");
        }
        if (unet.ClassCount is { } classes)
        {
            throw new ModelFileException(
                $"{path}: num_class_embeds = {classes}: models that want class labels (upscalers) are not supported; expected a "
                + $"text-to-image model");
        }
        if (unet.CrossAttentionDim.Any(d => d != width))
        {
            throw new ModelFileException(
                $"{path}: cross_attention_dim = {string.Join(", ", unet.CrossAttentionDim.Distinct())}; expected the text "
                + $"encoders' width {width}");
        }
        if (unet.TextTime is { } extra && 6 * extra.TimeWidth + texts[^1].ProjectionDim is var wanted
            && wanted != extra.InputWidth)
        {
            throw new ModelFileException(
                $"{path}: projection_class_embeddings_input_dim = {extra.InputWidth}; expected {wanted} (6 sizes of "
                + $"{extra.TimeWidth} and the pooled text; "
                + "SDXL's refiner has 5 sizes and is not supported)");
        }
        return path;
    }

    /// <summary>Whether a text encoder has a row for every token, and a position for every one of a prompt.</summary>
    /// <returns>The folder.</returns>
    /// <exception cref="ModelFileException">It does not.</exception>
    public static string Fit(string folder, ClipTokenizer tokenizer, ClipTextConfig text)
    {
        if (tokenizer.MaxLength > text.MaxPositions)
        {
            throw new ModelFileException($"{Path.Combine(folder, "tokenizer_config.json")}: model_max_length = "
                + $"{tokenizer.MaxLength} (77 where it is not said); expected at most the text encoder's "
                + $"{text.MaxPositions} positions");
        }
        if (tokenizer.LargestId >= text.VocabSize)
        {
            throw new ModelFileException($"{folder}: the token {tokenizer.LargestWord} has id "
                + $"{tokenizer.LargestId}; expected ids below the text encoder's vocab_size {text.VocabSize}");
        }
        return folder;
    }
}
