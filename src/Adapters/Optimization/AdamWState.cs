using System.Globalization;
using System.Security.Cryptography;

namespace AlignProp.Adapters;

/// <summary>What AdamW remembers between steps.</summary>
/// <param name="Step">Updates done so far; 0 before the first.</param>
/// <param name="M">Running mean of the gradients.</param>
/// <param name="V">Running mean of their squares.</param>
public sealed record AdamWState(long Step, LoraWeights M, LoraWeights V)
{
    private const string FormatName = "alignprop-adamw";
    private const string FirstPrefix = "m.";
    private const string SecondPrefix = "v.";

    /// <summary>The state before the first update: zero moments in the form of the weights.</summary>
    public static AdamWState Zero(LoraWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return new AdamWState(0, weights.ZerosLike(), weights.ZerosLike());
    }

    /// <summary>SHA-256 of <see cref="Serialize"/>, 64 lower-case hex digits. Computed at every call.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Serialize()));

    /// <summary>Safetensors bytes (keys <c>m.NAME</c> and <c>v.NAME</c>, F32) that depend on nothing but the content.</summary>
    public byte[] Serialize() => SafetensorsWriter.Serialize(ToTensorData(), FileMetadata());

    /// <summary>Reads what <see cref="Serialize"/> made.</summary>
    /// <exception cref="SafetensorsException">Not valid safetensors.</exception>
    /// <exception cref="LoraFormatException">Valid, but not a state of this project.</exception>
    public static AdamWState Deserialize(ReadOnlyMemory<byte> bytes)
    {
        using var file = SafetensorsFile.Parse(bytes, "AdamW state bytes");
        return Read(file);
    }

    private static AdamWState Read(SafetensorsFile file)
    {
        if (file.Metadata.GetValueOrDefault("format") != FormatName)
        {
            throw new LoraFormatException(file.Path, "__metadata__.format", $"is not '{FormatName}'");
        }

        if (!long.TryParse(file.Metadata.GetValueOrDefault("step"), NumberStyles.None, CultureInfo.InvariantCulture,
            out var step))
        {
            throw new LoraFormatException(file.Path, "__metadata__.step", "is missing or not a whole number");
        }

        var known = file.Tensors.Keys.ToLookup(key => key.Length > 2 ? key[..2] : key);
        if (known.FirstOrDefault(group => group.Key is not (FirstPrefix or SecondPrefix)) is { } unknown)
        {
            throw new LoraFormatException(file.Path, unknown.First(), "is not a moment: expected m.NAME or v.NAME");
        }

        var state = new AdamWState(
            step,
            LoraCodec.Read(file, FirstPrefix, known[FirstPrefix]),
            LoraCodec.Read(file, SecondPrefix, known[SecondPrefix]));
        try
        {
            state.M.RequireSameShapes(state.V);
        }
        catch (LoraShapeException e)
        {
            throw new LoraFormatException(file.Path, SecondPrefix + e.Key, "does not fit its first moment", e);
        }

        return state;
    }

    private IEnumerable<TensorData> ToTensorData() => LoraCodec.Tensors(M, FirstPrefix)
        .Concat(LoraCodec.Tensors(V, SecondPrefix));

    private Dictionary<string, string> FileMetadata()
    {
        var metadata = LoraCodec.FileMetadata(M, FormatName);
        metadata["step"] = Step.ToString(CultureInfo.InvariantCulture);
        return metadata;
    }
}
