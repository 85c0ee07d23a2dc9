using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Blip;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.OwlVit;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// Every reward small: the shipped models where they are what a reward reads, and random weights in the published file layout
/// where a published model is too large to lie here.
/// </summary>
internal sealed class SmallRewards : IDisposable
{
    private static readonly string[] Pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "##s", "red",
        "bee", "##r"];

    public string Folder { get; } = Directory.CreateTempSubdirectory("alignprop-rewards-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public IReward Load(string name) => RewardRegistry.Load(Spec(name), CPU, ScalarType.Float32);

    /// <summary>Where a reward's files are. A reward of the registry without a line here fails the tests.</summary>
    public RewardTermConfig Spec(string name) => name switch
    {
        "aesthetic" => new RewardTermConfig { Name = name, Path = Aesthetic() },
        "hps" or "pickscore" or "clip" => new RewardTermConfig { Name = name, Path = Shipped("emoji-clip") },
        "imagereward" => new RewardTermConfig { Name = name, Path = ImageReward() },
        "concept-removal" or "count" => new RewardTermConfig { Name = name, Path = OwlViT(), Words = ["a cat", "a bee"] },
        "compressibility" or "incompressibility" or "colourfulness" or "symmetry" or "brightness" or "jpeg-bytes" =>
            new RewardTermConfig { Name = name },
        "preference" or "jpeg-size" or "detector" => new RewardTermConfig { Name = name, Path = Shipped($"emoji-{name}") },
        "torchscript" => new RewardTermConfig
        {
            Name = name,
            Path = TorchScriptArchive.Write(Path.Combine(Folder, "reward.pt"), TorchScriptArchive.SquaredMean)
        },
        _ => throw new InvalidOperationException($"reward {name} is in the registry and not in the tests"),
    };

    public static string Shipped(string model) => Path.Combine(Fixture.Root, "models", model);

    /// <summary>Writes a module's parameters under published names.</summary>
    public static void Save(nn.Module module, string path, Func<string, string> published) =>
        SafetensorsWriter.Write(path,
            [.. module.named_parameters().Select(p => TensorFile.ToData(published(p.name), p.parameter))]);

    /// <summary>The published key of one of <see cref="AestheticHead"/>'s layers.</summary>
    public static string PublishedLayer(string key)
    {
        var parts = key.Split('.');
        string[] indices = ["0", "2", "4", "6", "7"];
        return $"{parts[0]}.{indices[int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)]}.{parts[2]}";
    }

    public string ImageReward()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "imagereward")).FullName;
        File.WriteAllText(Path.Combine(folder, "med_config.json"), """
            {"vocab_size": 14, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
             "hidden_act": "gelu",
             "vision_config": {"width": 24, "layers": 2, "heads": 3, "image_size": 32, "patch_size": 8}}
            """);
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), Pieces);
        using var model = new ImageRewardModel(new BlipVisionConfig(24, 2, 3, 32, 8),
            new BlipTextConfig(14, 32, 48, 2, 4, 512, 1e-12));
        Save(model, Path.Combine(folder, "ImageReward.safetensors"),
            key => key.StartsWith("mlp.", StringComparison.Ordinal) ? "mlp." + PublishedLayer(key["mlp.".Length..]) : key);
        return folder;
    }

    public string OwlViT()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "owlvit")).FullName;
        foreach (var file in new[] { "vocab.json", "merges.txt", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(Shipped("emoji-clip"), file), Path.Combine(folder, file), overwrite: true);
        }
        var vocabulary = ClipConfig.LoadFolder(Shipped("emoji-clip")).Text.VocabSize;
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"projection_dim": 24,
             "text_config": {
               "vocab_size": {{vocabulary}}, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
               "num_attention_heads": 2},
             "vision_config": {
               "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
               "image_size": 48, "patch_size": 8} }
            """);
        using var model = new OwlViTModel(OwlViTModel.ReadConfig(Path.Combine(folder, "config.json")));
        Save(model, Path.Combine(folder, "model.safetensors"),
            key => key.Replace("pre_layrnorm", "pre_layernorm", StringComparison.Ordinal));
        return folder;
    }

    private string Aesthetic()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "aesthetic")).FullName;
        foreach (var file in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Fixture.Path("clip_model", file), Path.Combine(folder, file), overwrite: true);
        }
        using var head = new AestheticHead(768);
        Save(head, Path.Combine(folder, "head.safetensors"), PublishedLayer);
        return folder;
    }
}
