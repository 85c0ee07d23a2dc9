using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Blip;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using AlignProp.Models.Rewards;
using TorchSharp;
using static AlignProp.Models.Tests.Rewards.LoopReference;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// ImageReward: the published structure's size, its numbers against loops, its tokenizer, and what is wrong in a folder.
/// </summary>
[Collection(FixtureCollection.Name)]
public sealed class ImageRewardTests : IDisposable
{
    private readonly SmallRewards _rewards = new();

    public void Dispose() => _rewards.Dispose();

    [Fact]
    public void The_published_structure_has_the_published_keys()
    {
        using var scope = NewDisposeScope();
        using var model = Parts.Blueprint(() =>
            new ImageRewardModel(new BlipVisionConfig(), new BlipTextConfig(30524, 768, 3072, 12, 12, 512, 1e-12)));
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.shape);
        long Sum(string prefix) => parameters.Where(p => p.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Sum(p => p.Value.Aggregate(1L, (a, b) => a * b));
        Assert.Equal(303_301_632, Sum("blip.visual_encoder."));
        Assert.Equal(141_977_088, Sum("blip.text_encoder."));
        Assert.Equal(927_969, Sum("mlp."));
        // Names as ImageReward.pt has them; shapes that tell the encoders' widths apart.
        foreach (var (published, shape) in new Dictionary<string, long[]>
        {
            ["blip.visual_encoder.cls_token"] = [1, 1, 1024],
            ["blip.visual_encoder.pos_embed"] = [1, 197, 1024],
            ["blip.visual_encoder.patch_embed.proj.weight"] = [1024, 3, 16, 16],
            ["blip.visual_encoder.blocks.23.attn.qkv.bias"] = [3072],
            ["blip.text_encoder.embeddings.word_embeddings.weight"] = [30524, 768],
            ["blip.text_encoder.encoder.layer.11.attention.self.key.weight"] = [768, 768],
            ["blip.text_encoder.encoder.layer.11.crossattention.self.key.weight"] = [768, 1024],
            ["blip.text_encoder.encoder.layer.0.crossattention.output.LayerNorm.weight"] = [768],
            ["blip.text_encoder.encoder.layer.0.intermediate.dense.weight"] = [3072, 768],
            ["mlp.layers.7.weight"] = [1, 16],
        })
        {
            Assert.Equal(shape, parameters[ImageRewardModel.Rename(published)!]);
        }
    }

    [Fact]
    public void The_score_agrees_with_loops_over_the_published_keys()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var folder = _rewards.ImageReward();
        using var model = Weights.Load(new ImageRewardModel(new BlipVisionConfig(24, 2, 3, 32, 8),
            BlipTextConfig.Read(JsonConfig.Load(Path.Combine(folder, "med_config.json")))),
            Path.Combine(folder, "ImageReward.safetensors"), ImageRewardModel.Rename);
        var (ids, mask) = BertPromptTokenizer.Load(Path.Combine(folder, "vocab.txt")).Encode("a red cat", 9);
        manual_seed(8);
        // Low contrast: BLIP's two epsilons, 1e-6 and 1e-12, would show.
        var pixels = randn(1, 3, 32, 32) * 0.05f;
        var image = model.EncodeImage(pixels);
        var score = model.Score(tensor(ids, [1, 9]), tensor(mask, [1, 9]), image);

