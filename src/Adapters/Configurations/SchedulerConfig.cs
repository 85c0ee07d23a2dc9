namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of a scheduler_config.json; absent ones have the defaults of the class that the file names.</summary>
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
    private const string ClassKey = "_class_name";

    /// <summary>Stable Diffusion 1.5's schedule, which the shipped model shares.</summary>
    public static SchedulerConfig StableDiffusion { get; } =
        new(1000, 0.00085, 0.012, "scaled_linear", "epsilon", "leading", 1, false, false, 1, false);

    /// <param name="named">The class that model_index.json names, where it does.</param>
    /// <exception cref="ModelFileException">The file is missing or names a schedule that is not implemented.</exception>
    public static SchedulerConfig Load(string path, string named = "DDIMScheduler") => Read(JsonConfig.Load(path), named);

    /// <inheritdoc cref="Load" path="/param"/>
    /// <exception cref="ModelFileException">See above.</exception>
    public static SchedulerConfig Read(JsonConfig json, string named = "DDIMScheduler")
    {
        ArgumentNullException.ThrowIfNull(json);
        var defaults = SchedulerTable.DefaultsOf(json.Text(ClassKey, named)) ?? throw json.Wrong(ClassKey,
            "DDIMScheduler, PNDMScheduler, EulerDiscreteScheduler or another whose noise is a table of betas");
        SchedulerTable.Class.Require(json);
        var config = new SchedulerConfig(
            json.Int("num_train_timesteps", 1000),
            json.Double("beta_start", defaults.BetaStart),
            json.Double("beta_end", defaults.BetaEnd),
            json.OneOf("beta_schedule", defaults.BetaSchedule, "linear", "scaled_linear", "squaredcos_cap_v2"),
            json.OneOf("prediction_type", "epsilon", "epsilon", "v_prediction", "sample"),
            json.OneOf("timestep_spacing", defaults.TimestepSpacing, "leading", "trailing", "linspace"),
            json.Int("steps_offset", 0),
            json.Bool("set_alpha_to_one", defaults.SetAlphaToOne),
            json.Bool("clip_sample", defaults.ClipSample),
            json.Double("clip_sample_range", 1),
            json.Bool("rescale_betas_zero_snr", false));
        RequireSchedule(json, config);
        // Such a chain begins where alpha-bar is zero: noise says nothing about the image there, and its step divides by zero.
        return config is { RescaleBetasZeroSnr: true, PredictionType: "epsilon", TimestepSpacing: not "leading" }
            ? throw json.Wrong("rescale_betas_zero_snr",
                $"true with prediction_type epsilon and timestep_spacing {config.TimestepSpacing}",
                "prediction_type v_prediction, or timestep_spacing leading")
            : config;
    }

    private static void RequireSchedule(JsonConfig json, SchedulerConfig config)
    {
        const int MostTimesteps = 100_000;
        if (config.TrainTimesteps is < 1 or > MostTimesteps)
        {
            throw json.Wrong("num_train_timesteps", $"1 to {MostTimesteps}");
        }
        foreach (var (key, beta) in new[] { ("beta_start", config.BetaStart), ("beta_end", config.BetaEnd) })
        {
            if (beta is not (> 0 and < 1))
            {
                throw json.Wrong(key, "a number between 0 and 1");
            }
        }
        if (config.StepsOffset < 0 || config.StepsOffset >= config.TrainTimesteps)
        {
            throw json.Wrong("steps_offset", $"0 to {config.TrainTimesteps - 1}");
        }
    }
}
