using System.Text.Json;
using System.Text.Json.Nodes;
using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters;

/// <summary>
/// LoRA folders of PEFT: <c>adapter_model.safetensors</c> with <c>base_model.model.MODULE.lora_A.weight</c> [r, in] and
/// <c>.lora_B.weight</c> [out, r], and
/// <c>adapter_config.json</c>.
/// </summary>
public static class PeftLoraFormat
{
    /// <summary>The configuration's file name.</summary>
    public const string ConfigName = "adapter_config.json";

    /// <summary>The weights' file name.</summary>
    public const string FileName = Stem + ".safetensors";

    internal const string Stem = "adapter_model";

    private const string Prefix = AdapterSite.PeftPrefix;

    internal static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>Writes both files durably into a folder that exists.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="weights">Alpha goes into the configuration; nothing is folded.</param>
    /// <param name="baseModel">What to call the base model, e.g. its name on a hub.</param>
    /// <param name="modules">
    /// All modules of the base model that could have a branch, to say in short which ones have; null = each is named.
    /// </param>
    /// <param name="dtype">F32, F16 or BF16.</param>
    public static void Write(string folder, LoraWeights weights, string baseModel, IReadOnlyCollection<string>? modules = null,
        DType dtype = DType.F32)
    {
        ArgumentNullException.ThrowIfNull(weights);
        SafetensorsWriter.Write(Path.Combine(folder, FileName),
            weights.Tensors.Select(t => LoraExport.Tensor(Prefix + t.Name, t.Shape, t.Values, dtype)), Metadata);
        var json = Config(weights, baseModel, modules).ToJsonString(Indented);
        DurableFile.Replace(Path.Combine(folder, ConfigName), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(json)));
    }

    /// <summary>The configuration, keys in ordinal order; see the class.</summary>
    public static JsonObject Config(LoraWeights weights, string baseModel, IReadOnlyCollection<string>? modules = null)
    {
        var config = Settings(weights, modules);
        config["auto_mapping"] = new JsonObject
        {
            ["base_model_class"] = "UNet2DConditionModel",
            ["parent_library"] = "diffusers.models.unets.unet_2d_condition",
        };
        config["base_model_name_or_path"] = baseModel;
        config["inference_mode"] = true;
        return config;
    }

    /// <summary>
    /// What a PEFT configuration says of the branches themselves, keys in ordinal order: those of PEFT 0.8, which refuses keys it
    /// does not know; later ones have defaults for theirs that mean what is meant here.
    /// </summary>
    internal static JsonObject Settings(LoraWeights weights, IReadOnlyCollection<string>? modules)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = null,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = false,
            ["init_lora_weights"] = "gaussian",
            ["layers_pattern"] = null,
            ["layers_to_transform"] = null,
            ["loftq_config"] = new JsonObject(),
            ["lora_alpha"] = Whole(weights.Alpha),
            ["lora_dropout"] = 0.0,
            ["megatron_config"] = null,
            ["megatron_core"] = "megatron.core",
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = weights.Rank,
            ["rank_pattern"] = new JsonObject(),
            ["revision"] = null,
            ["target_modules"] = new JsonArray([.. Targets(weights, modules).Select(t => (JsonNode?)t)]),
            ["task_type"] = null,
            ["use_rslora"] = false,
        };
    }

    /// <summary>Reads a folder.</summary>
    /// <param name="sites">Of the model it is for; null = not known.</param>
    /// <exception cref="WeightFileException">No weights in the folder, or not valid.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA, or one with settings that are not supported.</exception>
    public static ImportedLora Import(string folder, AdapterSites? sites = null)
    {
        var config = Path.Combine(folder, ConfigName);
        var scaling = PeftScaling.Parse(folder, ConfigName,
            Utf8Text.Bytes(config, problem => new LoraFormatException(folder, ConfigName, problem)));
        foreach (var problem in PeftTable.Class.Problems(JsonConfig.Load(config)))
        {
            throw new LoraFormatException(folder, ConfigName, problem);
        }
        using var file = WeightFiles.Open(WeightFiles.Find(folder, Stem));
        return LoraReader.Import(file, sites, scaling);
    }

    /// <summary>
    /// Endings such as to_q and to_out.0 where they say exactly which modules have a branch, else the modules' whole names.
    /// </summary>
    private static IEnumerable<string> Targets(LoraWeights weights, IReadOnlyCollection<string>? modules)
    {
        var adapted = weights.Modules.ToHashSet(StringComparer.Ordinal);
        var endings = adapted.Select(AdapterSite.EndingOf).Distinct().Order(StringComparer.Ordinal).ToList();
        var matched = modules?.Where(m => endings.Any(e => m == e || m.EndsWith("." + e, StringComparison.Ordinal)))
            .ToHashSet(StringComparer.Ordinal);
        return matched is not null && matched.SetEquals(adapted) ? endings : adapted.Order(StringComparer.Ordinal);
    }

    private static JsonNode Whole(double alpha) => alpha == Math.Floor(alpha) && alpha < int.MaxValue ? (int)alpha : alpha;
}
