using System.Text;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>
/// Writes files the way PyTorch's inline_container does: members stored at multiples of 64 bytes, a data descriptor behind each
/// (sizes in the local header are zero), and always a zip64 end record. Independent of the reader: nothing is shared with it.
/// </summary>
internal sealed class TorchWriter(Stream stream, string root = "archive") : IDisposable
{
    private readonly List<(string Name, long Header, long Length)> _members = [];

    /// <summary>A state dict of tensors of their own, each given by its name, storage type, shape and bytes.</summary>
    public static byte[] StateDict(params (string Name, string StorageType, long[] Shape, byte[] Bytes)[] tensors)
    {
        using var stream = new MemoryStream();
        using (var writer = new TorchWriter(stream))
        {
            var pickle = new PickleBuilder().OrderedDict().Op('(');
            foreach (var ((name, type, shape, _), index) in tensors.Select((t, i) => (t, i)))
            {
                pickle.Text(name).Tensor(type, $"{index}", shape.Aggregate(1L, (a, b) => a * b), 0, shape, Contiguous(shape));
            }

            writer.Add("data.pkl", pickle.Op('u').Stop());
            writer.Add("byteorder", "little"u8.ToArray());
            foreach (var (tensor, index) in tensors.Select((t, i) => (t, i)))
            {
                writer.Add($"data/{index}", tensor.Bytes);
            }

            writer.Add("version", "3\n"u8.ToArray());
        }

        return stream.ToArray();
    }

    /// <summary>A file with this pickle and these storages.</summary>
    public static byte[] Archive(byte[] pickle, params (string Name, byte[] Bytes)[] members)
    {
        using var stream = new MemoryStream();
        using (var writer = new TorchWriter(stream))
        {
            writer.Add("data.pkl", pickle);
            foreach (var (name, bytes) in members)
            {
                writer.Add(name, bytes);
            }
        }

        return stream.ToArray();
    }

    public static long[] Contiguous(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (i, next) = (shape.Length - 1, 1L); i >= 0; next *= shape[i--])
        {
            strides[i] = next;
        }

        return strides;
    }

    public void Add(string name, byte[] bytes) => Add(name, bytes.Length, s => s.Write(bytes));

    public void Add(string name, long length, Action<Stream> write)
    {
        var (path, header) = (Encoding.UTF8.GetBytes($"{root}/{name}"), stream.Position);
        var padding = (int)((64 - ((header + 30 + path.Length + 4) % 64)) % 64);
        Write(0x04034b50u, (ushort)20, (ushort)8, (ushort)0, (ushort)0, (ushort)0, 0u, 0u, 0u, (ushort)path.Length,
            (ushort)(4 + padding));
        stream.Write(path);
        Write((ushort)0x4246, (ushort)padding);
        stream.Write(new byte[padding]);
        write(stream);
        Write(0x08074b50u, 0u);
        if (length >= uint.MaxValue)
        {
            Write((ulong)length, (ulong)length);
        }
        else
        {
            Write((uint)length, (uint)length);
        }

        _members.Add(($"{root}/{name}", header, length));
    }

    public void Dispose()
    {
        var directory = stream.Position;
        foreach (var (name, header, length) in _members)
        {
            var path = Encoding.UTF8.GetBytes(name);
            ulong[] wide = [.. new[] { (ulong)length, (ulong)length, (ulong)header }.Where(v => v >= uint.MaxValue)];
            Write(0x02014b50u, (ushort)0, (ushort)20, (ushort)8, (ushort)0, (ushort)0, (ushort)0, 0u, Narrow(length),
                Narrow(length), (ushort)path.Length,
                (ushort)(wide.Length == 0 ? 0 : 4 + (8 * wide.Length)), (ushort)0, (ushort)0, (ushort)0, 0u, Narrow(header));
            stream.Write(path);
            if (wide.Length > 0)
            {
                Write((ushort)1, (ushort)(8 * wide.Length));
                Write([.. wide.Cast<object>()]);
            }
        }

        var (end, count) = (stream.Position, (ulong)_members.Count);
        Write(0x06064b50u, 44UL, (ushort)45, (ushort)45, 0u, 0u, count, count, (ulong)(end - directory), (ulong)directory);
        Write(0x07064b50u, 0u, (ulong)end, 1u);
        Write(0x06054b50u, (ushort)0, (ushort)0, (ushort)count, (ushort)count, Narrow(end - directory), Narrow(directory),
            (ushort)0);
    }

    private static uint Narrow(long value) => value >= uint.MaxValue ? uint.MaxValue : (uint)value;

    private void Write(params object[] numbers)
    {
        foreach (var number in numbers)
        {
            stream.Write(number switch
            {
                ushort v => BitConverter.GetBytes(v),
                uint v => BitConverter.GetBytes(v),
                ulong v => BitConverter.GetBytes(v),
                _ => throw new ArgumentException($"{number.GetType()}", nameof(numbers)),
            });
        }
    }
}
