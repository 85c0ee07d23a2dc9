namespace AlignProp.Adapters.Inspection;

/// <summary>A folder of one network: a part of a pipeline, a CLIP or OWL-ViT model, a reward.</summary>
internal static class FolderInspection
{
    internal static Inspection Of(string folder)
    {
        var config = new[] { "config.json", "open_clip_config.json" }.Select(n => Path.Combine(folder, n))
            .FirstOrDefault(File.Exists);
        var facts = config is null ? null : JsonFacts.Load(config);
        if (facts?.Text("kind") is { } reward)
        {
            return Reward(folder, reward, facts);
        }

        using var file = WeightFiles.Open(folder);
        var inspected = FileInspection.Of(folder, file);
        var problems = inspected.Problems.ToList();
        if (config is null && inspected.Parts is [{ What: not "LoRA" }])
        {
            problems.Add("config.json is missing: the sizes of the network are unknown");
        }

        if (inspected.Kind.StartsWith("CLIP,", StringComparison.Ordinal)
            && !(File.Exists(Path.Combine(folder, "vocab.json")) && File.Exists(Path.Combine(folder, "merges.txt"))))
        {
            problems.Add("vocab.json and merges.txt are missing: rewards that read prompts cannot use this folder");
        }

        if (config is not null && Path.GetFileName(config) == "config.json")
        {
            problems.AddRange(PartProblems.Of(config, file));
        }

        return inspected with
        {
            Facts = [.. Described(facts), .. inspected.Facts, .. Heads(folder), .. Variants(folder, file)],
            Problems = problems
        };
    }

    /// <summary>The class a configuration names.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Described(JsonFacts? config)
    {
        if ((config?.Text("_class_name") ?? config?.Text("model_type")) is { } name)
        {
            yield return new("class in config.json", name);
        }
    }

    /// <summary>Weights beside the ones that are read.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Variants(string folder, IWeightFile file)
    {
        var others = Directory.EnumerateFiles(folder)
            .Where(f => WeightFiles.Extensions.Contains(Path.GetExtension(f)) && !file.Files.Contains(f)).Select(Path.GetFileName)
            .Order(StringComparer.Ordinal).ToList();
        if (others.Count > 0)
        {
            yield return new("not read", string.Join(", ", others));
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Heads(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder)
            .Where(f => WeightFiles.Extensions.Contains(Path.GetExtension(f))
            && Path.GetFileName(f).Contains("linearMSE", StringComparison.OrdinalIgnoreCase)))
        {
            yield return new("aesthetic head", Path.GetFileName(path));
        }
    }

    private static Inspection Reward(string folder, string kind, JsonFacts config)
    {
        var facts = new List<KeyValuePair<string, string>> { new("reward", kind) };
        var problems = new List<string>();
        if (config.Text("clip") is { } clip)
        {
            facts.Add(new("CLIP folder", clip));
            if (!Directory.Exists(Path.Combine(folder, clip)))
            {
                problems.Add($"its CLIP folder {clip} is missing");
            }
        }

        if (WeightFiles.TryFind(folder, "head") is not { } head)
        {
            return new Inspection(folder, $"reward {kind}", [], facts, [.. problems, "head.safetensors is missing"],
                new Dictionary<string, string>());
        }

        using var file = WeightFiles.Open(head);
        return new Inspection(folder, $"reward {kind}",
            [InspectedPart.Of("head", PartKind.Head, "reward head", file.Files, [.. file.Tensors.Values])], facts, problems,
            file.Metadata);
    }
}
