using System.Text.Json;
using System.Text.RegularExpressions;

namespace AlignProp.Adapters;

/// <summary>
/// How a PEFT configuration scales each module: <c>lora_alpha</c>, <c>alpha_pattern</c>, <c>rank_pattern</c> (only to be checked
/// against the matrices) and <c>use_rslora</c> (alpha / sqrt(r) in place of alpha / r). It stands in adapter_config.json, and
/// with a prefix in the metadata of files by newer versions of diffusers.
/// </summary>
internal sealed class PeftScaling
{
    private static readonly string[] Nothing = ["", "{}", "[]", "False", "none"];

    private readonly double? _alpha;
    private readonly bool _rankStabilised;
    private readonly IReadOnlyList<(string Pattern, double Alpha)> _patterns;

    private PeftScaling(double? alpha, bool rankStabilised, IReadOnlyList<(string, double)> patterns) =>
        (_alpha, _rankStabilised, _patterns) = (alpha, rankStabilised, patterns);

    /// <summary>Settings that change what a branch computes, so that a file with one of them is refused.</summary>
    private static readonly string[] Unsupported =
        ["use_dora", "modules_to_save", "lora_bias", "bias", "use_qalora", "layer_replication", "target_parameters",
            "trainable_token_indices", "fan_in_fan_out", "use_bdlora", "velora_config", "monteclora_config", "kasa_config",
            "arrow_config"];

    /// <summary>Reads the settings of a JSON object.</summary>
    /// <param name="source">File, for the message.</param>
    /// <param name="where">Key or file name, for the message.</param>
    /// <param name="prefix"><c>unet.</c>, or nothing.</param>
    /// <exception cref="LoraFormatException">Not the JSON of a LoRA this project can use.</exception>
    internal static PeftScaling Parse(string source, string where, ReadOnlyMemory<byte> json, string prefix = "")
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            var root = document.RootElement;
            JsonElement? Find(string name) => root.TryGetProperty(prefix + name, out var value)
                && value.ValueKind != JsonValueKind.Null ? value : null;
            if (Find("peft_type") is { } type && type.GetString() != "LORA")
            {
                throw new LoraFormatException(source, where, $"peft_type is {type}, expected LORA");
            }

            foreach (var name in Unsupported)
            {
                if (Find(name) is { } value && !Nothing.Contains(value.ToString()))
                {
                    throw new LoraFormatException(source, where, $"{prefix}{name} is not supported");
                }
            }

            var patterns = Find("alpha_pattern") is { ValueKind: JsonValueKind.Object } pattern
                ? pattern.EnumerateObject().Select(p => (p.Name, p.Value.GetDouble())).ToList()
                : [];
            return new PeftScaling(Find("lora_alpha")?.GetDouble(), Find("use_rslora")?.GetBoolean() ?? false, patterns);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new LoraFormatException(source, where, $"is not valid: {e.Message}", e);
        }
    }

    /// <summary>Alpha so that the branch's scale is alpha / rank; null where nothing is said.</summary>
    internal double? AlphaOf(string module, int rank)
    {
        double? alpha = _patterns.Where(p => Matches(p.Pattern, module)).Select(p => (double?)p.Alpha).FirstOrDefault() ?? _alpha;
        return _rankStabilised ? (alpha ?? rank) * Math.Sqrt(rank) : alpha;
    }

    /// <summary>PEFT's rule: the module's whole path, or its end after a dot, matches the pattern.</summary>
    private static bool Matches(string pattern, string module)
    {
        try
        {
            // The pattern comes with a download: without backtracking it costs time in proportion to its length.
            return Regex.IsMatch(module, $@"^(.*\.)?({pattern})$",
                RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return module == pattern || module.EndsWith("." + pattern, StringComparison.Ordinal);
        }
    }
}
