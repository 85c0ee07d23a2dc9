using System.Buffers.Binary;
using System.Text;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>Writes pickle opcodes one by one (protocol 2), as Python's pickletools names them; wrong streams too.</summary>
internal sealed class PickleBuilder
{
    private readonly MemoryStream _bytes = new();

    public PickleBuilder(byte protocol = 2) => Op(0x80).Op(protocol);

    public byte[] ToArray() => _bytes.ToArray();

    public byte[] Stop() => Op('.').ToArray();

    public PickleBuilder Op(int opcode)
    {
        _bytes.WriteByte((byte)opcode);
        return this;
    }

    public PickleBuilder Ops(string opcodes) => opcodes.Aggregate(this, (b, c) => b.Op(c));

    public PickleBuilder Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleBuilder Global(string module, string name) => Op('c').Raw(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleBuilder Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Op('X').U32((uint)bytes.Length).Raw(bytes);
    }

    public PickleBuilder Int(long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            return Op('J').U32((uint)(int)value);
        }

        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Op(0x8a).Op(8).Raw(bytes);
    }

    public PickleBuilder U32(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public PickleBuilder Longs(params long[] values)
    {
        Op('(');
        foreach (var value in values)
        {
            Int(value);
        }

        return Op('t');
    }

    /// <summary>An OrderedDict without entries.</summary>
    public PickleBuilder OrderedDict() => Global("collections", "OrderedDict").Ops(")R");

    /// <summary>A tensor as torch._utils._rebuild_tensor_v2 makes it.</summary>
    public PickleBuilder Tensor(string storageType, string dataKey, long count, long offset, long[] shape, long[] strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Ops("((").Text("storage").Global("torch", storageType).Text(dataKey)
            .Text("cpu").Int(count).Ops("tQ");
        return Int(offset).Longs(shape).Longs(strides).Op(0x89).OrderedDict().Ops("tR");
    }
}
