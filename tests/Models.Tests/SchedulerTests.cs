using System.Globalization;
using System.Text.RegularExpressions;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Schedules, DDIM and DDPM chains and log-probabilities against diffusers and DDPO's published code.</summary>
[Collection(FixtureCollection.Name)]
public partial class SchedulerTests
{
    private static readonly SchedulerConfig StableDiffusion = SchedulerConfig.Load(Fixture.Path("ddim", "scheduler_config.json"));

    [Fact]
    public void The_published_configuration_is_the_built_in_one() =>
        Assert.Equal(SchedulerConfig.StableDiffusion, StableDiffusion);

    [Fact]
    public void Cumulative_alphas_agree_to_the_last_place()
    {
        using var scope = NewDisposeScope();
        var expected = Fixture.Tensors("ddim", "schedule.safetensors")["alphas_cumprod"];
        FixtureAgreement.Check("DdimScheduler", "alphas_cumprod", new DdimSampler(StableDiffusion).AlphasCumprod, expected, 1e-7);
    }

    [Fact]
    public void Timesteps_agree_for_every_spacing_offset_and_length()
    {
        using var scope = NewDisposeScope();
        var cases = Fixture.Tensors("ddim", "timesteps.safetensors");
        Assert.NotEmpty(cases);
        foreach (var (name, expected) in cases)
        {
            var parts = TimestepCase().Match(name);
            var steps = int.Parse(parts.Groups[3].Value, CultureInfo.InvariantCulture);
            var config = StableDiffusion with
            {
                TimestepSpacing = parts.Groups[1].Value,
                StepsOffset = int.Parse(parts.Groups[2].Value, CultureInfo.InvariantCulture)
            };
            // Upstream runs past its own table where every training timestep is used and shifted by one.
            var within = expected.data<long>().ToArray().Select(t => Math.Min(t, config.TrainTimesteps - 1L));
            Assert.Equal(within, new DdimSampler(config).Timesteps(steps));
        }
    }

