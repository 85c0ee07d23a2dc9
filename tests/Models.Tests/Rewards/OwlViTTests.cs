using AlignProp.Adapters;
using AlignProp.Adapters.Tokenization;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using AlignProp.Models.OwlVit;
using AlignProp.Models.Rewards;
using TorchSharp;
using static AlignProp.Models.Tests.Rewards.LoopReference;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>OWL-ViT: the published structure's size, its numbers against loops, and the two rewards on top.</summary>
[Collection(FixtureCollection.Name)]
public sealed class OwlViTTests : IDisposable
{
    private const string Vision = "owlvit.vision_model";
    private const string Text = "owlvit.text_model";
    private const double Eps = 1e-5;
    private readonly SmallRewards _rewards = new();

    public void Dispose() => _rewards.Dispose();

    [Fact]
    public void The_published_base_model_has_412_tensors_and_153_million_numbers()
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateDirectory(Path.Combine(_rewards.Folder, "published")).FullName;
        // What google/owlvit-base-patch32 says beyond the defaults: nothing.
        File.WriteAllText(Path.Combine(folder, "config.json"),
            "{\"projection_dim\": 512, \"text_config\": {}, \"vision_config\": {}}");
        using var model = Parts.Blueprint(() => new OwlViTModel(OwlViTModel.ReadConfig(Path.Combine(folder, "config.json"))));
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.shape);
        Assert.Equal(412, parameters.Count);
        Assert.Equal(153_231_879, parameters.Values.Sum(s => s.Aggregate(1L, (a, b) => a * b)));
        Assert.Equal([577, 768], parameters[$"{Vision}.embeddings.position_embedding.weight"]);
        Assert.Equal([768, 3, 32, 32], parameters[$"{Vision}.embeddings.patch_embedding.weight"]);
        Assert.Equal([16, 512], parameters[$"{Text}.embeddings.position_embedding.weight"]);
        Assert.Equal([512, 768], parameters["class_head.dense0.weight"]);
        Assert.Equal([4, 768], parameters["box_head.dense2.weight"]);
        Assert.Contains(OwlViTModel.Rename($"{Vision}.pre_layernorm.weight"), parameters.Keys);
    }

    [Fact]
    public void Logits_and_boxes_agree_with_loops_over_the_published_keys()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var folder = _rewards.OwlViT();
        using var model = Weights.Load(new OwlViTModel(OwlViTModel.ReadConfig(Path.Combine(folder, "config.json"))), folder,
            OwlViTModel.Rename);
        var words = new[] { "a cat", "a red bee" };
        var ids = words.Select(ClipTokenizer.Load(folder).Encode).ToArray();
        manual_seed(9);
        // Low contrast: an epsilon in the wrong place would show.
        var pixels = randn(1, 3, 48, 48) * 0.1f;
        var queries = model.EncodeQueries(tensor(ids.SelectMany(i => i).ToArray(), [2, ids[0].Length]));
        var (logits, boxes, _) = model.Detect(pixels, queries);

        using var r = new LoopReference(Path.Combine(folder, "model.safetensors"));
        var q = ids.Select(row => Query(r, row)).ToArray();
        var (expectedLogits, expectedBoxes) = Heads(r, Tokens(r, pixels.data<float>().ToArray()), q);
        FixtureAgreement.Check("OWL-ViT (loops)", "queries", queries, Of(q), FixtureAgreement.Forward);
        FixtureAgreement.Check("OWL-ViT (loops)", "logits", logits[0], Of(expectedLogits), FixtureAgreement.Forward);
        FixtureAgreement.Check("OWL-ViT (loops)", "boxes", boxes[0], Of(expectedBoxes), FixtureAgreement.Forward);
    }

    [Fact]
    public void Concept_removal_is_one_minus_the_surest_box_of_each_word()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var detector = OwlViTDetector.Load(_rewards.OwlViT(), ["a cat", "a bee"], CPU, ScalarType.Float32);
        using var reward = new ConceptRemovalReward(detector);
        var image = rand(1, 3, 40, 40) - 0.5f;
        var p = detector.Detect(image).Probabilities[0];
        Assert.Equal([36, 2], p.shape);
        var expected =
            1 - (p.data<float>().Where((_, i) => i % 2 == 0).Max() + p.data<float>().Where((_, i) => i % 2 == 1).Max()) / 2;
        Assert.Equal(expected, reward.Score(image, [""]).item<float>(), 1e-6f);
    }

    [Fact]
    public void A_thing_seen_by_many_patches_counts_once_and_two_things_twice()
    {
        using var scope = NewDisposeScope();
        float[] left = [0.25f, 0.5f, 0.3f, 0.4f], moved = [0.26f, 0.51f, 0.3f, 0.4f], right = [0.75f, 0.5f, 0.3f, 0.4f];
        float Count(params (float P, float[] Box)[] patches) => CountReward.Count(
            tensor(patches.Select(p => p.P).ToArray(), [1, patches.Length]),
                tensor(patches.SelectMany(p => p.Box).ToArray(), [1, patches.Length, 4])).item<float>();
        // 0.9^2 / (0.9^2 + 0.1^2).
        const float Sure = 0.81f / 0.82f;
        Assert.Equal(Sure, Count((0.9f, left)), 1e-5f);
        Assert.Equal(2 * Sure, Count((0.9f, left), (0.9f, right)), 1e-5f);
        Assert.Equal(1, Count((0.9f, left), (0.9f, moved), (0.9f, left)), 1e-5f);
        Assert.Equal(1 + Sure, Count((0.9f, left), (0.9f, moved), (0.9f, right)), 1e-5f);
        // At the detector's threshold a half; what a sure detector thinks of an empty background hardly counts.
        Assert.Equal(0.5f, Count((0.1f, left)), 1e-5f);
        Assert.True(Count([.. Enumerable.Range(0, 576)
            .Select(i => (0.001f, new[] { i % 24 / 24f, i / 24 / 24f, 0.04f, 0.04f }))]) < 0.1f);
    }

    [Fact]
    public void No_words_are_named() =>
        Assert.Contains("needs words",
            Assert.Throws<ModelFileException>(() => OwlViTDetector.Load(_rewards.OwlViT(), [], CPU, ScalarType.Float32)).Message);

    private static double[][] Layer(LoopReference r, double[][] h, string key, int heads, Func<int, int, bool>? sees)
    {
        var x = r.LayerNorm(h, $"{key}.layer_norm1", Eps);
        var attended = Attention(r.Linear(x, $"{key}.self_attn.q_proj"), r.Linear(x, $"{key}.self_attn.k_proj"),
            r.Linear(x, $"{key}.self_attn.v_proj"), heads, sees);
        h = Add(h, r.Linear(attended, $"{key}.self_attn.out_proj"));
        return Add(h, r.Linear(Map(r.Linear(r.LayerNorm(h, $"{key}.layer_norm2", Eps), $"{key}.mlp.fc1"), QuickGelu),
            $"{key}.mlp.fc2"));
    }

    private static double[] Query(LoopReference r, long[] ids)
    {
        var (words, positions) = (r.Rows($"{Text}.embeddings.token_embedding.weight"),
            r.Rows($"{Text}.embeddings.position_embedding.weight"));
        var h = Add([.. ids.Select(i => words[i])], positions);
        for (var layer = 0; layer < 2; layer++)
        {
            h = Layer(r, h, $"{Text}.encoder.layers.{layer}", 2, (i, j) => j <= i);
        }
        var last = r.LayerNorm(h, $"{Text}.final_layer_norm", Eps);
        return r.Linear([last[Array.IndexOf(ids, ids.Max())]], "owlvit.text_projection")[0];
    }

    private static double[][] Tokens(LoopReference r, float[] pixels)
    {
        var h = r.Patches(pixels, 48, $"{Vision}.embeddings.patch_embedding", r.Values($"{Vision}.embeddings.class_embedding"),
            r.Rows($"{Vision}.embeddings.position_embedding.weight"));
        h = r.LayerNorm(h, $"{Vision}.pre_layernorm", Eps);
        for (var layer = 0; layer < 2; layer++)
        {
            h = Layer(r, h, $"{Vision}.encoder.layers.{layer}", 4, null);
        }
        return r.LayerNorm(h, $"{Vision}.post_layernorm", Eps);
    }

    private static (double[][] Logits, double[][] Boxes) Heads(LoopReference r, double[][] tokens, double[][] queries)
    {
        var merged = tokens.Skip(1).Select(t => t.Zip(tokens[0], (a, b) => a * b).ToArray()).ToArray();
        var features = r.LayerNorm(merged, "layer_norm", Eps);
        static double[] Unit(double[] x) => Array.ConvertAll(x, v => v / (Math.Sqrt(Dot(x, x)) + 1e-6));
        var (classes, shift, scale) = (r.Linear(features, "class_head.dense0"), r.Linear(features, "class_head.logit_shift"),
            r.Linear(features, "class_head.logit_scale"));
        var logits = features.Select((_, p) => queries.Select(q =>
            (Dot(Unit(classes[p]), Unit(q)) + shift[p][0]) * ((scale[p][0] > 0 ? scale[p][0] : Math.Exp(scale[p][0]) - 1) + 1))
                .ToArray()).ToArray();
        var hidden = Map(r.Linear(Map(r.Linear(features, "box_head.dense0"), Gelu), "box_head.dense1"), Gelu);
        static double Bias(double x) => Math.Log(x + 1e-4) - Math.Log(1 - x + 1e-4);
        var boxes = r.Linear(hidden, "box_head.dense2")
            .Select((b, p) => new[] { (p % 6 + 1) / 6.0, (p / 6 + 1) / 6.0, 1 / 6.0,
            1 / 6.0 }.Select((x, i) => Sigmoid(b[i] + Bias(x))).ToArray()).ToArray();
        return (logits, boxes);
    }

    private static Tensor Of(double[][] rows) => tensor(rows.SelectMany(r => r).ToArray(), [rows.Length, rows[0].Length]);
}