        using var r = new LoopReference(Path.Combine(folder, "ImageReward.safetensors"));
        var tokens = Image(r, pixels.data<float>().ToArray());
        FixtureAgreement.Check("ImageReward (loops)", "image tokens", image[0], Of(tokens), FixtureAgreement.Forward);
        FixtureAgreement.Check("ImageReward (loops)", "score", score, tensor(new[] { Score(r, ids, mask, tokens) }),
            FixtureAgreement.Forward);
    }

    [Fact]
    public void The_reward_is_in_standard_deviations()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var folder = _rewards.ImageReward();
        using var reward = ImageReward.Load(folder, CPU, ScalarType.Float32);
        using var model = Weights.Load(new ImageRewardModel(new BlipVisionConfig(24, 2, 3, 32, 8),
            BlipTextConfig.Read(JsonConfig.Load(Path.Combine(folder, "med_config.json")))),
            Path.Combine(folder, "ImageReward.safetensors"), ImageRewardModel.Rename);
        var image = rand(1, 3, 32, 32) - 0.5f;
        var (ids, mask) = BertPromptTokenizer.Load(Path.Combine(folder, "vocab.txt")).Encode("a bee", 35);
        var plain = model.Score(tensor(ids, [1, 35]), tensor(mask, [1, 35]),
            model.EncodeImage(ClipPixels.From(image, 32, true, InterpolationMode.Bicubic))).item<float>();
        Assert.Equal((plain - 0.16717362830052426) / 1.0333394966054072, reward.Score(image, ["a bee"]).item<float>(), 1e-5);
    }

    [Theory]
    [InlineData("a red cat", new long[] { 2, 5, 9, 6, 3, 0, 0 })]
    [InlineData("A RED Cât!", new long[] { 2, 5, 9, 6, 1, 3, 0 })]
    [InlineData("cats beer", new long[] { 2, 6, 8, 10, 11, 3, 0 })]
    [InlineData("a a a a a a a a", new long[] { 2, 5, 5, 5, 5, 5, 3 })]
    [InlineData("", new long[] { 2, 3, 0, 0, 0, 0, 0 })]
    public void Prompts_become_word_pieces_between_start_and_separator(string prompt, long[] expected)
    {
        var (ids, mask) = BertPromptTokenizer.Load(Path.Combine(_rewards.ImageReward(), "vocab.txt")).Encode(prompt, 7);
        Assert.Equal(expected, ids);
        Assert.Equal(expected.Select(i => i == 0 ? 0L : 1L), mask);
    }

    [Fact]
    public void What_is_missing_in_the_folder_is_named()
    {
        var folder = _rewards.ImageReward();
        File.Delete(Path.Combine(folder, "vocab.txt"));
        Assert.Contains("vocab.txt: file not found",
            Assert.Throws<ModelFileException>(() => ImageReward.Load(folder, CPU, ScalarType.Float32)).Message);
        File.Delete(Path.Combine(folder, "ImageReward.safetensors"));
        Assert.Contains("ImageReward.pt: file not found",
            Assert.Throws<ModelFileException>(() => ImageReward.Load(folder, CPU, ScalarType.Float32)).Message);
    }

    private static double[][] Image(LoopReference r, float[] pixels)
    {
        const string Key = "blip.visual_encoder";
        var h = r.Patches(pixels, 32, $"{Key}.patch_embed.proj", r.Values($"{Key}.cls_token"), r.Rows($"{Key}.pos_embed"));
        for (var i = 0; i < 2; i++)
        {
            var block = $"{Key}.blocks.{i}";
            var qkv = r.Linear(r.LayerNorm(h, $"{block}.norm1", 1e-6), $"{block}.attn.qkv");
            double[][] Part(int which) => [.. qkv.Select(row => row[(24 * which)..(24 * (which + 1))])];
            h = Add(h, r.Linear(Attention(Part(0), Part(1), Part(2), 3), $"{block}.attn.proj"));
            h = Add(h, r.Linear(Map(r.Linear(r.LayerNorm(h, $"{block}.norm2", 1e-6), $"{block}.mlp.fc1"), Gelu),
                $"{block}.mlp.fc2"));
        }
        return r.LayerNorm(h, $"{Key}.norm", 1e-6);
    }

    private static double Score(LoopReference r, long[] ids, long[] mask, double[][] image)
    {
        const string Key = "blip.text_encoder";
        const double Eps = 1e-12;
        var (words, positions) = (r.Rows($"{Key}.embeddings.word_embeddings.weight"),
            r.Rows($"{Key}.embeddings.position_embeddings.weight"));
        var h = r.LayerNorm(Add([.. ids.Select(i => words[i])], positions), $"{Key}.embeddings.LayerNorm", Eps);
        double[][] Attend(string key, double[][] x, double[][] source, Func<int, int, bool>? sees) => r.LayerNorm(Add(x, r.Linear(
            Attention(r.Linear(x, $"{key}.self.query"), r.Linear(source, $"{key}.self.key"),
                r.Linear(source, $"{key}.self.value"), 4, sees), $"{key}.output.dense")), $"{key}.output.LayerNorm", Eps);
        for (var i = 0; i < 2; i++)
        {
            var layer = $"{Key}.encoder.layer.{i}";
            h = Attend($"{layer}.attention", h, h, (_, j) => mask[j] == 1);
            h = Attend($"{layer}.crossattention", h, image, null);
            h = r.LayerNorm(Add(h, r.Linear(Map(r.Linear(h, $"{layer}.intermediate.dense"), Gelu), $"{layer}.output.dense")),
                $"{layer}.output.LayerNorm", Eps);
        }
        return new[] { 0, 2, 4, 6, 7 }.Aggregate(new[] { h[0] }, (x, index) => r.Linear(x, $"mlp.layers.{index}"))[0][0];
    }

    private static Tensor Of(double[][] rows) => tensor(rows.SelectMany(r => r).ToArray(), [rows.Length, rows[0].Length]);
}
