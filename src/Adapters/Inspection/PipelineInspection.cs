namespace AlignProp.Adapters.Inspection;

/// <summary>A diffusers folder: which family, which parts, what is missing.</summary>
internal static class PipelineInspection
{
    private static readonly (string Folder, string Stem, PartKind Kind, string What)[] Networks =
    [
        ("unet", "diffusion_pytorch_model", PartKind.UNet, "UNet"),
        ("vae", "diffusion_pytorch_model", PartKind.Vae, "VAE"),
        ("text_encoder", "model", PartKind.TextEncoder, "text encoder"),
        ("text_encoder_2", "model", PartKind.TextEncoder, "text encoder 2"),
    ];

    internal static Inspection Of(string folder)
    {
        var index = JsonFacts.Load(Path.Combine(folder, "model_index.json"));
        var named = index.Root.EnumerateObject()
            .Where(p => p.Value.ValueKind == System.Text.Json.JsonValueKind.Array
            && p.Value.EnumerateArray().Any(v => v.ValueKind == System.Text.Json.JsonValueKind.String)).Select(p => p.Name)
            .ToHashSet();
        var needed = new HashSet<string>(["unet", "vae", "text_encoder", "tokenizer", "scheduler",
            .. named.Where(n => n is "text_encoder_2" or "tokenizer_2")]);
        var (parts, problems) = (new List<InspectedPart>(), new List<string>());
        var facts = new List<KeyValuePair<string, string>> { new("class in model_index.json", index.Text("_class_name")
            ?? "none") };
        foreach (var network in Networks.Where(n => needed.Contains(n.Folder)))
        {
            Add(folder, network, parts, facts, problems);
        }

        foreach (var file in Needed(needed).Where(f => !File.Exists(Path.Combine(folder, f))))
        {
            problems.Add($"{file} is missing");
        }

        if (File.Exists(Path.Combine(folder, "scheduler", "scheduler_config.json")))
        {
            var scheduler = JsonFacts.Load(Path.Combine(folder, "scheduler", "scheduler_config.json"));
            facts.Add(new("prediction type", scheduler.Text("prediction_type") ?? "epsilon (diffusers' default)"));
            facts.Add(new("noise schedule",
                $"{scheduler.Text("beta_schedule") ?? "linear"}, {scheduler.Int("num_train_timesteps") ?? 1000} steps"));
        }

        if (named.Where(n => !needed.Contains(n)).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } unused)
        {
            facts.Add(new("parts not used", string.Join(", ", unused)));
        }

        return new Inspection(folder, $"diffusers pipeline, {Family(folder, needed)}", parts, facts, problems,
            new Dictionary<string, string>());
    }

    private static IEnumerable<string> Needed(HashSet<string> parts)
    {
        foreach (var part in parts.Order(StringComparer.Ordinal))
        {
            IEnumerable<string> files = part switch
            {
                "scheduler" => ["scheduler_config.json"],
                "tokenizer" or "tokenizer_2" => ["vocab.json", "merges.txt"],
                _ => ["config.json"],
            };
            foreach (var file in files)
            {
                yield return $"{part}/{file}";
            }
        }
    }

    private static void Add(string folder, (string Folder, string Stem, PartKind Kind, string What) network,
        List<InspectedPart> parts, List<KeyValuePair<string, string>> facts, List<string> problems)
    {
        var place = Path.Combine(folder, network.Folder);
        if (WeightFiles.TryFind(place, network.Stem) is not { } path)
        {
            problems.Add($"{network.Folder}/{network.Stem}.safetensors is missing");
            return;
        }

        try
        {
            using var file = WeightFiles.Open(path);
            parts.Add(InspectedPart.Of(network.Folder, network.Kind, network.What, file.Files, [.. file.Tensors.Values]));
            facts.AddRange(FolderInspection.Variants(place, file)
                .Select(v => new KeyValuePair<string, string>($"{network.Folder}: {v.Key}", v.Value)));
            if (File.Exists(Path.Combine(place, "config.json")))
            {
                problems.AddRange(StructureCheck.Problems($"{network.Folder}: ",
                    JsonFacts.Load(Path.Combine(place, "config.json")), file));
            }
        }
        catch (WeightFileException e)
        {
            problems.Add(e.Message);
        }
    }

    private static string Family(string folder, HashSet<string> parts)
    {
        var config = Path.Combine(folder, "unet", "config.json");
        var width = File.Exists(config) ? JsonFacts.Load(config).Raw("cross_attention_dim") : null;
        return (width, parts.Contains("text_encoder_2")) switch
        {
            (_, true) => "SDXL",
            ("768", _) => "SD 1.x",
            ("1024", _) => "SD 2.x",
            (null, _) => "of an unknown family",
            _ => $"Stable Diffusion's structure in sizes of its own (text states of {width})",
        };
    }
}
