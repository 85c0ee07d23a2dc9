using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AlignProp.Adapters;

/// <summary>A LoRA's alpha in a safetensors header, under one of the many names that tools have for it.</summary>
/// <param name="Key">The header's entry.</param>
/// <param name="Alpha">Null: only that of kernels is said.</param>
/// <param name="KernelAlpha">Of convolutions with a kernel larger than 1, where that is another one.</param>
internal sealed record HeaderAlpha(string Key, double? Alpha, double? KernelAlpha)
{
    private const string PeftAlpha = "lora_alpha";
    private const int MaxDepth = 16;

    /// <summary>What may stand before <c>alpha</c>: ss_network_alpha, lora_alpha, network.linear_alpha ...</summary>
    private static readonly string[] Words =
        ["ss", "unet", "lora", "network", "networks", "adapter", "linear", "peft", "config", "base", "default"];

    private static readonly string[] Absent = ["", "none", "null"];

    /// <summary>PEFT's configuration in the header: as one JSON object, or an entry each.</summary>
    /// <param name="component">The denoiser's: its prefix is taken off the names.</param>
    /// <param name="hasAlphas">Whether alphas stand beside matrices; then diffusers' own entry alone is heeded.</param>
    /// <exception cref="LoraFormatException">It is there and cannot be used.</exception>
    internal static PeftScaling? Peft(IWeightFile file, string component, bool hasAlphas)
    {
        if (file.Metadata.TryGetValue(DiffusersLoraFormat.AdapterMetadata, out var text))
        {
            var where = $"__metadata__.{DiffusersLoraFormat.AdapterMetadata}";
            return Json(text) is { } root ? OfObject(file, where, root, component, whole: true)
                : throw new LoraFormatException(file.Path, where, "is not valid JSON; expected one object");
        }

        if (hasAlphas)
        {
            return null;
        }

        var entries = new JsonObject(file.Metadata.Select(m => KeyValuePair.Create(m.Key, Node(m.Value))));
        using var flat = JsonDocument.Parse(entries.ToJsonString());
        return OfObject(file, "__metadata__", flat.RootElement.Clone(), component)
            ?? file.Metadata.Select(m => Json(m.Value) is { ValueKind: JsonValueKind.Object } value
                ? OfObject(file, $"__metadata__.{m.Key}", value, component) : null).FirstOrDefault(p => p is not null);
    }

    /// <summary>A plain number: of an entry, or inside an entry's JSON.</summary>
    /// <exception cref="LoraFormatException">It is no number, or two entries say two.</exception>
    internal static HeaderAlpha? Find(IWeightFile file)
    {
        var (plain, kernel) = (new List<(string Key, double Value)>(), new List<(string Key, double Value)>());
        foreach (var (key, value) in file.Metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            if (ListOf(key, nested: false) is { } isKernel)
            {
                Take(key, value, isKernel);
            }
            else if (Json(value) is { ValueKind: JsonValueKind.Object } root)
            {
                Walk(key, root, 0);
            }
        }

        if (plain.DistinctBy(p => p.Value).ToList() is [var one, var other, ..])
        {
            throw new LoraFormatException(file.Path, $"__metadata__.{other.Key}", FormattableString.Invariant(
                $"says alpha {other.Value}, and {one.Key} says {one.Value}; expected one alpha, or one beside each pair"));
        }

        return plain.Concat(kernel).ToList() is not [var first, ..] ? null
            : new HeaderAlpha(first.Key, plain.Count == 0 ? null : first.Value, kernel.Count == 0 ? null : kernel[0].Value);

        void Walk(string path, JsonElement element, int depth)
        {
            foreach (var property in element.EnumerateObject())
            {
                var name = $"{path}.{property.Name}";
                if (property.Value.ValueKind == JsonValueKind.Object && depth < MaxDepth && !IsOfText(property.Name))
                {
                    Walk(name, property.Value, depth + 1);
                }
                else if (ListOf(property.Name, nested: true) is { } isKernel)
                {
                    Take(name, property.Value.ToString(), isKernel);
                }
            }
        }

        void Take(string key, string value, bool isKernel)
        {
            if (!Absent.Contains(value.Trim().ToLowerInvariant()))
            {
                (isKernel ? kernel : plain).Add((key, Number(file, key, value)));
            }
        }
    }

    /// <summary>
    /// Whether a name is that of an alpha: false, that of convolutions with a kernel: true, or neither: null. Inside other JSON a
    /// bare alpha may be anything.
    /// </summary>
    private static bool? ListOf(string name, bool nested)
    {
        var words = name.ToLowerInvariant().Split('_', '.', '-', '/', ' ');
        return words[^1] != "alpha" || (nested && words.Length == 1) ? null
            : words[..^1].All(Words.Contains) ? false
            : words[^2] == "conv" && words[..^2].All(Words.Contains) ? true
            : null;
    }

    private static bool IsOfText(string name) => name.StartsWith("te", StringComparison.OrdinalIgnoreCase);

    /// <param name="whole">Whether the object is nothing but a configuration, so that PEFT's defaults hold.</param>
    private static PeftScaling? OfObject(IWeightFile file, string where, JsonElement root, string component, bool whole = false)
    {
        var prefix = component + ".";
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new LoraFormatException(file.Path, where, $"is JSON of the kind {root.ValueKind}; expected an object");
        }

        if (root.EnumerateObject().Any(p => whole ? p.Name.StartsWith(prefix, StringComparison.Ordinal)
            : p.Name == prefix + PeftAlpha))
        {
            return PeftScaling.Of(file.Path, where, root, prefix);
        }

        return root.TryGetProperty(PeftAlpha, out _) ? PeftScaling.Of(file.Path, where, root)
            : root.TryGetProperty(component, out var own) && own.ValueKind == JsonValueKind.Object
                && own.TryGetProperty(PeftAlpha, out _) ? PeftScaling.Of(file.Path, $"{where}.{component}", own)
            : null;
    }

    /// <exception cref="LoraFormatException">The entry is no finite number.</exception>
    internal static double Number(IWeightFile file, string key, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw new LoraFormatException(file.Path, $"__metadata__.{key}", $"is '{value}'; expected a number");

    /// <summary>An entry's value as JSON where it is some (Python's words too), else as text.</summary>
    private static JsonNode? Node(string value) => value switch
    {
        "True" => true,
        "False" => false,
        "None" => null,
        _ => Json(value) is { } json ? JsonNode.Parse(json.GetRawText()) : JsonValue.Create(value),
    };

    private static JsonElement? Json(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
