using AlignProp.Adapters.Configurations;
using AlignProp.Adapters.Tokenization;

namespace AlignProp.Adapters.Planning;

/// <summary>
/// What a path holds as a text-to-image model, read off configurations and shapes without torch: what the loader builds, what
/// the coordinator checks before it starts, and what <c>inspect</c> says.
/// </summary>
public sealed class ModelPlan
{
    public required string Path { get; init; }

    public required bool IsSingleFile { get; init; }

    /// <summary>For people: SD 1.x, SD 2.x, SDXL, or its sizes.</summary>
    public required string Family { get; init; }

    /// <summary>Null where it cannot be used; <see cref="Problems"/> says why.</summary>
    public UNetConfig? UNet { get; init; }

    /// <inheritdoc cref="UNet"/>
    public VaeConfig? Vae { get; init; }

    /// <inheritdoc cref="UNet"/>
    public SchedulerConfig? Scheduler { get; init; }

    /// <summary>Where the prediction type comes from, when the scheduler's file does not say it.</summary>
    public string PredictionSource { get; init; } = "";

    /// <summary>Keys of a single file that are there to be noticed, without numbers.</summary>
    public IReadOnlyList<string> Markers { get; init; } = [];

    /// <summary>Text encoders in order; those that cannot be used are left out.</summary>
    public IReadOnlyList<PlannedText> Texts { get; init; } = [];

    /// <summary>SDXL: no negative prompt means zeros, not the encoded empty text.</summary>
    public bool ZerosForEmpty { get; init; }

    /// <summary>The networks, and where their weights are.</summary>
    public IReadOnlyList<PlannedWeights> Weights { get; init; } = [];

    /// <summary>What keeps the model from being used, one line each.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>What is read otherwise than it is written, one line each.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>Reads a diffusers folder or a single-file checkpoint.</summary>
    /// <exception cref="ModelFileException">There is nothing at the path, or a single file that cannot be read.</exception>
    public static ModelPlan Of(string path, ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return File.Exists(path) ? new SingleFilePlanner(path, options).Plan() : new FolderPlanner(path).Plan();
    }

    /// <returns>This.</returns>
    /// <exception cref="ModelFileException">The first of <see cref="Problems"/>.</exception>
    public ModelPlan RequireSound() => Problems.Count == 0 ? this
        : throw new ModelFileException(Problems[0] + (Problems.Count == 1 ? ""
            : $" (and {Problems.Count - 1} more: alignprop inspect {Path})"));

    /// <summary>Compares the keys and shapes of the weights with those the configurations stand for.</summary>
    public IEnumerable<string> WeightProblems() => Weights.SelectMany(w => w.Problems());
}

/// <summary>What a single file cannot say.</summary>
/// <param name="Tokenizer">A folder with CLIP's tokenizer; "" = none, null = not needed.</param>
/// <param name="Prediction">epsilon or v_prediction; "" = as the file says, or as published.</param>
public sealed record ModelOptions(string? Tokenizer = "", string Prediction = "");

/// <summary>A text encoder of a plan.</summary>
/// <param name="Place">Its folder, or the prefix of its keys in a single file.</param>
/// <param name="Tokenizer">Null where none is needed.</param>
/// <param name="IsOpenClip">Whether its keys have OpenCLIP's names.</param>
/// <param name="HasProjection">CLIPTextModelWithProjection.</param>
public sealed record PlannedText(string Place, ClipTextConfig Config, ClipTokenizer? Tokenizer, bool IsOpenClip,
    bool HasProjection)
{
    /// <summary>
    /// Whether the encoder has a weight of an OpenCLIP tower: not the layer after the penultimate, the contrastive scale, or a
    /// projection that nobody reads.
    /// </summary>
    public bool Reads(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name != "logit_scale" && (HasProjection || name != "text_projection.weight")
            && !name.StartsWith($"text_model.encoder.layers.{Config.Layers}.", StringComparison.Ordinal);
    }
}
