namespace AlignProp.Adapters;

/// <summary>
/// The only names a pickle of weights may mention, and what calling them makes: tensors over storages of the archive, and plain
/// containers. Nothing is ever looked up or run. Mirrors what torch.save writes for state dicts (torch._utils, torch.storage).
/// </summary>
internal static class PickleGlobals
{
    private const int MaxRank = 64;

    private static readonly Dictionary<string, DType?> Storages = new(StringComparer.Ordinal)
    {
        ["DoubleStorage"] = DType.F64,
        ["FloatStorage"] = DType.F32,
        ["HalfStorage"] = DType.F16,
        ["BFloat16Storage"] = DType.BF16,
        ["LongStorage"] = DType.I64,
        ["IntStorage"] = DType.I32,
        ["ShortStorage"] = DType.I16,
        ["CharStorage"] = DType.I8,
        ["ByteStorage"] = DType.U8,
        ["BoolStorage"] = DType.Bool,
        ["UntypedStorage"] = null,
    };

    private static readonly Dictionary<string, DType> DataTypes = new(StringComparer.Ordinal)
    {
        ["float64"] = DType.F64,
        ["float32"] = DType.F32,
        ["float16"] = DType.F16,
        ["bfloat16"] = DType.BF16,
        ["int64"] = DType.I64,
        ["int32"] = DType.I32,
        ["int16"] = DType.I16,
        ["int8"] = DType.I8,
        ["uint8"] = DType.U8,
        ["bool"] = DType.Bool,
    };

    /// <exception cref="PickleException">The name is not on the list.</exception>
    internal static PickleGlobal Find(string module, string name)
    {
        var known = module switch
        {
            "collections" => name == "OrderedDict",
            "builtins" or "__builtin__" => name == "set",
            "torch._utils" => name is "_rebuild_tensor_v2" or "_rebuild_tensor_v3" or "_rebuild_parameter",
            "torch" => name is "Size" or "device" || Storages.ContainsKey(name) || DataTypes.ContainsKey(name),
            "torch.storage" => name == "UntypedStorage",
            _ => false,
        };
        return known
            ? new PickleGlobal(module, name)
            : throw new PickleException(
                $"the pickle wants {Quote(module)}.{Quote(name)}, which is refused: a file of weights may only build tensors and "
                + $"plain containers "
                + "(if you trust the file, keep only its weights in Python and save them as safetensors)");
    }

    /// <summary>What REDUCE makes of a global and its arguments.</summary>
    /// <exception cref="PickleException">Not callable, or wrong arguments.</exception>
    internal static object? Call(PickleGlobal global, object?[] arguments) => (global.Name, arguments) switch
    {
        ("OrderedDict", []) => new PickleDict(),
        // The members of a set are no tensors of a state dict; copying them would let a small file ask for much memory.
        ("set", [List<object?>]) => new PickleDict(),
        ("Size", [PickleTuple size]) => size,
        ("device", [string device, ..]) when arguments.Length <= 2 => device,
        ("_rebuild_tensor_v2",
            [TorchStorage storage, long offset, PickleTuple size, PickleTuple stride, bool,
            ..]) when arguments.Length is 6 or 7 =>
            Tensor(storage, storage.DType ?? throw new PickleException("_rebuild_tensor_v2 with an untyped storage"), offset,
                size, stride),
        ("_rebuild_tensor_v3",
            [TorchStorage storage, long offset, PickleTuple size, PickleTuple stride, bool, _, PickleGlobal dtype,
            ..]) when arguments.Length is 7 or 8 =>
            Tensor(storage, DataTypes.TryGetValue(dtype.Name, out var type) ? type
                : throw new PickleException($"{dtype} is not a dtype that is read"), offset, size, stride),
        ("_rebuild_parameter", [TorchTensor tensor, bool, _]) => tensor,
        _ => throw new PickleException($"{global} is called with arguments torch.save never writes"),
    };

    /// <summary>
    /// What a persistent id stands for: <c>('storage', TYPE, KEY, LOCATION, COUNT)</c>. The device it was saved from does not
    /// matter.
    /// </summary>
    /// <exception cref="PickleException">It is nothing of the kind.</exception>
    internal static TorchStorage Storage(object? id) =>
        id is PickleTuple { Items: ["storage", PickleGlobal type, string key, string, long count] } && count >= 0
            && Storages.TryGetValue(type.Name, out var dtype)
            ? new TorchStorage(dtype, key, count)
            : throw new PickleException("a persistent id is not ('storage', TYPE, KEY, LOCATION, COUNT)");

    private static TorchTensor Tensor(TorchStorage storage, DType dtype, long offset, PickleTuple size, PickleTuple stride)
    {
        if (size.Items.Length != stride.Items.Length || size.Items.Length > MaxRank)
        {
            throw new PickleException(
                $"a tensor of storage {Quote(storage.Key)} has {size.Items.Length} sizes and {stride.Items.Length} strides (at "
                + $"most {MaxRank} axes are read)");
        }

        var (shape, strides) = (Longs(size), Longs(stride));
        if (offset < 0 || shape.Any(s => s < 0) || strides.Any(s => s < 0))
        {
            throw new PickleException($"a tensor of storage {Quote(storage.Key)} has a negative size, stride or offset");
        }

        return new TorchTensor(storage, dtype, offset, shape, strides);
    }

    private static long[] Longs(PickleTuple tuple) =>
        [.. tuple.Items.Select(i => i is long value ? value
            : throw new PickleException("a size or stride is not a whole number"))];

    internal static string Quote(string text) => WeightFileException.OneLine(text, 100);
}
