using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Planning;

namespace AlignProp.Adapters.Inspection;

/// <summary>A folder of one network: its configuration by the loader's tables, and its weights by the configuration.</summary>
internal static class PartProblems
{
    internal static IReadOnlyList<string> Of(string config, IWeightFile file)
    {
        var problems = new ProblemList();
        if (problems.Try(() => JsonConfig.Load(config)) is not { } json)
        {
            return problems.All;
        }

        IReadOnlyDictionary<string, long[]>? expected = null;
        Func<string, string> rename = k => k;
        switch (Class(json))
        {
            case "UNet2DConditionModel":
                expected = problems.Try(json, UNetTable.Class, UNetConfigReader.Read) is { } unet
                    ? StructureKeys.UNet(unet) : null;
                break;
            case "AutoencoderKL":
                expected = problems.Try(json, VaeTable.Class, j => VaeConfig.Read(j)) is { } vae
                    ? StructureKeys.Vae(vae) : null;
                rename = PublishedNames.Vae;
                break;
            case "clip_text_model":
                expected = problems.Try(json, ClipTables.Text, ClipTextConfig.ReadEncoder) is { } text ? StructureKeys.Text(text,
                    json.Value("architectures").Contains("WithProjection", StringComparison.Ordinal)) : null;
                rename = PublishedNames.Text;
                break;
            case "clip":
                expected = problems.Try(json, ClipTables.Both, ClipConfig.Read) is { } clip
                    ? StructureKeys.Clip(clip) : null;
                break;
            case var other when json.Has("_class_name"):
                return [json.Wrong("_class_name", other, "UNet2DConditionModel or AutoencoderKL").Message];
        }

        // OpenCLIP's names beside transformers' configuration: HPS and others of its kind.
        return expected is null || file.Tensors.ContainsKey("visual.conv1.weight") ? problems.All
            : [.. problems.All, .. new PlannedWeights("", "", null, expected, PlannedWeights.Named(rename)).Problems(file)];
    }

    private static string Class(JsonConfig json) => json.Has("_class_name") ? json.Value("_class_name")
        : json.Has("model_type") ? json.Value("model_type")
        : json.Value("architectures").Contains("\"CLIPModel\"", StringComparison.Ordinal) ? "clip" : "";
}
