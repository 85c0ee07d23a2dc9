using AlignProp.Adapters;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using AlignProp.Models.OwlVit;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>OWL-ViT with its queries fixed: what rewards ask is how sure it is of them, and where.</summary>
public sealed class OwlViTDetector(OwlViTModel model, Tensor queries) : IDisposable
{
    /// <summary>
    /// Loads a transformers folder: config.json, model.safetensors or pytorch_model.bin, vocab.json, merges.txt.
    /// </summary>
    /// <param name="words">The queries, as text: "a book", "a photo of a book".</param>
    /// <exception cref="ModelFileException">A file is missing, damaged or of another shape; or there are no words.</exception>
    public static OwlViTDetector Load(string folder, IReadOnlyList<string> words, Device device, ScalarType dtype)
    {
        if (words.Count == 0)
        {
            throw new ModelFileException($"{folder}: the detector needs words to look for; e.g. words = [\"a book\"]");
        }
        var config = OwlViTModel.ReadConfig(Path.Combine(folder, "config.json"));
        var model = Weights.Load(Parts.Blueprint(() => new OwlViTModel(config)), folder, OwlViTModel.Rename, device, dtype);
        var tokenizer = ClipTokenizer.Load(folder);
        var ids = words.SelectMany(w => Row(tokenizer, w, config.Text.MaxPositions)).ToArray();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var queries = model.EncodeQueries(tensor(ids, [words.Count, ids.Length / words.Count], device: device));
        return new OwlViTDetector(model, queries.DetachFromDisposeScope());
    }

    /// <param name="images">The VAE's output [B, 3, H, W], about [-1, 1].</param>
    /// <returns>
    /// Probability of each query at each patch [B, P, Q]; boxes [B, P, 4] (centre, size, 0 to 1). fp32, differentiable.
    /// </returns>
    public (Tensor Probabilities, Tensor Boxes) Detect(Tensor images)
    {
        using var scope = NewDisposeScope();
        var (logits, boxes, _) = model.Detect(ClipPixels.Stretched(images, model.Config.Vision.ImageSize).to(model.WeightType),
            queries);
        return (logits.to(ScalarType.Float32).sigmoid().MoveToOuterDisposeScope(),
            boxes.to(ScalarType.Float32).MoveToOuterDisposeScope());
    }

    /// <summary>The class token, L2-normalised [B, width], without gradient.</summary>
    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (_, _, tokens) = model.Detect(ClipPixels.Stretched(images, model.Config.Vision.ImageSize).to(model.WeightType),
            queries);
        return nn.functional.normalize(tokens.select(1, 0).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        model.Dispose();
        queries.Dispose();
    }

    /// <summary>At most as many ids as the text tower has positions (16), the end token among them.</summary>
    private static long[] Row(ClipTokenizer tokenizer, string word, int positions)
    {
        var row = tokenizer.Encode(word);
        if (row.Length <= positions)
        {
            return row;
        }
        row = row[..positions];
        if (!row.Contains(tokenizer.EosId))
        {
            row[^1] = tokenizer.EosId;
        }
        return row;
    }
}
