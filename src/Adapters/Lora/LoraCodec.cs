using System.Globalization;

namespace AlignProp.Adapters;

/// <summary>
/// How <see cref="LoraWeights"/> lie in a safetensors file of this project: F32 under their own names, rank and alpha as
/// metadata.
/// </summary>
internal static class LoraCodec
{
    private const string FormatName = "alignprop-lora";

    internal static bool IsOwnFormat(IWeightFile file) => file.Metadata.GetValueOrDefault("format") == FormatName;

    internal static LoraWeights Read(IWeightFile file) => IsOwnFormat(file)
        ? Read(file, "", file.Tensors.Keys)
        : throw new LoraFormatException(file.Path, "__metadata__.format", $"is not '{FormatName}'");

    /// <summary>
    /// The tensors of some keys, whose common prefix is dropped, with the rank and alpha of the file's metadata.
    /// </summary>
    internal static LoraWeights Read(IWeightFile file, string prefix, IEnumerable<string> keys)
    {
        var rank = Number(file, "rank");
        if (rank is not (>= 1 and <= int.MaxValue) || rank != Math.Floor(rank))
        {
            throw new LoraFormatException(file.Path, "__metadata__.rank", "is not a whole number of at least 1");
        }

        try
        {
            return new LoraWeights((int)rank, Number(file, "alpha"), keys.Select(key => ReadTensor(file, prefix, key)));
        }
        catch (LoraShapeException e)
        {
            throw new LoraFormatException(file.Path, prefix + e.Key, e.Message, e);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new LoraFormatException(file.Path, "__metadata__.alpha", e.Message, e);
        }
    }

    internal static IEnumerable<TensorData> Tensors(LoraWeights weights, string prefix = "") => weights.Tensors.Select(t =>
        new TensorData(prefix + t.Name, DType.F32, [.. t.Shape], SingleBytes.Of(t.Values)));

    internal static Dictionary<string, string> FileMetadata(LoraWeights weights, string format = FormatName) => new()
    {
        ["format"] = format,
        ["rank"] = weights.Rank.ToString(CultureInfo.InvariantCulture),
        ["alpha"] = weights.Alpha.ToString("R", CultureInfo.InvariantCulture),
    };

    private static LoraTensor ReadTensor(IWeightFile file, string prefix, string key)
    {
        var info = file.Tensors[key];
        if (info.DType != DType.F32 || info.Shape.Any(size => size is < 1 or > int.MaxValue))
        {
            throw new LoraFormatException(
                file.Path, key,
                    $"is {info.DType.HeaderName()} [{string.Join(", ", info.Shape)}], expected F32 and no size below 1");
        }

        return new LoraTensor(key[prefix.Length..], [.. info.Shape.Select(size => (int)size)], file.ReadSingles(key));
    }

    private static double Number(IWeightFile file, string key) =>
        double.TryParse(file.Metadata.GetValueOrDefault(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new LoraFormatException(file.Path, $"__metadata__.{key}", "is missing or not a number");
}
