using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace AlignProp.Adapters;

/// <summary>Every layer of a denoiser that can carry a LoRA branch, ordered by the ordinal name of its module.</summary>
public sealed class AdapterSites : IReadOnlyList<AdapterSite>
{
    /// <summary>
    /// In place of endings: every linear layer, as PEFT's <c>target_modules="all-linear"</c> has it, which looks for linear
    /// layers and takes no convolution, not even a 1 x 1 one. (SD 1 projects into and out of its transformers with such
    /// convolutions: proj_in, proj_out.)
    /// </summary>
    public const string AllLinear = "all-linear";

    private readonly AdapterSite[] _sites;
    private readonly Dictionary<string, AdapterSite> _byModule;
    private readonly Dictionary<string, AdapterSite> _byName = new(StringComparer.Ordinal);

    public AdapterSites(IEnumerable<AdapterSite> sites) : this(sites, null)
    {
    }

    private AdapterSites(IEnumerable<AdapterSite> sites, AdapterSites? model)
    {
        _sites = [.. sites.OrderBy(s => s.Module, StringComparer.Ordinal)];
        _byModule = _sites.ToDictionary(s => s.Module, StringComparer.Ordinal);
        Model = model ?? this;
        foreach (var (name, site) in _sites.SelectMany(s => s.Names.Select(n => (n, s))))
        {
            _byName.TryAdd(name, site);
        }
    }

    /// <summary>All layers of a denoiser that can carry a branch, with each tool's name for them.</summary>
    /// <param name="component">The denoiser's folder in diffusers' layout, which says its family.</param>
    /// <param name="layers">Path in diffusers' names, and the shape of the layer's weights.</param>
    public static AdapterSites Of(string component, IEnumerable<(string Module, IReadOnlyList<int> Shape)> layers)
    {
        var all = layers.ToList();
        var originals = DenoiserFamily.Of(component).Originals?.Invoke([.. all.Select(l => l.Module)])
            ?? new Dictionary<string, string>();
        return new AdapterSites(all.Select(l =>
            new AdapterSite(component, l.Module, l.Shape) { Original = originals.GetValueOrDefault(l.Module) }));
    }

    /// <summary>All the denoiser's sites, of which these are some (see <see cref="Matching"/>).</summary>
    public AdapterSites Model { get; }

    public int Count => _sites.Length;

    public AdapterSite this[int index] => _sites[index];

    /// <summary>What a layer's name may end in, for messages.</summary>
    public IReadOnlyList<string> Endings => [.. _sites.Select(s => s.Ending).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The site of a path in diffusers' names.</summary>
    public bool TryGet(string module, [NotNullWhen(true)] out AdapterSite? site) => _byModule.TryGetValue(module, out site);

    /// <summary>The site of a name that some tool has for it, without the tool's prefix and suffix; null if it is none.</summary>
    internal AdapterSite? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>What of a path in diffusers' names this model does not have, and what it has in its place.</summary>
    internal string WhyNot(string module)
    {
        var parts = module.Split('.');
        for (var n = 1; n <= parts.Length; n++)
        {
            var (above, prefix) = (string.Concat(parts.Take(n - 1).Select(p => p + ".")), string.Join('.', parts.Take(n)));
            if (!_sites.Any(s => s.Module == prefix || s.Module.StartsWith(prefix + ".", StringComparison.Ordinal)))
            {
                var there = _sites.Where(s => s.Module.StartsWith(above, StringComparison.Ordinal))
                    .Select(s => s.Module[above.Length..].Split('.')[0]).Distinct().ToList();
                return $"the model has no {prefix}, only {above}{string.Join(", ", there.Take(12))}";
            }
        }

        return $"the model's {module} is no linear layer or convolution";
    }

    /// <summary>The sites a run adapts.</summary>
    /// <param name="targets">Endings of module names (PEFT's <c>target_modules</c>), or <see cref="AllLinear"/>.</param>
    /// <exception cref="LoraTargetException">One of them matches nothing.</exception>
    public AdapterSites Matching(IReadOnlyList<string> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        var unknown = targets.Where(t => !_sites.Any(s => Matches(s, t))).ToList();
        return unknown.Count == 0
            ? new AdapterSites(_sites.Where(s => targets.Any(t => Matches(s, t))), Model)
            : throw new LoraTargetException(unknown, Endings);
    }

    public IEnumerator<AdapterSite> GetEnumerator() => _sites.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool Matches(AdapterSite site, string target) => target == AllLinear ? site.Kind == SiteKind.Linear
        : site.EndsIn(target);
}

/// <summary>Targets that match no layer of the denoiser.</summary>
public sealed class LoraTargetException(IReadOnlyList<string> targets, IReadOnlyList<string> endings) : Exception(
    $"lora.targets: no linear layer or convolution of the denoiser ends with {string.Join(", ", targets)}; "
    + $"expected {AdapterSites.AllLinear}, or some of {string.Join(", ", endings)}");
