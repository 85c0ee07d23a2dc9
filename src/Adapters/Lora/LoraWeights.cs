using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace AlignProp.Adapters;

/// <summary>
/// The trained weights of an adapter, or anything of the same form: gradients, moments. The tensors are ordered by ordinal name;
/// every module has its A and its B, all of one rank. Immutable: nobody may write into the arrays.
/// A branch adds <c>alpha / rank * B (A x)</c> to its module's output.
/// </summary>
public sealed class LoraWeights
{
    private readonly LoraTensor[] _tensors;
    private readonly Dictionary<string, LoraTensor> _byName;
    private readonly Lazy<string> _sha256;

    /// <summary>Takes ownership of the tensors' arrays.</summary>
    /// <param name="rank">Size r that all A and B share, at least 1.</param>
    /// <param name="alpha">Numerator of the scale alpha / rank; finite and above 0.</param>
    /// <param name="tensors">In any order.</param>
    /// <exception cref="ArgumentException">Rank or alpha out of range.</exception>
    /// <exception cref="LoraShapeException">
    /// A name is repeated or ill-formed, a partner is missing, a shape does not fit.
    /// </exception>
    public LoraWeights(int rank, double alpha, IEnumerable<LoraTensor> tensors)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        if (!(alpha > 0) || !double.IsFinite(alpha))
        {
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "alpha must be finite and above 0");
        }

        Rank = rank;
        Alpha = alpha;
        _tensors = [.. tensors.OrderBy(t => t.Name, StringComparer.Ordinal)];
        _byName = new Dictionary<string, LoraTensor>(_tensors.Length, StringComparer.Ordinal);
        foreach (var tensor in _tensors)
        {
            if (!_byName.TryAdd(tensor.Name, tensor))
            {
                throw new LoraShapeException(tensor.Name, "appears twice");
            }
        }

        foreach (var tensor in _tensors)
        {
            RequireForm(tensor);
        }

        _sha256 = new Lazy<string>(() => Convert.ToHexStringLower(SHA256.HashData(Serialize())));
    }

    /// <summary>The size r that all A and B share.</summary>
    public int Rank { get; }

    /// <summary>Numerator of the scale.</summary>
    public double Alpha { get; }

    /// <summary>Factor of every branch: alpha / rank.</summary>
    public double Scale => Alpha / Rank;

    /// <summary>All tensors, ordered by ordinal name.</summary>
    public IReadOnlyList<LoraTensor> Tensors => _tensors;

    /// <summary>Adapted modules, ordered by ordinal name.</summary>
    public IEnumerable<string> Modules =>
        _tensors.Select(t => LoraNames.Split(t.Name)).Where(n => n.IsDown).Select(n => n.Module);

    /// <summary>Number of parameters.</summary>
    public long ParameterCount => _tensors.Sum(t => (long)t.Values.Length);

    /// <summary>SHA-256 of <see cref="Serialize"/>, 64 lower-case hex digits: the identity of an adapter.</summary>
    public string Sha256 => _sha256.Value;

    /// <summary>Name of the first tensor with a NaN or an infinity, or null.</summary>
    public string? FirstNonFinite => Array.Find(_tensors, t => !Elementwise.IsFinite(t.Values))?.Name;

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public LoraTensor this[string name] =>
        _byName.TryGetValue(name, out var tensor) ? tensor : throw new KeyNotFoundException($"no LoRA tensor '{name}'");

    /// <summary>The tensor of a name, if there is one.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out LoraTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>The same names and shapes, all zero.</summary>
    public LoraWeights ZerosLike() => Map(static t => new float[t.Values.Length]);

    /// <summary>The same names and shapes with other values, e.g. gradients; takes ownership of the arrays.</summary>
    /// <param name="values">Row-major fp32 of every tensor, in any order.</param>
    /// <exception cref="LoraShapeException">A name is missing, unknown or repeated, or a length does not fit.</exception>
    public LoraWeights WithValues(IEnumerable<(string Name, float[] Values)> values)
    {
        var given = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (name, array) in values)
        {
            if (!_byName.TryGetValue(name, out var tensor) || !given.TryAdd(name, array))
            {
                throw new LoraShapeException(name, "is not a tensor of this adapter, or was given twice");
            }

            if (array.Length != tensor.Values.Length)
            {
                throw new LoraShapeException(name,
                    $"{array.Length} values, expected {tensor.Values.Length} ({Describe(tensor.Shape)})");
            }
        }

        return Map(t => given.TryGetValue(t.Name, out var array) ? array : throw new LoraShapeException(t.Name, "is missing"));
    }

    /// <summary>Demands that another set has the same names and shapes; its alpha may differ.</summary>
    /// <exception cref="LoraShapeException">It has not; the message names the first key at fault.</exception>
    public void RequireSameShapes(LoraWeights other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (var tensor in _tensors)
        {
            if (!other._byName.TryGetValue(tensor.Name, out var theirs))
            {
                throw new LoraShapeException(tensor.Name, "is missing");
            }

            if (!tensor.Shape.AsSpan().SequenceEqual(theirs.Shape))
            {
                throw new LoraShapeException(tensor.Name,
                    $"has shape {Describe(theirs.Shape)}, expected {Describe(tensor.Shape)}");
            }
        }

        if (Array.Find(other._tensors, t => !_byName.ContainsKey(t.Name)) is { } surplus)
        {
            throw new LoraShapeException(surplus.Name, "is not expected");
        }
    }

    /// <summary>Safetensors bytes that depend on nothing but names, shapes, values, rank and alpha.</summary>
    public byte[] Serialize() => SafetensorsWriter.Serialize(LoraCodec.Tensors(this), LoraCodec.FileMetadata(this));

    /// <summary>Writes <see cref="Serialize"/>'s bytes durably; see <see cref="SafetensorsWriter.Write"/>.</summary>
    public void Save(string path) => SafetensorsWriter.Write(path, LoraCodec.Tensors(this), LoraCodec.FileMetadata(this));

    /// <summary>Reads what <see cref="Serialize"/> made.</summary>
    /// <exception cref="SafetensorsException">Not valid safetensors.</exception>
    /// <exception cref="LoraFormatException">Valid, but not an adapter of this project.</exception>
    public static LoraWeights Deserialize(ReadOnlyMemory<byte> bytes)
    {
        using var file = SafetensorsFile.Parse(bytes, "adapter bytes");
        return LoraCodec.Read(file);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="SafetensorsException">Not valid safetensors.</exception>
    /// <exception cref="LoraFormatException">Valid, but not an adapter of this project.</exception>
    public static LoraWeights Load(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return LoraCodec.Read(file);
    }

    /// <summary>The same form with values computed tensor by tensor.</summary>
    internal LoraWeights Map(Func<LoraTensor, float[]> values) =>
        new(Rank, Alpha, _tensors.Select(t => t with { Values = values(t) }));

    internal static string Describe(int[] shape) => $"[{string.Join(", ", shape)}]";

    private void RequireForm(LoraTensor tensor)
    {
        var (module, isDown) = SplitName(tensor.Name);
        if (!_byName.ContainsKey(isDown ? LoraNames.Up(module) : LoraNames.Down(module)))
        {
            throw new LoraShapeException(tensor.Name, "has no partner: a module needs both lora_A and lora_B");
        }

        if (tensor.Shape.Length < 2 || tensor.Shape.Any(size => size < 1))
        {
            throw new LoraShapeException(tensor.Name,
                $"has shape {Describe(tensor.Shape)}, expected at least two sizes, none below 1");
        }

        var found = tensor.Shape[isDown ? 0 : 1];
        if (found != Rank)
        {
            throw new LoraShapeException(tensor.Name, $"has shape {Describe(tensor.Shape)} and so rank {found}, expected {Rank}");
        }

        if (tensor.Shape.Aggregate(1L, (product, size) => product * size) != tensor.Values.Length)
        {
            throw new LoraShapeException(tensor.Name,
                $"{tensor.Values.Length} values do not fill shape {Describe(tensor.Shape)}");
        }
    }

    private static (string Module, bool IsDown) SplitName(string name)
    {
        try
        {
            return LoraNames.Split(name);
        }
        catch (ArgumentException e)
        {
            throw new LoraShapeException(name, e.Message);
        }
    }
}
