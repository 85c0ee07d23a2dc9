namespace AlignProp.Adapters.Configurations;

/// <summary>
/// The keys of diffusers' schedulers whose noise schedule is a table of betas, as DDIM's: the chain here is DDIM's with their
/// betas, spacing, offset and prediction type. All other classes (EDM's, flow matching, consistency, discrete) mean another
/// noise, and are refused by name.
/// </summary>
internal static class SchedulerTable
{
    private static readonly ClassDefaults Ddim = new("leading", "linear", 0.0001, 0.02, SetAlphaToOne: true, ClipSample: true);
    private static readonly ClassDefaults Others = Ddim with { ClipSample = false };
    private static readonly ClassDefaults Linspace = Others with { TimestepSpacing = "linspace" };
    private static readonly ClassDefaults Karras = Linspace with { BetaStart = 0.00085, BetaEnd = 0.012 };

    /// <summary>What a class means by keys its file leaves out; clip_sample of classes that do not have it is off.</summary>
    private static readonly Dictionary<string, ClassDefaults> ByClass = new(StringComparer.Ordinal)
    {
        ["DDIMScheduler"] = Ddim,
        ["DDIMParallelScheduler"] = Ddim,
        ["DDPMScheduler"] = Ddim,
        ["DDPMParallelScheduler"] = Ddim,
        ["PNDMScheduler"] = Others with { SetAlphaToOne = false },
        ["DPMSolverSinglestepScheduler"] = Others,
        ["DPMSolverMultistepScheduler"] = Linspace,
        ["DEISMultistepScheduler"] = Linspace,
        ["EulerAncestralDiscreteScheduler"] = Linspace,
        ["EulerDiscreteScheduler"] = Linspace,
        ["LMSDiscreteScheduler"] = Linspace,
        ["SASolverScheduler"] = Linspace,
        ["UniPCMultistepScheduler"] = Linspace,
        ["DPMSolverSDEScheduler"] = Karras,
        ["HeunDiscreteScheduler"] = Karras,
        ["KDPM2DiscreteScheduler"] = Karras,
        ["KDPM2AncestralDiscreteScheduler"] = Karras,
    };

    /// <summary>One table for all: a file carries the keys of the class it was made from (SDXL's Euler those of PNDM).</summary>
    public static ConfigClass Class { get; } = new ConfigClass("the schedulers with betas", [.. ByClass.Keys])
        .Used("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type", "timestep_spacing",
            "steps_offset", "set_alpha_to_one", "clip_sample", "clip_sample_range", "rescale_betas_zero_snr")
        .Only("null", "trained_betas", "sigma_min", "sigma_max", "shift_terminal", "timestep_values")
        .Only("false", "thresholding", "use_flow_sigmas", "use_dynamic_shifting")
        .Only("\"discrete\"", "timestep_type")
        .Only("true", "predict_epsilon")
        .Only("\"fixed_small\"|\"fixed_small_log\"|\"fixed_large\"|\"fixed_large_log\"|null", "variance_type")
        // How another sampler solves the same noise schedule.
        .Idle("skip_prk_steps", "solver_order", "solver_type", "algorithm_type", "lower_order_final", "euler_at_final",
            "final_sigmas_type", "lambda_min_clipped", "predictor_order", "corrector_order", "disable_corrector", "solver_p",
            "tau_func", "predict_x0", "interpolation_type", "noise_sampler_seed", "use_karras_sigmas", "use_exponential_sigmas",
            "use_beta_sigmas", "use_lu_lambdas", "original_inference_steps", "timestep_scaling")
        // Parts of what is refused above: thresholds, flows; and the kind of array of the first diffusers.
        .Idle("dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type", "tensor_format");

    /// <summary>Null for a class that is not sampled here.</summary>
    public static ClassDefaults? DefaultsOf(string name) => ByClass.GetValueOrDefault(name);

    /// <summary>Values of keys a file may leave out; all have 1000 train timesteps, predict epsilon, have no offset.</summary>
    internal sealed record ClassDefaults(string TimestepSpacing, string BetaSchedule, double BetaStart, double BetaEnd,
        bool SetAlphaToOne, bool ClipSample);
}
