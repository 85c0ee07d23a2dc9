using System.Text.Json;

namespace AlignProp.Adapters.Configurations;

/// <summary>
/// The keys of a model_index.json: the pipelines whose weights make a Stable Diffusion, and of each part the classes that are
/// computed here.
/// </summary>
internal static class PipelineTable
{
    private const string ClassKey = "_class_name";

    private static readonly string[] Plain = ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"],
        Xl = ["StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"];

    private static readonly Dictionary<string, string[]> Parts = new(StringComparer.Ordinal)
    {
        ["unet"] = ["UNet2DConditionModel"],
        ["vae"] = ["AutoencoderKL"],
        ["text_encoder"] = ["CLIPTextModel"],
        ["text_encoder_2"] = ["CLIPTextModelWithProjection"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["tokenizer_2"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["scheduler"] = [.. SchedulerTable.Class.Names],
    };

    /// <summary>The keys that are no part, and the parts that no picture of a prompt needs.</summary>
    public static ConfigClass Class { get; } = new ConfigClass("a Stable Diffusion pipeline", [.. Plain, .. Xl])
        .Used([.. Parts.Keys, "force_zeros_for_empty_prompt"])
        .Only("false", "requires_aesthetics_score")
        .Idle("safety_checker", "feature_extractor", "image_encoder", "watermark", "requires_safety_checker", "add_watermarker");

    /// <summary>All that is wrong with the file, one line each.</summary>
    /// <param name="needed">Parts the model is made of.</param>
    public static IEnumerable<string> Problems(JsonConfig index, IReadOnlyCollection<string> needed)
    {
        if (index.Has(ClassKey) && !Class.Names.Contains(index.Value(ClassKey)))
        {
            yield return index.Wrong(ClassKey, string.Join(" or ", Class.Names)).Message;
            yield break;
        }
        foreach (var problem in Class.Problems(index))
        {
            yield return problem;
        }
        foreach (var (part, classes) in Parts.Where(p => index.Has(p.Key)))
        {
            var named = ClassOf(index, part);
            // diffusers writes [null, null] for a part that is left out.
            if (named is null ? needed.Contains(part) : !classes.Contains(named))
            {
                yield return index.Wrong(part, string.Join(" or ", classes.Take(3))
                    + (classes.Length > 3 ? " or another with betas" : "")).Message;
            }
        }
    }

    /// <summary>The class of a part: [library, class]; null where it is not named.</summary>
    public static string? ClassOf(JsonConfig index, string part) =>
        index.Find(part) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
            && pair[0].ValueKind == JsonValueKind.String && pair[0].GetString() is "diffusers" or "transformers"
            && pair[1].ValueKind == JsonValueKind.String ? pair[1].GetString() : index.Find(part)?.ToString() is { } other
            && other.Contains('"', StringComparison.Ordinal) ? other : null;

    /// <summary>Whether the pipeline is SDXL's; null where the file does not say.</summary>
    public static bool? IsXl(JsonConfig index) => index.Has(ClassKey) ? Xl.Contains(index.Value(ClassKey)) : null;
}
