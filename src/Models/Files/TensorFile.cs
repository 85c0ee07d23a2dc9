using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Files;

/// <summary>Tensors of an open file as torch tensors: one copy from the memory map, whose pages are let go at once.</summary>
public static class TensorFile
{
    /// <summary>A CPU tensor of the file's own dtype (of 8 bits: fp32) and shape; every number is finite.</summary>
    /// <exception cref="WeightFileException">
    /// There is no such tensor, it has 2 GiB or more, or holds a NaN or an infinity.
    /// </exception>
    public static Tensor Read(IWeightFile file, string name)
    {
        var info = file.Info(name);
        file.RequireFinite(name);
        if (info.DType is DType.F8E4M3 or DType.F8E5M2)
        {
            // TorchSharp has no such type.
            var wide = torch.tensor(file.ReadSingles(name), info.Shape);
            file.Release(name);
            return wide;
        }
        var tensor = empty(info.Shape, dtype: ToTorch(info.DType));
        if (info.ByteCount > 0)
        {
            file.Bytes(name).CopyTo(tensor.bytes);
            file.Release(name);
        }
        return tensor;
    }

    /// <summary>Every tensor of a small file, by name; the caller's dispose scope owns them.</summary>
    public static Dictionary<string, Tensor> ReadAll(string path)
    {
        using var file = Weights.Open(path);
        return file.Tensors.Keys.ToDictionary(name => name, name => Read(file, name));
    }

    /// <summary>The bytes of a tensor for <see cref="SafetensorsWriter"/>, converted to <paramref name="dtype"/>.</summary>
    public static TensorData ToData(string name, Tensor tensor, ScalarType? dtype = null)
    {
        using var scope = NewDisposeScope();
        var stored = tensor.detach().to(dtype ?? tensor.dtype).cpu().contiguous();
        return new TensorData(name, FromTorch(stored.dtype), stored.shape, stored.bytes.ToArray());
    }

    public static ScalarType ToTorch(DType dtype) => dtype switch
    {
        DType.F64 => ScalarType.Float64,
        DType.F32 => ScalarType.Float32,
        DType.F16 => ScalarType.Float16,
        DType.BF16 => ScalarType.BFloat16,
        DType.I64 => ScalarType.Int64,
        DType.I32 => ScalarType.Int32,
        DType.I16 => ScalarType.Int16,
        DType.I8 => ScalarType.Int8,
        DType.U8 => ScalarType.Byte,
        DType.Bool => ScalarType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "no torch type"),
    };

    public static DType FromTorch(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 => DType.F64,
        ScalarType.Float32 => DType.F32,
        ScalarType.Float16 => DType.F16,
        ScalarType.BFloat16 => DType.BF16,
        ScalarType.Int64 => DType.I64,
        ScalarType.Int32 => DType.I32,
        ScalarType.Int16 => DType.I16,
        ScalarType.Int8 => DType.I8,
        ScalarType.Byte => DType.U8,
        ScalarType.Bool => DType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "no safetensors type"),
    };
}
