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
    private readonly Dictionary<string, AdapterSite> _byKohya;

    public AdapterSites(IEnumerable<AdapterSite> sites)
    {
        _sites = [.. sites.OrderBy(s => s.Module, StringComparer.Ordinal)];
        _byModule = _sites.ToDictionary(s => s.Module, StringComparer.Ordinal);
        _byKohya = _sites.ToDictionary(s => s.Kohya, StringComparer.Ordinal);
    }

    public int Count => _sites.Length;

    public AdapterSite this[int index] => _sites[index];

    /// <summary>What a layer's name may end in, for messages.</summary>
    public IReadOnlyList<string> Endings => [.. _sites.Select(s => s.Ending).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The site of a path in diffusers' names.</summary>
    public bool TryGet(string module, [NotNullWhen(true)] out AdapterSite? site) => _byModule.TryGetValue(module, out site);

    /// <summary>The site of a name of kohya's, without <c>.lora_down.weight</c>.</summary>
    internal bool TryGetKohya(string name, [NotNullWhen(true)] out AdapterSite? site) => _byKohya.TryGetValue(name, out site);

    /// <summary>The sites a run adapts.</summary>
    /// <param name="targets">Endings of module names (PEFT's <c>target_modules</c>), or <see cref="AllLinear"/>.</param>
    /// <exception cref="LoraTargetException">One of them matches nothing.</exception>
    public AdapterSites Matching(IReadOnlyList<string> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        var unknown = targets.Where(t => !_sites.Any(s => Matches(s, t))).ToList();
        return unknown.Count == 0
            ? new AdapterSites(_sites.Where(s => targets.Any(t => Matches(s, t))))
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
