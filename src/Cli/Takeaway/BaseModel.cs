using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Takeaway;

/// <summary>The model an adapter was made for, as far as take-away files speak of it.</summary>
/// <param name="Folder">Diffusers folder; null when an adapter file is exported without one.</param>
/// <param name="Name">What to call it: a name on a hub, or the folder's.</param>
/// <param name="KohyaVersion">kohya's <c>ss_base_model_version</c>; null for a family it has no word for.</param>
/// <param name="Architecture"><c>modelspec.architecture</c> without <c>/lora</c>.</param>
/// <param name="Prediction">epsilon or v_prediction.</param>
/// <param name="Pipeline">diffusers' class for it.</param>
public sealed record BaseModel(string? Folder, string Name, string? KohyaVersion, string? Architecture, string Prediction,
    string Pipeline)
{
    private const string DefaultPipeline = "StableDiffusionPipeline";

    /// <param name="name">What the user calls it; null = the folder's name.</param>
    /// <exception cref="ConfigException">The folder has no readable unet/config.json.</exception>
    public static BaseModel Of(string? folder, string? name)
    {
        if (folder is null)
        {
            return new BaseModel(null, name ?? "unknown", null, null, "epsilon", DefaultPipeline);
        }
        var width = Number(Path.Combine(folder, "unet", "config.json"), "cross_attention_dim");
        var scheduler = Path.Combine(folder, "scheduler", "scheduler_config.json");
        var prediction = File.Exists(scheduler) && Root(scheduler).TryGetProperty("prediction_type", out var type)
            ? type.GetString() ?? "epsilon" : "epsilon";
        var velocity = prediction == "v_prediction";
        // The families are told apart by the width of the text states the UNet attends to.
        var (version, architecture) = width switch
        {
            768 => ("sd_v1", "stable-diffusion-v1"),
            1024 => (velocity ? "sd_v2_v" : "sd_v2", velocity ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512"),
            2048 => ("sdxl_base_v1-0", "stable-diffusion-xl-v1-base"),
            _ => ((string?)null, (string?)null),
        };
        return new BaseModel(folder, name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            version, architecture, prediction, PipelineOf(folder));
    }

    /// <summary>The class that model_index.json names, where it is one of diffusers'.</summary>
    private static string PipelineOf(string folder)
    {
        var index = Path.Combine(folder, "model_index.json");
        return File.Exists(index) && Root(index) is { ValueKind: JsonValueKind.Object } root
            && root.TryGetProperty("_class_name", out var name) && name.ValueKind == JsonValueKind.String
            && name.GetString() is { } text && text.StartsWith("StableDiffusion", StringComparison.Ordinal)
            && text.All(char.IsAsciiLetterOrDigit)
            ? text : DefaultPipeline;
    }

    /// <summary>
    /// Every layer of the denoiser that could be adapted, for formats that say in short which are; null without a folder.
    /// </summary>
    /// <exception cref="ConfigException">The adapter has modules that the model has not.</exception>
    public IReadOnlyCollection<string>? Modules(LoraWeights weights)
    {
        if (Folder is null)
        {
            return null;
        }
        var sites = LoraLayoutReader.Read(Folder);
        var odd = weights.Modules.Where(m => !sites.TryGet(m, out _)).ToList();
        return odd.Count == 0
            ? [.. sites.Select(s => s.Module)]
            : throw new ConfigException(
                $"{Folder}: has no module {odd[0]}{(odd.Count > 1 ? $" and {odd.Count - 1} others" : "")} of the adapter; "
                + $"expected the model it was made for (--model)");
    }

    private static int Number(string path, string key)
    {
        var root = Root(path);
        return root.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out var number) ? number : 0;
    }

    private static JsonElement Root(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ConfigException(
                $"{path}: cannot be read ({e.Message.Split('\n')[0]}); expected a diffusers folder (--model)");
        }
    }
}
