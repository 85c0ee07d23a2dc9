using AlignProp.Adapters.Planning;

namespace AlignProp.Adapters.Inspection;

/// <summary>A diffusers folder: what the loader's plan says of it, and which files hold its networks.</summary>
internal static class PipelineInspection
{
    private static readonly Dictionary<string, (PartKind Kind, string What)> Networks = new(StringComparer.Ordinal)
    {
        ["unet"] = (PartKind.UNet, "UNet"),
        ["vae"] = (PartKind.Vae, "VAE"),
        ["text_encoder"] = (PartKind.TextEncoder, "text encoder"),
        ["text_encoder_2"] = (PartKind.TextEncoder, "text encoder 2"),
    };

    internal static Inspection Of(string folder)
    {
        var plan = ModelPlan.Of(folder, new ModelOptions());
        var index = JsonFacts.Load(Path.Combine(folder, "model_index.json"));
        var parts = new List<InspectedPart>();
        var facts = new List<KeyValuePair<string, string>> { new("class in model_index.json", index.Text("_class_name")
            ?? "none") };
        foreach (var network in plan.Weights)
        {
            Add(network, parts, facts);
        }

        facts.AddRange(PlanFacts.Of(plan));
        if (index.Root.EnumerateObject().Where(p => IsPart(p.Value) && !IsUsed(p.Name, plan)).Select(p => p.Name)
            .Order(StringComparer.Ordinal).ToList() is { Count: > 0 } unused)
        {
            facts.Add(new("parts not used", string.Join(", ", unused)));
        }

        return new Inspection(folder, $"diffusers pipeline, {plan.Family}", parts, facts,
            [.. plan.Problems, .. plan.WeightProblems()], new Dictionary<string, string>());
    }

    private static bool IsPart(System.Text.Json.JsonElement value) => value.ValueKind == System.Text.Json.JsonValueKind.Array
        && value.EnumerateArray().Any(v => v.ValueKind == System.Text.Json.JsonValueKind.String);

    private static bool IsUsed(string name, ModelPlan plan) => name is "scheduler" or "tokenizer"
        || (name == "tokenizer_2" && plan.Texts.Count > 1) || plan.Weights.Any(w => w.Part == name);

    private static void Add(PlannedWeights network, List<InspectedPart> parts, List<KeyValuePair<string, string>> facts)
    {
        if (WeightFiles.TryFind(network.Place, network.Stem!) is not { } path)
        {
            return;
        }

        try
        {
            using var file = WeightFiles.Open(path);
            var (kind, what) = Networks[network.Part];
            parts.Add(InspectedPart.Of(network.Part, kind, what, file.Files, [.. file.Tensors.Values]));
            facts.AddRange(FolderInspection.Variants(network.Place, file)
                .Select(v => new KeyValuePair<string, string>($"{network.Part}: {v.Key}", v.Value)));
        }
        catch (WeightFileException)
        {
            // One of the problems, where the weights are compared.
        }
    }
}
