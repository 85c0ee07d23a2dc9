using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Inspection;

/// <summary>Whether a reward's folder has all that its loader reads, without torch.</summary>
public static class RewardInspection
{
    private static readonly string[] ClipConfigs = ["config.json", "open_clip_config.json"],
        HpsFiles = ["HPS_v2.1_compressed.pt", "HPS_v2_compressed.pt"],
        ImageRewardFiles = ["ImageReward.safetensors", "model.safetensors", "ImageReward.pt"];

    /// <summary>One line a problem; empty where nothing is wrong.</summary>
    /// <param name="name">The reward, one of <see cref="RewardCatalog"/> that has a folder.</param>
    public static IReadOnlyList<string> Problems(string name, string folder)
    {
        var problems = new ProblemList();
        try
        {
            problems.Add(name switch
            {
                "aesthetic" => [.. Clip(folder, words: false), .. Head(folder)],
                "hps" or "pickscore" or "clip" => Clip(folder, words: true),
                "imagereward" => ImageReward(folder),
                "count" or "concept-removal" => Detector(folder),
                _ => OwnHead(folder),
            });
        }
        catch (Exception e) when (e is WeightFileException or ModelFileException)
        {
            problems.Add([e.Message]);
        }
        return problems.All;
    }

    private static List<string> Clip(string folder, bool words)
    {
        var problems = new List<string>();
        if (HpsFiles.Select(f => Path.Combine(folder, f)).FirstOrDefault(File.Exists) is { } hps)
        {
            using var file = WeightFiles.Open(hps);
        }
        else if (!ClipConfigs.Any(f => File.Exists(Path.Combine(folder, f))))
        {
            problems.Add($"{Path.Combine(folder, ClipConfigs[0])}: file not found; expected the folder of a CLIP model");
        }
        else
        {
            // Whatever else is wrong, also words that are not needed here, is said with the others.
            problems.AddRange(FolderInspection.Of(folder).Problems
                .Where(p => !p.StartsWith("vocab.json", StringComparison.Ordinal)));
        }
        if (words || File.Exists(Path.Combine(folder, "vocab.json")))
        {
            ClipTokenizer.Load(folder);
        }
        return problems;
    }

    private static List<string> Head(string folder)
    {
        var head = Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).FirstOrDefault(f =>
            WeightFiles.Extensions.Contains(Path.GetExtension(f))
            && !Path.GetFileName(f).Contains("model", StringComparison.Ordinal));
        if (head is null)
        {
            return [$"{folder}: no aesthetic head; expected for example sac+logos+ava1-l14-linearMSE.pth with layers.0.weight"];
        }
        using var file = WeightFiles.Open(head);
        return file.Tensors.ContainsKey("layers.0.weight") ? []
            : [$"{head}: layers.0.weight is missing; expected an aesthetic head"];
    }

    private static List<string> OwnHead(string folder)
    {
        var json = JsonConfig.Load(Path.Combine(folder, "config.json"));
        json.OneOf("kind", "", "preference", "jpeg-size", "detector");
        var clip = Path.Combine(folder, json.Text("clip", "."));
        if (!Directory.Exists(clip))
        {
            return [$"{Path.GetFullPath(clip)}: folder not found; \"clip\" of {json.Path} names it"];
        }
        if (WeightFiles.TryFind(folder, "head") is null)
        {
            return [$"{Path.Combine(folder, "head.safetensors")}: file not found; expected the head of the reward"];
        }
        return json.Text("clip", ".") == "." ? [] : Clip(clip, words: false);
    }

    private static List<string> ImageReward(string folder)
    {
        var problems = new List<string>();
        JsonConfig.Load(Path.Combine(folder, "med_config.json"));
        if (ImageRewardFiles.Select(f => Path.Combine(folder, f)).FirstOrDefault(File.Exists) is { } path)
        {
            using var file = WeightFiles.Open(path);
        }
        else
        {
            problems.Add($"{Path.Combine(folder, ImageRewardFiles[^1])}: file not found; expected ImageReward's weights");
        }
        BertPromptTokenizer.Load(Path.Combine(folder, "vocab.txt"));
        return problems;
    }

    private static List<string> Detector(string folder)
    {
        JsonConfig.Load(Path.Combine(folder, "config.json"));
        using var file = WeightFiles.Open(folder);
        ClipTokenizer.Load(folder);
        return [];
    }
}
