using System.Globalization;
using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Takeaway;

/// <summary>One adapter of several.</summary>
internal static class AdapterMix
{
    /// <exception cref="ConfigException">The adapters do not fit each other, or there is no such method.</exception>
    public static LoraWeights Of(IReadOnlyList<(LoraWeights, double)> parts, string method)
    {
        try
        {
            return method switch
            {
                "parameters" => LoraMixer.Interpolate(parts),
                "outputs" => LoraMixer.Sum(parts),
                _ => throw new ConfigException($"--method {method}: expected parameters or outputs"),
            };
        }
        catch (Exception e) when (e is LoraShapeException or ArgumentException)
        {
            var hint = method == "parameters" ? "; of different rank or alpha: --method outputs" : "";
            throw new ConfigException($"these adapters cannot be mixed: {e.Message.Split('\n')[0]}{hint}");
        }
    }

    /// <exception cref="ConfigException">Not that many finite numbers.</exception>
    public static double[] Numbers(string option, string text, int count)
    {
        var numbers = text.Split(',')
            .Select(t => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && double.IsFinite(n)
                ? n : (double?)null)
            .ToList();
        return numbers.Count == count && numbers.All(n => n is not null)
            ? [.. numbers.Select(n => n!.Value)]
            : throw new ConfigException($"{option} {text}: expected {count} numbers with commas between");
    }
}
