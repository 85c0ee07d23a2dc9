using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Rewards;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// The image-text model the rewards stand on: CLIP's symmetric contrastive loss on the same pictures and captions,
/// shifted, blurred and noised so that generated pictures are not foreign to it.
/// </summary>
public static class ClipStage
{
    public static void Run(Workspace work, Sampler sampler, int steps, int batch)
    {
        manual_seed(4);
        var model = Create(work);
        ClipInitialization.Apply(model);
        using var loop = new TrainingLoop(work.Folder, "clip", model, 1e-3, 0.998, (model.parameters().Cast<Parameter>(), 1));
        loop.Run(steps, random =>
        {
            var draws = sampler.Batch(random, batch);
            var pixels = ClipPixels.From(Augment(work.Images(draws), random), EmojiStructure.ImageSize, antialias: true);
            var captions = draws.Select(d => d.Caption).ToArray();
            var v = nn.functional.normalize(model.ImageFeatures(pixels));
            var t = nn.functional.normalize(model.TextFeatures(work.Tokens(captions)));
            var logits = v.mm(t.t()) * model.LogitScale;
            // Equal captions in a batch are all right answers, not negatives.
            var same = captions.SelectMany(a => captions.Select(b => a == b ? 1f : 0f)).ToArray();
            var target = tensor(same, [batch, batch]);
            target = target / target.sum(1, keepdim: true);
            return nn.functional.cross_entropy(logits, target) + nn.functional.cross_entropy(logits.t(), target);
        });
        loop.UseAverage();
        loop.Export("clip");
        Console.WriteLine(
            $"clip: names the concept of {100 * ConceptAccuracy(work, model):F0} % of the pictures among "
            + $"{work.Data.Concepts.Count}");
    }

    public static ClipModel Create(Workspace work) => new(EmojiStructure.Clip(work.Vocabulary, work.Tokenizer.EosId));

    public static ClipModel Load(Workspace work) => Weights.Load(Create(work), Path.Combine(work.Folder, "clip.safetensors"));

    /// <summary>L2-normalised image features [B, D] of images in [-1, 1].</summary>
    public static Tensor Features(ClipModel model, Tensor images) =>
        nn.functional.normalize(model.ImageFeatures(ClipPixels.From(images, EmojiStructure.ImageSize, antialias: true)));

    /// <summary>Share of the given images whose nearest "a NAME" caption is their own.</summary>
    public static double ConceptAccuracy(Workspace work, ClipModel model, Func<Tensor, Tensor>? transform = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var text = nn.functional.normalize(
            model.TextFeatures(work.Tokens(work.Data.Concepts.Select(c => c.WithArticle).ToArray())));
        var right = 0;
        for (var i = 0; i < work.Data.Count; i++)
        {
            using var inner = NewDisposeScope();
            var image = work.Images([new Draw(i, null, false, "")]);
            var features = Features(model, transform is null ? image : transform(image));
            right += features.mm(text.t()).argmax(1).item<long>() == work.Data.ConceptIndex[i] ? 1 : 0;
        }
        return (double)right / work.Data.Count;
    }

    /// <summary>Shift by up to 3 pixels, sometimes a 3x3 blur, noise.</summary>
    private static Tensor Augment(Tensor images, Random random)
    {
        var padded = nn.functional.pad(images, [3, 3, 3, 3], PaddingModes.Replicate);
        var rows = Enumerable.Range(0, (int)images.shape[0]).Select(i =>
        {
            var (dy, dx) = (random.Next(7), random.Next(7));
            return padded[i].narrow(1, dy, images.shape[2]).narrow(2, dx, images.shape[3]);
        }).ToArray();
        var shifted = stack(rows, 0);
        if (random.Next(2) == 0)
        {
            var mix = (float)random.NextDouble();
            shifted = shifted * (1 - mix) + nn.functional.avg_pool2d(shifted, 3, stride: 1, padding: 1,
                count_include_pad: false) * mix;
        }
        return shifted + (float)(random.NextDouble() * 0.1) * randn_like(shifted);
    }
}
