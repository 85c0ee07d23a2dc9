using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Samplers;

/// <summary>Betas and timesteps, computed in fp32 with torch, as the published schedules are.</summary>
internal static class NoiseSchedule
{
    public static float[] AlphasCumprod(SchedulerConfig config)
    {
        using var scope = NewDisposeScope();
        var (n, start, end) = (config.TrainTimesteps, config.BetaStart, config.BetaEnd);
        var betas = config.BetaSchedule switch
        {
            "linear" => linspace(start, end, n, dtype: ScalarType.Float32),
            "scaled_linear" => linspace(Math.Sqrt(start), Math.Sqrt(end), n, dtype: ScalarType.Float32).square(),
            "squaredcos_cap_v2" => tensor(Enumerable.Range(0, n)
                .Select(i => (float)Math.Min(1 - CosineBar((i + 1.0) / n) / CosineBar((double)i / n), 0.999)).ToArray()),
            var other => throw new ModelFileException(
                $"scheduler: beta_schedule {other} is not supported; expected linear, scaled_linear or squaredcos_cap_v2"),
        };
        if (config.RescaleBetasZeroSnr)
        {
            betas = ZeroTerminalSnr(betas);
        }
        return (1 - betas).cumprod(0).data<float>().ToArray();
    }

    /// <summary>
    /// Noisiest first. Leading spacing adds steps_offset, which moves the whole chain by one in Stable Diffusion.
    /// </summary>
    public static long[] Timesteps(SchedulerConfig config, int steps)
    {
        var n = config.TrainTimesteps;
        if (steps < 1 || steps > n)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"a chain has 1 to {n} steps");
        }
        var timesteps = config.TimestepSpacing switch
        {
            "leading" => Enumerable.Range(0, steps).Select(i => (long)i * (n / steps) + config.StepsOffset).Reverse(),
            "trailing" => Enumerable.Range(0, steps)
                .Select(i => (long)Math.Round(n - i * ((double)n / steps), MidpointRounding.ToEven) - 1),
            "linspace" => Enumerable.Range(0, steps)
                .Select(i => (long)Math.Round(i * (n - 1.0) / Math.Max(steps - 1, 1), MidpointRounding.ToEven)).Reverse(),
            var other => throw new ModelFileException(
                $"scheduler: timestep_spacing {other} is not supported; expected leading, trailing or linspace"),
        };
        // N = train timesteps with an offset would run past the table.
        return timesteps.Select(t => Math.Min(t, n - 1L)).ToArray();
    }

    private static double CosineBar(double t) => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2);

    /// <summary>Lin et al. 2024, algorithm 1: shifts and scales sqrt(alpha-bar) so that the last step is pure noise.</summary>
    private static Tensor ZeroTerminalSnr(Tensor betas)
    {
        var root = (1 - betas).cumprod(0).sqrt();
        var (first, last) = (root[0].clone(), root[-1].clone());
        root = (root - last) * (first / (first - last));
        var bar = root.square();
        return 1 - cat([bar[..1], bar[1..] / bar[..^1]], 0);
    }
}
