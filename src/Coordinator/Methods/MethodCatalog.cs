using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>The methods by the names that run files give them.</summary>
public static class MethodCatalog
{
    private static readonly Dictionary<string, Func<RunConfig, IMethod>> ByName = new()
    {
        ["alignprop"] = config => new AlignPropMethod(config),
        ["draft"] = config => new DraftMethod(config),
        ["refl"] = config => new ReflMethod(config),
        ["drtune"] = config => new DrtuneMethod(config),
        ["ddpo"] = config => new DdpoMethod(config),
        ["rwr"] = config => new RwrMethod(config),
        ["none"] = _ => new NoMethod(),
    };

    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <exception cref="ConfigException">There is no such method, or the run file does not fit it.</exception>
    public static IMethod Of(RunConfig config)
    {
        if (!ByName.TryGetValue(config.Method, out var create))
        {
            var nearest = Nearest.Of(config.Method, Names, 3) is { } name ? $"; did you mean {name}?" : "";
            throw new ConfigException($"method = {config.Method}: expected one of {string.Join(", ", Names)}{nearest}");
        }
        var method = create(config);
        RequireCoupled(config);
        if (method.NeedsRewardGradient
            && config.Reward.Sum.FirstOrDefault(t => RewardCatalog.Find(t.Name) is { HasGradient: false }) is { } blackBox)
        {
            var others = string.Join(" or ", ByName.Where(m => m.Key != config.Method && m.Value is var of && Takes(of))
                .Select(m => m.Key));
            throw new ConfigException($"reward {blackBox.Name} has no gradient, and method = {config.Method} needs one: expected "
                + $"method = {others}, or another reward");
        }
        return method;

        // Asked with the defaults: what the run file lacks for another method is no matter here.
        bool Takes(Func<RunConfig, IMethod> of) => of(new RunConfig { Sampling = new() { Eta = 1 } }) is
            { NeedsRewardGradient: false, Trains: true };
    }

    private static void RequireCoupled(RunConfig config)
    {
        if (config.Memory == RunConfig.Edict)
        {
            Require(config.Method is "alignprop" or "draft" && config.Draft.Copies == 0, "memory", config.Memory,
                "checkpoints with this method: edict goes with alignprop, and draft without copies");
            Require(config.Sampling is { Eta: 0, Sampler: not SamplingConfig.Ancestral }, "memory", config.Memory,
                "checkpoints where steps draw noise: edict goes with sampling.sampler = ddim and eta = 0");
            Require(config.Regularization.Drift == 0, "regularization.drift", config.Regularization.Drift,
                "0 with memory = edict");
            Require(config.Model.Precision == "fp32", "model.precision", config.Model.Precision,
                "fp32 with memory = edict, which undoes each step but for rounding");
        }
    }

    /// <exception cref="ConfigException">Always, where the condition does not hold.</exception>
    internal static void Require(bool condition, string key, object value, string expected)
    {
        if (!condition)
        {
            throw new ConfigException(FormattableString.Invariant($"{key} = {value}: expected {expected}"));
        }
    }
}
