using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace AlignProp.Adapters;

/// <summary>
/// How a PEFT configuration scales each module: <c>lora_alpha</c>, <c>alpha_pattern</c>, <c>use_rslora</c> (alpha / sqrt(r) in
/// place of alpha / r); <c>r</c> and <c>rank_pattern</c> are checked against the matrices. It stands in adapter_config.json, and
/// with a prefix in the metadata of files by diffusers 0.34 and later.
/// </summary>
internal sealed class PeftScaling
{
    /// <summary>PEFT's own default, for a configuration that leaves lora_alpha out.</summary>
    private const double DefaultAlpha = 8;

    private static readonly string[] Nothing = ["", "{}", "[]", "False", "false", "None", "null", "none"];

    /// <summary>Settings that change what a branch computes, so that a file with one of them is refused.</summary>
    private static readonly string[] Unsupported =
        ["use_dora", "modules_to_save", "lora_bias", "bias", "use_qalora", "layer_replication", "target_parameters",
            "trainable_token_indices", "fan_in_fan_out", "use_bdlora", "velora_config", "monteclora_config", "kasa_config",
            "arrow_config", "alora_invocation_tokens"];

    private readonly JsonElement _root;
    private readonly string _source;
    private readonly string _where;
    private readonly string _prefix;
    private readonly double _alpha;
    private readonly int? _rank;
    private readonly bool _rankStabilised;
    private readonly IReadOnlyList<(string Pattern, double Value)> _alphas;
    private readonly IReadOnlyList<(string Pattern, double Value)> _ranks;

    private PeftScaling(string source, string where, JsonElement root, string prefix)
    {
        (_source, _where, _root, _prefix) = (source, where, root, prefix);
        if (Find("peft_type") is { } type && type.ToString() != "LORA")
        {
            throw Wrong("peft_type", $"is {type}, expected LORA");
        }

        foreach (var name in Unsupported)
        {
            if (Find(name) is { } value && !Nothing.Contains(value.ToString()))
            {
                throw Wrong(name, $"is {value.GetRawText()}, which is not supported; expected a plain LoRA");
            }
        }

        _alpha = Find("lora_alpha") is { } alpha ? Number("lora_alpha", alpha) : DefaultAlpha;
        _rank = Find("r") is { } rank ? (int)Number("r", rank) : null;
        _rankStabilised = Find("use_rslora") is { } stabilised && !Nothing.Contains(stabilised.ToString());
        (_alphas, _ranks) = (Patterns("alpha_pattern"), Patterns("rank_pattern"));
    }

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
            return Of(source, where, document.RootElement.Clone(), prefix);
        }
        catch (JsonException e)
        {
            throw new LoraFormatException(source, where, $"is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>The same of JSON that is read already.</summary>
    internal static PeftScaling Of(string source, string where, JsonElement root, string prefix = "") =>
        root.ValueKind == JsonValueKind.Object ? new PeftScaling(source, where, root, prefix)
            : throw new LoraFormatException(source, where, $"is JSON of the kind {root.ValueKind}; expected an object");

    /// <summary>Alpha so that the branch's scale is alpha / rank.</summary>
    internal double AlphaOf(string module, int rank)
    {
        var alpha = Match(_alphas, module) ?? _alpha;
        return _rankStabilised ? alpha * Math.Sqrt(rank) : alpha;
    }

    /// <summary>Demands that the matrices have the rank that is said.</summary>
    /// <exception cref="LoraFormatException">They have not.</exception>
    internal void RequireRank(string module, int rank)
    {
        if ((Match(_ranks, module) ?? _rank) is { } said && said != rank)
        {
            throw Wrong(Match(_ranks, module) is null ? "r" : "rank_pattern",
                $"says rank {said.ToString(CultureInfo.InvariantCulture)}, the matrices of {module} have rank {rank}");
        }
    }

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(_prefix + name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private List<(string, double)> Patterns(string name) => Find(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Object } patterns =>
            [.. patterns.EnumerateObject().Select(p => (p.Name, Number($"{name} {p.Name}", p.Value)))],
        { } other => throw Wrong(name, $"is {other.GetRawText()}; expected an object of numbers by module name"),
    };

    private double Number(string name, JsonElement value)
    {
        var text = value.ToString();
        return value.ValueKind is JsonValueKind.Number or JsonValueKind.String
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            ? number
            : throw Wrong(name, $"is {value.GetRawText()}; expected a number");
    }

    private static double? Match(IReadOnlyList<(string Pattern, double Value)> patterns, string module) =>
        patterns.Where(p => Matches(p.Pattern, module)).Select(p => (double?)p.Value).FirstOrDefault();

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

    private LoraFormatException Wrong(string name, string problem) => new(_source, $"{_where} {_prefix}{name}", problem);
}
