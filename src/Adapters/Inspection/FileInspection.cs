using AlignProp.Adapters.Planning;

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
        // A tokenizer is given beside such a file: looked at without one.
        var plan = ModelPlan.Of(path, new ModelOptions(Tokenizer: null));
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

        // They have no numbers: that they are there is what they say.
        rest.RemoveAll(t => t.Count == 0 && plan.Markers.Contains(t.Name));
        if (rest.Count > 0)
        {
            parts.Add(InspectedPart.Of("", PartKind.Other, "schedule buffers and others, not used", file.Files, rest));
        }

        var facts = new List<KeyValuePair<string, string>>();
        if (plan.UNet is { } unet)
        {
            facts.Add(new("latent channels", $"{unet.InChannels}{(unet.InChannels == 9 ? " (inpainting)" : "")}"));
        }

        return new Inspection(path, $"single-file checkpoint, {plan.Family}, {format}", parts, [.. facts, .. PlanFacts.Of(plan)],
            [.. plan.Problems, .. plan.WeightProblems()], file.Metadata);
    }
}
