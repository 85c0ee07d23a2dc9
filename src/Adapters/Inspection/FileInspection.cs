namespace AlignProp.Adapters.Inspection;

/// <summary>One file of weights (or a sharded index): a single-file checkpoint, one network, or a LoRA.</summary>
internal static class FileInspection
{
    internal static Inspection Of(string path)
    {
        using var file = WeightFiles.Open(path);
        return Of(path, file);
    }

    internal static Inspection Of(string path, IWeightFile file)
    {
        var format = Format(path, file);
        if (file.Tensors.Keys.Any(k => k.StartsWith("model.diffusion_model.", StringComparison.Ordinal)))
        {
            return Checkpoint(path, file, format);
        }

        var (kind, what) = KeyPatterns.Of(file.Tensors);
        if (kind == PartKind.Lora || file.Metadata.GetValueOrDefault("format") == "alignprop-lora")
        {
            return LoraInspection.Of(path, file, format);
        }

        var part = InspectedPart.Of("", kind, what, file.Files, [.. file.Tensors.Values]);
        string[] problems = kind == PartKind.Other ? [$"its keys are of no network that is known here, for example "
            + $"{string.Join(", ", file.Tensors.Keys.Order(StringComparer.Ordinal).Take(3))}"] : [];
        return new Inspection(path, $"{what}, {format}", [part], Sizes(kind, file.Tensors), problems, file.Metadata);
    }

    /// <summary>safetensors, or a pickle, in one file or several.</summary>
    internal static string Format(string path, IWeightFile file)
    {
        var shards = file.Files.Count == 1 ? "" : $", {file.Files.Count} shards";
        return (file is TorchFile || (file is ShardedWeights && !path.Contains("safetensors", StringComparison.Ordinal))
            ? "PyTorch zip pickle" : "safetensors") + shards;
    }

    /// <summary>What shapes say of a network's sizes.</summary>
    internal static List<KeyValuePair<string, string>> Sizes(PartKind kind, IReadOnlyDictionary<string, TensorInfo> tensors)
    {
        var facts = new List<KeyValuePair<string, string>>();
        void Add(string name, string key, Func<long[], string> value)
        {
            if (tensors.TryGetValue(key, out var info) && info.Shape.Length >= 2)
            {
                facts.Add(new(name, value(info.Shape)));
            }
        }

        switch (kind)
        {
            case PartKind.UNet:
                Add("latent channels", "conv_in.weight",
                    s => $"{s[1]}{(s[1] == 9 ? " (inpainting: with mask and masked image)" : "")}");
                Add("width of text states", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight", s => $"{s[1]}");
                Add("width of text states", "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", s => $"{s[1]}");
                break;
            case PartKind.Vae:
                Add("latent channels", "decoder.conv_in.weight", s => $"{s[1]}");
                break;
            case PartKind.TextEncoder or PartKind.Clip:
                Add("vocabulary x width", "text_model.embeddings.token_embedding.weight", s => $"{s[0]} x {s[1]}");
                Add("text length", "text_model.embeddings.position_embedding.weight", s => $"{s[0]}");
                Add("vocabulary x width", "token_embedding.weight", s => $"{s[0]} x {s[1]}");
                break;
            case PartKind.Head:
                Add("features", "layers.0.weight", s => $"{s[1]}");
                break;
        }

        return [.. facts.DistinctBy(f => f.Key)];
    }

    private static Inspection Checkpoint(string path, IWeightFile file, string format)
    {
        var parts = new List<InspectedPart>();
        var rest = file.Tensors.Values.ToList();
        foreach (var (prefix, kind, what) in KeyPatterns.SingleFile)
        {
            var mine = rest.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
            if (mine.Count > 0)
            {
                parts.Add(InspectedPart.Of(prefix.TrimEnd('.'), kind, what, file.Files, mine));
                rest.RemoveAll(mine.Contains);
            }
        }

        if (rest.Count > 0)
        {
            parts.Add(InspectedPart.Of("", PartKind.Other, "schedule buffers and others, not used", file.Files, rest));
        }

        bool Has(string name) => parts.Any(p => p.Name == name);
        var family = Has("conditioner.embedders.1") ? "SDXL" : Has("cond_stage_model.model") ? "SD 2.x"
            : Has("cond_stage_model.transformer") ? "SD 1.x" : "Stable Diffusion of an unknown family";
        var problems = new List<string>();
        if (!Has("first_stage_model"))
        {
            problems.Add("the VAE is missing (first_stage_model.*)");
        }

        if (!parts.Any(p => p.What.StartsWith("text encoder", StringComparison.Ordinal)))
        {
            problems.Add("the text encoder is missing (cond_stage_model.* or conditioner.embedders.*)");
        }

        var facts = new List<KeyValuePair<string, string>>();
        if (file.Tensors.TryGetValue("model.diffusion_model.input_blocks.0.0.weight", out var first) && first.Shape.Length == 4)
        {
            facts.Add(new("latent channels", $"{first.Shape[1]}{(first.Shape[1] == 9 ? " (inpainting)" : "")}"));
        }

        facts.Add(new("prediction type", file.Metadata.GetValueOrDefault("modelspec.prediction_type")
            ?? (family == "SD 2.x" ? "not in the file: epsilon (512-base) or v (768)"
            : "not in the file: epsilon as published")));
        return new Inspection(path, $"single-file checkpoint, {family}, {format}", parts, facts, problems, file.Metadata);
    }
}
