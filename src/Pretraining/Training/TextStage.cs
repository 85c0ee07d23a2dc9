using AlignProp.Models.Clip;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// Stage 2: the text encoder alone, contrastive against an MLP on the latents plus a linear regression of the latent from
/// the end token. Without it the UNet hardly learns to follow captions.
/// </summary>
public static class TextStage
{
    public static void Run(Workspace work, Sampler sampler, Latents latents, int steps)
    {
        manual_seed(2);
        const int latentSize = 4 * 8 * 8;
        var model = new TextPretraining(work, latentSize);
        using var loop = new TrainingLoop(work.Folder, "text-pretraining", model, 1e-3, 0.99,
            (model.parameters().Cast<Parameter>(), 1));
        loop.Run(steps, random =>
        {
            var draws = sampler.Batch(random, 64);
            var target = latents.Of(draws).flatten(1);
            var pooled = model.text.Encode(work.Tokens(draws.Select(d => d.Caption).ToArray())).Pooled;
            var t = nn.functional.normalize(model.project.forward(pooled));
            var v = nn.functional.normalize(model.image.forward(target + 0.1f * randn_like(target)));
            var logits = t.mm(v.t()) * model.scale.exp();
            var labels = arange(draws.Length);
            var contrastive = nn.functional.cross_entropy(logits, labels) + nn.functional.cross_entropy(logits.t(), labels);
            return contrastive + nn.functional.mse_loss(model.regress.forward(pooled), target);
        });
        loop.UseAverage();
        AlignProp.Models.Files.Weights.Save(model.text, Path.Combine(work.Folder, "text-pretrained.safetensors"),
            ScalarType.Float32);
    }

    private sealed class TextPretraining : nn.Module
    {
        public readonly ClipTextModel text;
        public readonly Linear project;
        public readonly Sequential image;
        public readonly Linear regress;
        public readonly Parameter scale;

        public TextPretraining(Workspace work, int latentSize) : base(nameof(TextPretraining))
        {
            text = new ClipTextModel(EmojiStructure.Text(work.Vocabulary, work.Tokenizer.EosId));
            ClipInitialization.Apply(text);
            project = nn.Linear(EmojiStructure.TextWidth, 96);
            image = nn.Sequential(nn.Linear(latentSize, 256), nn.GELU(), nn.Linear(256, 96));
            regress = nn.Linear(EmojiStructure.TextWidth, latentSize);
            scale = nn.Parameter(tensor(2.0f));
            RegisterComponents();
        }
    }
}
