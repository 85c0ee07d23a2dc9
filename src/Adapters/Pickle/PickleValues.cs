namespace AlignProp.Adapters;

/// <summary>A name of a Python module that a pickle mentions; one of <see cref="PickleGlobals"/>' list.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A Python tuple (or torch.Size).</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>
/// A Python dict, OrderedDict or set (of a set nothing is kept that matters). Entries in order; keys are not hashed, for the file
/// chooses them.
/// </summary>
internal sealed class PickleDict
{
    public List<(object? Key, object? Value)> Entries { get; } = [];
}

/// <summary>Bytes of tensors, by their name in the archive: <c>data/KEY</c>.</summary>
/// <param name="DType">Element type; null for torch.UntypedStorage, whose elements are bytes.</param>
/// <param name="Key">Name in the archive.</param>
/// <param name="Count">Number of elements.</param>
internal sealed record TorchStorage(DType? DType, string Key, long Count);

/// <summary>A view of a storage; offset and strides count elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, DType DType, long Offset, long[] Shape, long[] Strides);
