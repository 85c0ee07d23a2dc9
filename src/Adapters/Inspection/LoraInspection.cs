using System.Globalization;

namespace AlignProp.Adapters.Inspection;

/// <summary>
/// LoRA files of diffusers, PEFT, kohya and of this project, also those that cannot be used here: rank, alpha, modules.
/// </summary>
internal static class LoraInspection
{
    internal static Inspection OfPeftFolder(string folder)
    {
        var config = JsonFacts.Load(Path.Combine(folder, "adapter_config.json"));
        if (WeightFiles.TryFind(folder, "adapter_model") is not { } weights)
        {
            return new Inspection(folder, "PEFT folder", [], Facts(config), ["adapter_model.safetensors is missing"],
                new Dictionary<string, string>());
        }

        using var file = WeightFiles.Open(weights);
        var inspected = Of(folder, file, FileInspection.Format(weights, file), () => PeftLoraFormat.Import(folder));
        return inspected with { Kind = $"PEFT folder: {inspected.Kind}", Facts = [.. Facts(config), .. inspected.Facts] };
    }

    /// <param name="import">Reads it as an adapter; null = from the file alone.</param>
    internal static Inspection Of(string path, IWeightFile file, string format, Func<ImportedLora>? import = null)
    {
        var downs = file.Tensors.Values.Where(t => IsDown(t.Name)).ToList();
        var modules = downs.Select(t => Module(t.Name)).ToList();
        var ranks = downs.Where(t => t.Shape.Length >= 2).Select(t => t.Shape[0]).Distinct().Order().ToList();
        var facts = new List<KeyValuePair<string, string>>
        {
            new("rank", ranks.Count switch { 0 => "unknown", 1 => $"{ranks[0]}", _ => $"{ranks[0]} to {ranks[^1]}" }),
            new("alpha", Alpha(file)),
            new("modules",
                $"{modules.Count} ({string.Join(", ", modules.GroupBy(Network).Select(g => $"{g.Count()} of the {g.Key}"))})"),
            new("targets",
                string.Join(", ",
                modules.GroupBy(Target).OrderByDescending(g => g.Count()).Take(8).Select(g => $"{g.Key} x {g.Count()}"))),
        };
        if ((file.Metadata.GetValueOrDefault("ss_base_model_version")
            ?? file.Metadata.GetValueOrDefault("modelspec.architecture")) is { } model)
        {
            facts.Add(new("base model", model));
        }

        var problems = new List<string>();
        try
        {
            var imported = import is null ? LoraFile.Import(file) : import();
            facts.AddRange(imported.Notices.Select(n => new KeyValuePair<string, string>("note", n)));
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or LoraShapeException)
        {
            problems.Add($"cannot be used here: {e.Message}");
        }

        return new Inspection(path, $"LoRA, {Spelling(file)}, {format}",
            [InspectedPart.Of("", PartKind.Lora, "LoRA", file.Files, [.. file.Tensors.Values])], facts, problems, file.Metadata);
    }

    private static List<KeyValuePair<string, string>> Facts(JsonFacts config) =>
        [.. new[] { "r", "lora_alpha", "target_modules", "base_model_name_or_path", "use_dora",
            "use_rslora" }.Where(k => config.Raw(k) is not null)
            .Select(k => new KeyValuePair<string, string>($"adapter_config {k}", config.Raw(k)!))];

    private static string Spelling(IWeightFile file) => file switch
    {
        _ when file.Metadata.GetValueOrDefault("format") == "alignprop-lora" => "of this project",
        _ when file.Tensors.Keys.Any(k => k.Contains("lora_down.", StringComparison.Ordinal)) => "kohya's names (ComfyUI, A1111)",
        _ when file.Tensors.Keys.Any(k => k.Contains(".lora_A", StringComparison.Ordinal)) => "PEFT's names",
        _ => "diffusers' names",
    };

    private static string Alpha(IWeightFile file)
    {
        var alphas = file.Tensors.Values.Where(t => t.Name.EndsWith(".alpha", StringComparison.Ordinal) && t.Count == 1
                && FiniteCheck.IsFinite(t.DType, file.Bytes(t.Name)))
            .Select(t => file.ReadNumber(t.Name)).Distinct().Order().ToList();
        string Text(double alpha) => alpha.ToString(CultureInfo.InvariantCulture);
        return alphas.Count switch
        {
            0 => file.Metadata.GetValueOrDefault("alpha") ?? file.Metadata.GetValueOrDefault("ss_network_alpha")
                ?? "none in the file: the rank holds",
            1 => Text(alphas[0]),
            _ => $"{Text(alphas[0])} to {Text(alphas[^1])}",
        };
    }

    private static bool IsDown(string key) => key.Contains("lora_down.", StringComparison.Ordinal)
        || key.Contains("lora.down.", StringComparison.Ordinal) || key.Contains("lora_A", StringComparison.Ordinal)
        || key.Contains("lora_linear_layer.down.", StringComparison.Ordinal);

    private static string Module(string key) => key[..new[] { ".lora_down.", ".lora.down.", "_lora.down.",
        ".lora_linear_layer.down.", ".lora_A" }.Select(m => key.IndexOf(m, StringComparison.Ordinal)).Where(i => i >= 0)
            .DefaultIfEmpty(key.Length).Min()];

    private static string Network(string module) =>
        module.StartsWith("lora_te", StringComparison.Ordinal) || module.StartsWith("text_encoder", StringComparison.Ordinal)
            || module.Contains("text_model", StringComparison.Ordinal) ? "text encoder" : "UNet";

    private static string Target(string module) =>
        new[] { "to_out.0", "to_out_0", "to_q", "to_k", "to_v", "proj_in", "proj_out", "q_proj", "k_proj", "v_proj", "out_proj",
            "fc1", "fc2", "ff_net_0_proj", "ff.net.0.proj", "ff_net_2", "ff.net.2" }
            .FirstOrDefault(t => module.EndsWith(t, StringComparison.Ordinal))?.Replace("to_out_0", "to_out.0",
                StringComparison.Ordinal) ?? module[(module.LastIndexOf('.') + 1)..];
}
