using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Blip;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// ImageReward v1.0, in standard deviations of its own scores. Folder: the published ImageReward.pt (or the same keys as
/// safetensors) and med_config.json, and bert-base-uncased's vocab.txt.
/// </summary>
public sealed class ImageReward(ImageRewardModel model, BertPromptTokenizer tokenizer, int imageSize, ScalarType dtype) : IReward
{
    private const int PromptLength = BertPromptTokenizer.ImageRewardLength;

    // Of the published scores; upstream's inference code subtracts and divides by them.
    private const float Mean = 0.16717362830052426f;
    private const float Std = 1.0333394966054072f;

    private static readonly string[] WeightFiles = ["ImageReward.safetensors", "model.safetensors", "ImageReward.pt"];

    /// <exception cref="ModelFileException">A file is missing, damaged or of another shape.</exception>
    public static ImageReward Load(string folder, Device device, ScalarType dtype)
    {
        var json = JsonConfig.Load(Path.Combine(folder, "med_config.json"));
        // med_config.json does not have the image encoder, which is ViT-L/16 at 224 pixels; smaller ones are named here.
        var vision = json.Object("vision_config");
        var sizes = new BlipVisionConfig(vision.Int("width", 1024), vision.Int("layers", 24), vision.Int("heads", 16),
            vision.Int("image_size", 224), vision.Int("patch_size", 16));
        var path = WeightFiles.Select(name => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists, Path.Combine(folder, WeightFiles[^1]));
        var model = Weights.Load(Parts.Blueprint(() => new ImageRewardModel(sizes, BlipTextConfig.Read(json))), path,
            ImageRewardModel.Rename, device, dtype);
        var tokenizer = BertPromptTokenizer.Load(Path.Combine(folder, "vocab.txt"));
        model.HeadTo(ScalarType.Float32);
        return new ImageReward(model, tokenizer, sizes.ImageSize, dtype);
    }

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var rows = prompts.Select(p => tokenizer.Encode(p, PromptLength)).ToList();
        Tensor Rows(Func<(long[] Ids, long[] Mask), long[]> part) =>
            tensor(rows.SelectMany(part).ToArray(), [prompts.Count, PromptLength], device: images.device);
        return Normalised(model.Score(Rows(r => r.Ids), Rows(r => r.Mask), Encode(images))).MoveToOuterDisposeScope();
    }

    /// <summary>Scores in standard deviations of the published ones.</summary>
    /// <param name="scores">[B].</param>
    public static Tensor Normalised(Tensor scores) => (scores - Mean) / Std;

    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return nn.functional.normalize(Encode(images).select(1, 0).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    public void Dispose() => model.Dispose();

    private Tensor Encode(Tensor images) =>
        model.EncodeImage(ClipPixels.From(images, imageSize, antialias: true, InterpolationMode.Bicubic).to(dtype));
}