    [Fact]
    public void Ddim_chains_agree_with_diffusers()
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("ddim", "step_inputs.safetensors"),
            Fixture.Tensors("ddim", "step_expected.safetensors"));
        var chains = expected.Keys.Where(k => k.EndsWith(".prev_sample", StringComparison.Ordinal))
            .Select(k => ChainCase().Match(k)).ToList();
        Assert.True(chains.Count > 20 && chains.All(m => m.Success));
        foreach (var match in chains)
        {
            var (kind, n, eta) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
            var (chain, name) = ($"{kind}.n{n}", $"{kind}.n{n}.eta{eta}");
            var steps = int.Parse(n, CultureInfo.InvariantCulture);
            var scheduler = new DdimSampler(Config(kind));
            var timesteps = scheduler.Timesteps(steps);
            Assert.Equal(expected[$"{chain}.timesteps"].data<long>().ToArray(), timesteps);
            var samples = new List<Tensor> { inputs[$"{chain}.x_T"] };
            var clean = new List<Tensor>();
            for (var i = 0; i < steps; i++)
            {
                var output = inputs[$"{chain}.model_output"][i];
                clean.Add(scheduler.Predict(output, samples[^1], scheduler.Alphas(timesteps[i], steps).Alpha).X0);
                samples.Add(scheduler.Step(output, timesteps[i], samples[^1], steps,
                    double.Parse(eta, CultureInfo.InvariantCulture),
                    inputs[$"{chain}.variance_noise"][i]));
            }
            var kept = expected.TryGetValue($"{name}.kept_steps", out var some)
                ? some.to(ScalarType.Int64).data<long>().ToArray()
                : Enumerable.Range(0, steps).Select(i => (long)i).ToArray();
            FixtureAgreement.Check("DdimScheduler", name, stack(kept.Select(i => samples[(int)i + 1]).ToArray(), 0),
                expected[$"{name}.prev_sample"], FixtureAgreement.Forward);
            FixtureAgreement.Check("DdimScheduler", $"{name} x_0", stack(kept.Select(i => clean[(int)i]).ToArray(), 0),
                expected[$"{name}.pred_x0"], FixtureAgreement.Forward);
        }
    }

    [Fact]
    public void The_forward_process_agrees_with_diffusers()
    {
        using var scope = NewDisposeScope();
        var f = Fixture.Tensors("ddim", "misc.safetensors");
        FixtureAgreement.Check("DdimScheduler", "add_noise",
            new DdimSampler(StableDiffusion).AddNoise(f["x0"], f["noise"], f["t"]), f["add_noise"], FixtureAgreement.Forward);
    }

    [Theory]
    [InlineData("eps.n50", 50)]
    [InlineData("eps.n1000.offset0", 1000)]
    [InlineData("eps.n20.trailing", 20)]
    [InlineData("eps.n20.fixed_large", 20)]
    [InlineData("v.n20", 20)]
    public void Ancestral_chains_agree_with_diffusers(string name, int steps)
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("ddim", "ddpm_inputs.safetensors"),
            Fixture.Tensors("ddim", "ddpm_expected.safetensors"));
        var config = Config(name) with { StepsOffset = name.Contains("offset0", StringComparison.Ordinal) ? 0 : 1 };
        var sampler = new DdpmSampler(config, name.Contains("fixed_large", StringComparison.Ordinal) ? DdpmVariance.FixedLarge
            : DdpmVariance.FixedSmall);
        var schedule = sampler.Schedule(steps, 1, []);
        var times = schedule.Times.Select(t => (long)t).ToList();
        var timesteps = inputs[$"{name}.timesteps"].data<long>().ToArray();
        Assert.Subset(times.ToHashSet(), timesteps.ToHashSet());
        var x = inputs[$"{name}.x_T"];
        var samples = new List<Tensor>();
        for (var i = 0; i < timesteps.Length; i++)
        {
            samples.Add(x = schedule.Step(times.IndexOf(timesteps[i]), x, inputs[$"{name}.model_output"][i],
                inputs[$"{name}.noise"][i]));
        }
        FixtureAgreement.Check("DdpmScheduler", name, stack(samples, 0), expected[$"{name}.prev_sample"],
            FixtureAgreement.Forward);
    }

    [Fact]
    public void Log_probabilities_agree_with_ddpo()
    {
        using var scope = NewDisposeScope();
        var (inputs, expected) = (Fixture.Tensors("ddpo", "inputs.safetensors"), Fixture.Tensors("ddpo", "expected.safetensors"));
        var cases = expected.Keys.Where(k => k.EndsWith(".prev_sample", StringComparison.Ordinal))
            .Select(k => DdpoCase().Match(k)).ToList();
        Assert.True(cases.Count == 12 && cases.All(m => m.Success));
        foreach (var match in cases)
        {
            var name = match.Groups[1].Value;
            var steps = int.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture);
            var eta = double.Parse(match.Groups[4].Value, CultureInfo.InvariantCulture);
            // The last step reads alpha-bar of timestep 0, also where set_alpha_to_one would make its variance zero.
            var schedule = new DdimSampler(Config(match.Groups[2].Value) with { SetAlphaToOne = false }).Schedule(steps, eta, []);
            var (sample, t) = (inputs[$"{name}.sample"], inputs[$"{name}.timestep"][0].item<long>());
            var i = schedule.Times.ToList().IndexOf(t);
            var output = inputs[$"{name}.model_output"].requires_grad_();
            var previous = schedule.Step(i, sample, output, inputs[$"{name}.variance_noise"]);
            var distribution = schedule.Distribution(i, sample, output)!;
            FixtureAgreement.Check("DDPO", $"{name} prev_sample", previous, expected[$"{name}.prev_sample"],
                FixtureAgreement.Forward);
            FixtureAgreement.Check("DDPO", $"{name} log_prob", distribution.LogProbability(previous),
                expected[$"{name}.log_prob"], FixtureAgreement.Forward);
            var given = distribution.LogProbability(inputs[$"{name}.given_prev_sample"]);
            FixtureAgreement.Check("DDPO", $"{name} log_prob of given", given, expected[$"{name}.log_prob_of_given"],
                FixtureAgreement.Forward);
            given.sum().backward();
            FixtureAgreement.Check("DDPO", $"{name} gradient", output.grad!, expected[$"{name}.grad_model_output_of_given"],
                FixtureAgreement.Gradient);
        }
    }

    [Theory]
    [InlineData("\"prediction_type\": \"flow\"", "prediction_type = flow")]
    [InlineData("\"timestep_spacing\": \"karras\"", "timestep_spacing = karras")]
    [InlineData("\"beta_schedule\": \"sigmoid\"", "beta_schedule = sigmoid")]
    [InlineData("\"trained_betas\": [0.1]", "trained_betas")]
    [InlineData("\"rescale_betas_zero_snr\": true, \"timestep_spacing\": \"trailing\"", "rescale_betas_zero_snr")]
    public void A_schedule_that_is_not_implemented_is_refused_by_key_and_file(string keys, string expected)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, $"{{{keys}}}");
            var e = Assert.Throws<ModelFileException>(() => SchedulerConfig.Load(path));
            Assert.Contains(path, e.Message);
            Assert.Contains(expected, e.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_chain_that_begins_in_pure_noise_is_finite_for_v()
    {
        using var scope = NewDisposeScope();
        var scheduler = new DdimSampler(StableDiffusion with
        {
            PredictionType = "v_prediction",
            TimestepSpacing = "trailing",
            RescaleBetasZeroSnr = true
        });
        Assert.Equal(999, scheduler.Timesteps(4)[0]);
        Assert.Equal(0f, scheduler.AlphasCumprod[-1].item<float>());
        var (x, v) = (randn(2, 4, 4, 4), randn(2, 4, 4, 4));
        var (x0, epsilon) = scheduler.Predict(v, x, 0f);
        // alpha-bar = 0: the sample is the noise, and v is minus the image.
        Assert.Equal(0f, (x0 + v).abs().max().item<float>());
        Assert.Equal(0f, (epsilon - x).abs().max().item<float>());
        Assert.True(scheduler.Step(v, 999, x, 4).isfinite().all().item<bool>());
    }

    private static SchedulerConfig Config(string name) => StableDiffusion with
    {
        PredictionType = name.Split('.')[0] switch { "v" => "v_prediction", "sample" => "sample", _ => "epsilon" },
        TimestepSpacing = name.Contains("trailing", StringComparison.Ordinal) ? "trailing" : "leading",
        SetAlphaToOne = name.Contains("alpha_to_one", StringComparison.Ordinal),
        ClipSample = name.Contains("clip_sample", StringComparison.Ordinal),
    };

    [GeneratedRegex(@"^(\w+)\.offset(\d+)\.n(\d+)$")]
    private static partial Regex TimestepCase();

    [GeneratedRegex(@"^(.+)\.n(\d+)\.eta([\d.]+)\.prev_sample$")]
    private static partial Regex ChainCase();

    [GeneratedRegex(@"^((\w+)\.n(\d+)(?:\.alpha_to_one)?\.eta([\d.]+)\.step\d+)\.prev_sample$")]
    private static partial Regex DdpoCase();
}
