using System.Globalization;

namespace AlignProp.Adapters;

/// <summary>
/// A file of torch.save (<c>.pt</c>, <c>.pth</c>, <c>.bin</c>, <c>.ckpt</c>; PyTorch 1.6 and later): a zip file with a pickle
/// that describes the tensors and one uncompressed member a storage, which is mapped. The pickle is data here: it may build
/// tensors and plain containers and nothing else. Of a dictionary with <c>state_dict</c> (Lightning, OpenCLIP) that is taken;
/// numbers and texts at its top are its metadata, other entries that are not tensors are passed over.
/// </summary>
public sealed class TorchFile : IWeightFile
{
    internal const string IsTorchScript = "is a TorchScript module, not weights (as a reward: torchscript:FILE)";

    private const string PickleName = "data.pkl";
    private const string StateDict = "state_dict";
    private const int MaxPickle = 64 << 20;

    private readonly MappedBytes _bytes;
    private readonly string _root;
    private readonly IReadOnlyDictionary<string, ZipMember> _members;
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long[]> _permuted = new(StringComparer.Ordinal);

    private TorchFile(MappedBytes bytes)
    {
        _bytes = bytes;
        Files = [bytes.Path];
        _members = ZipDirectory.Read(bytes);
        _root = FindRoot();
        RequireLittleEndian();
        foreach (var (key, tensor) in TensorsOf(ReadPickle()))
        {
            Add(key, tensor);
        }
    }

    /// <inheritdoc/>
    public string Path => _bytes.Path;

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var info = this.Info(name);
        if (!_permuted.TryGetValue(name, out var strides))
        {
            return _bytes.Tensor(name, info.Offset, info.ByteCount);
        }

        var target = new byte[info.ByteCount <= Array.MaxLength ? info.ByteCount
            : throw new WeightFileException(Path, name,
                $"{info.ByteCount} bytes are too many for a tensor that is not contiguous")];
        StridedCopy.Gather(_bytes.Tensor(name, info.Offset, StridedCopy.Extent(info.Shape, strides) * info.DType.Size()),
            info.Shape, strides, info.DType.Size(), target);
        return target;
    }

    /// <inheritdoc/>
    public void Release(string name)
    {
        var info = this.Info(name);
        _bytes.Release(info.Offset, _permuted.TryGetValue(name, out var strides)
            ? StridedCopy.Extent(info.Shape, strides) * info.DType.Size() : info.ByteCount);
    }

    /// <summary>Unmaps the file. Spans obtained from it must not be used afterwards.</summary>
    public void Dispose() => _bytes.Dispose();

    /// <exception cref="WeightFileException">The file is damaged or refused.</exception>
    internal static TorchFile Over(MappedBytes bytes)
    {
        try
        {
            return new TorchFile(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Everything lies under one folder of the archive, named as the file was when it was saved.</summary>
    private string FindRoot()
    {
        var pickles = _members.Keys.Where(n => n == PickleName
            || (n.EndsWith("/" + PickleName, StringComparison.Ordinal)
                && n.IndexOf('/', StringComparison.Ordinal) == n.Length - PickleName.Length - 1)).ToList();
        if (pickles is not [var pickle])
        {
            var number = pickles.Count == 0 ? "no" : "more than one";
            throw Error(null, $"is a zip file with {number} {PickleName}; expected a file of torch.save");
        }

        var root = pickle[..^PickleName.Length];
        return _members.ContainsKey(root + "constants.pkl")
            ? throw Error(null, IsTorchScript)
            : root;
    }

    private void RequireLittleEndian()
    {
        if (_members.TryGetValue(_root + "byteorder", out var order)
            && !_bytes.Span(order.Offset, (int)Math.Min(order.Length, 16)).SequenceEqual("little"u8))
        {
            throw Error(null, "was saved on a big-endian machine; load and save it once in PyTorch on this one");
        }
    }

    private object? ReadPickle()
    {
        var member = _members[_root + PickleName];
        if (member.Length > MaxPickle)
        {
            throw Error(PickleName, $"{member.Length} bytes are more than a description of tensors needs (limit {MaxPickle})");
        }

        try
        {
            return Unpickler.Read(_bytes.Span(member.Offset, (int)member.Length));
        }
        catch (PickleException e)
        {
            throw new WeightFileException(Path, null, e.Message, e);
        }
    }

    private IEnumerable<(string Key, TorchTensor Tensor)> TensorsOf(object? root)
    {
        if (root is not PickleDict outer)
        {
            throw Error(null,
                $"holds a {(root is TorchTensor ? "single tensor" : "value")}, not a dictionary of tensors (a state dict)");
        }

        var nested = outer.Entries.Where(e => e.Key is StateDict).Select(e => e.Value as PickleDict).LastOrDefault();
        var entries = (nested ?? outer).Entries;
        foreach (var (key, value) in outer.Entries.Concat(nested?.Entries ?? []))
        {
            // A LoRA's alpha may be a plain number here.
            if (key is string name && value is string or long or double)
            {
                _metadata[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            }
        }

        var found = entries.Where(e => e is (string, TorchTensor)).Select(e => ((string)e.Key!, (TorchTensor)e.Value!)).ToList();
        return found.Count > 0 || entries.Count == 0
            ? found
            : throw Error(null,
                $"no tensors at its top or under {StateDict}; there is "
                + $"{string.Join(", ", entries.Take(20).Select(e => e.Key as string ?? "a key that is no string"))}");
    }

    private void Add(string key, TorchTensor tensor)
    {
        var storage = tensor.Storage;
        var (member, size) = (Member(key, storage), tensor.DType.Size());
        var elements = member.Length / size;
        var count = StridedCopy.Count(tensor.Shape);
        var extent = StridedCopy.Extent(tensor.Shape, tensor.Strides);
        if (count < 0 || extent < 0 || count > elements || extent > elements - Math.Min(tensor.Offset, elements)
            || tensor.Offset > elements)
        {
            throw Error(key,
                $"[{string.Join(", ", tensor.Shape)}] with strides [{string.Join(", ", tensor.Strides)}] from element "
                + $"{tensor.Offset} does not fit into its storage of {elements} elements");
        }

        if (!_tensors.TryAdd(key,
            new TensorInfo(key, tensor.DType, tensor.Shape, member.Offset + (tensor.Offset * size), count * size)))
        {
            throw Error(key, "appears twice in the state dict");
        }

        if (!StridedCopy.IsContiguous(tensor.Shape, tensor.Strides))
        {
            _permuted.Add(key, tensor.Strides);
        }
    }

    private ZipMember Member(string key, TorchStorage storage)
    {
        if (!_members.TryGetValue($"{_root}data/{storage.Key}", out var member))
        {
            throw Error(key, $"its storage data/{storage.Key} is not in the zip file");
        }

        var size = storage.DType?.Size() ?? 1;
        return storage.Count == member.Length / size && member.Length % size == 0
            ? member
            : throw Error(key,
                $"its storage data/{storage.Key} has {member.Length} bytes, not {storage.Count} elements of {size}");
    }

    private WeightFileException Error(string? key, string problem) => new(Path, key, problem);
}
