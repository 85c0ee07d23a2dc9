using System.Globalization;

namespace AlignProp.Adapters;

/// <summary>
/// What is said of the branches' strength apart from the alphas beside the matrices, from wherever the writing tool put it:
/// PEFT's adapter_config.json, the same in the header (diffusers 0.34 and later), or a number in the header under some name.
/// </summary>
internal sealed class LoraStrength
{
    private readonly PeftScaling? _peft;
    private readonly HeaderAlpha? _header;

    private LoraStrength(PeftScaling? peft, HeaderAlpha? header) => (_peft, _header) = (peft, header);

    /// <summary>Where a number of the header was taken, which kohya's own tools take for information only; or null.</summary>
    internal string? Notice => _header is null ? null : string.Create(CultureInfo.InvariantCulture,
        $"no alpha beside the matrices: alpha {_header.Alpha ?? _header.KernelAlpha} is taken from the header's {_header.Key}");

    /// <param name="component">The denoiser's folder in diffusers' layout.</param>
    /// <param name="given">Of the folder the file lies in, where it was read as one.</param>
    /// <param name="hasAlphas">
    /// Whether alphas stand beside matrices: then a number in the header is what they were, and a module without has its rank.
    /// </param>
    /// <exception cref="LoraFormatException">
    /// What is said cannot be used; or the file is one of a PEFT folder, whose configuration is not there.
    /// </exception>
    internal static LoraStrength Of(IWeightFile file, string component, PeftScaling? given, bool hasAlphas)
    {
        if ((given ?? Sibling(file) ?? HeaderAlpha.Peft(file, component, hasAlphas)) is { } peft)
        {
            return new LoraStrength(peft, null);
        }

        if (!hasAlphas && HeaderAlpha.Find(file) is { } header)
        {
            return new LoraStrength(null, header);
        }

        return hasAlphas || !IsOfPeftFolder(file) ? new LoraStrength(null, null)
            : throw new LoraFormatException(file.Path, PeftLoraFormat.ConfigName,
                "is missing beside the file, so that its strength is unknown; expected PEFT's folder of both");
    }

    /// <summary>Alpha of a module that has none of its own; null where nothing is said.</summary>
    /// <param name="kernel">Whether it is a convolution with a kernel larger than 1.</param>
    internal double? AlphaOf(string module, int rank, bool kernel) =>
        _peft?.AlphaOf(module, rank) ?? (kernel ? _header?.KernelAlpha : null) ?? _header?.Alpha;

    /// <exception cref="LoraFormatException">Another rank is said than the matrices have.</exception>
    internal void RequireRank(string module, int rank) => _peft?.RequireRank(module, rank);

    /// <summary>adapter_config.json beside the file, where the file is PEFT's by its name or its keys.</summary>
    private static PeftScaling? Sibling(IWeightFile file)
    {
        var config = Path.Combine(Path.GetDirectoryName(file.Path) ?? "", PeftLoraFormat.ConfigName);
        return File.Exists(file.Path) && File.Exists(config) && (IsOfPeftFolder(file) || HasPeftKeys(file))
            ? PeftScaling.Parse(Path.GetDirectoryName(config) is { Length: > 0 } folder ? folder : ".", PeftLoraFormat.ConfigName,
                File.ReadAllBytes(config))
            : null;
    }

    private static bool IsOfPeftFolder(IWeightFile file) =>
        HasPeftKeys(file) && Path.GetFileName(file.Path).StartsWith(PeftLoraFormat.Stem + ".", StringComparison.Ordinal);

    private static bool HasPeftKeys(IWeightFile file) =>
        file.Tensors.Keys.Any(k => k.StartsWith(AdapterSite.PeftPrefix, StringComparison.Ordinal));
}
