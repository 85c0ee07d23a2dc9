using AlignProp.Adapters.Configurations;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Hosting;
using AlignProp.Models.Rewards;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// Looks at the shipped model through the product's own code: a contact sheet, and how often CLIP names what was asked for.
/// </summary>
public static class SampleSheet
{
    private const int Steps = 20;
    private const int Batch = 9;

    /// <param name="models">Folder with emoji-diffusion and emoji-clip.</param>
    public static void Run(Workspace work, string models, IReadOnlyList<string> prompts, double guidance, string path)
    {
        using var noGrad = no_grad();
        using var host = ModelHost.Load(new ModelConfig
        {
            Path = Path.Combine(models, "emoji-diffusion"),
            ThreadsPerShard = get_num_threads()
        }, CPU);
        var folder = Path.Combine(models, "emoji-clip");
        using var clip = Weights.Load(new ClipModel(ClipConfig.Load(Path.Combine(folder, "config.json"))),
            Path.Combine(folder, "model.safetensors"));
        var names = work.Data.Concepts.Select(c => c.WithArticle).ToArray();
        var text = nn.functional.normalize(clip.TextFeatures(work.Tokens(names)));
        var (pictures, right) = (new List<float[]>(), 0);
        foreach (var (chunk, part) in prompts.Chunk(Batch).Select((c, i) => (c, i)))
        {
            using var scope = NewDisposeScope();
            var batch = new SampleBatch(host.Model, new SamplingConfig { Steps = Steps, GuidanceScale = guidance },
                [.. chunk.Select((prompt, i) => new ShardSample(prompt, (ulong)(100 * part + i), 0))]);
            var images = host.Model.Codec.Decode(batch.Chain.Sample(batch.Noise)[^1]).clamp(-1, 1);
            var named = nn.functional.normalize(
                clip.ImageFeatures(ClipPixels.From(images, EmojiStructure.ImageSize, antialias: true))).mm(text.t()).argmax(1)
                .data<long>().ToArray();
            right += named.Where((n, i) => names[n] == chunk[i]).Count();
            pictures.AddRange(Enumerable.Range(0, chunk.Length).Select(i => images[i].flatten().data<float>().ToArray()));
        }
        Sheets.Write(path, EmojiStructure.ImageSize, Batch, pictures, 4);
        Console.WriteLine(
            $"{path}: {pictures.Count} samples at guidance {guidance}; the image-text model names "
            + $"{100.0 * right / pictures.Count:F0} % of them right among {names.Length}");
    }
}
