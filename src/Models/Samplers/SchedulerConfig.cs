using AlignProp.Models.Files;

namespace AlignProp.Models.Samplers;

/// <summary>
/// The keys of a scheduler_config.json, with diffusers' DDIM defaults except clip_sample, which absent means off.
/// </summary>
public sealed record SchedulerConfig(
    int TrainTimesteps,
    double BetaStart,
    double BetaEnd,
    string BetaSchedule,
    string PredictionType,
    string TimestepSpacing,
    int StepsOffset,
    bool SetAlphaToOne,
    bool ClipSample,
    double ClipSampleRange,
    bool RescaleBetasZeroSnr)
{
    /// <summary>Stable Diffusion 1.5's schedule, which the shipped model shares.</summary>
    public static SchedulerConfig StableDiffusion { get; } =
        new(1000, 0.00085, 0.012, "scaled_linear", "epsilon", "leading", 1, false, false, 1, false);

    /// <exception cref="ModelFileException">The file is missing or names a schedule that is not implemented.</exception>
    public static SchedulerConfig Load(string path)
    {
        var json = JsonConfig.Load(path);
        json.Require("thresholding", "False");
        json.Require("trained_betas", "null");
        var config = new SchedulerConfig(
            json.Int("num_train_timesteps", 1000),
            json.Double("beta_start", 0.0001),
            json.Double("beta_end", 0.02),
            json.OneOf("beta_schedule", "linear", "linear", "scaled_linear", "squaredcos_cap_v2"),
            json.OneOf("prediction_type", "epsilon", "epsilon", "v_prediction", "sample"),
            json.OneOf("timestep_spacing", "leading", "leading", "trailing", "linspace"),
            json.Int("steps_offset", 0),
            json.Bool("set_alpha_to_one", true),
            json.Bool("clip_sample", false),
            json.Double("clip_sample_range", 1),
            json.Bool("rescale_betas_zero_snr", false));
        // Such a chain begins where alpha-bar is zero: noise says nothing about the image there, and its step divides by zero.
        return config is { RescaleBetasZeroSnr: true, PredictionType: "epsilon", TimestepSpacing: not "leading" }
            ? throw json.Wrong("rescale_betas_zero_snr",
                $"true with prediction_type epsilon and timestep_spacing {config.TimestepSpacing}",
                "prediction_type v_prediction, or timestep_spacing leading")
            : config;
    }
}
