using System.Buffers.Binary;
using System.Text;

namespace AlignProp.Adapters;

/// <summary>An uncompressed member of a zip file.</summary>
/// <param name="Offset">First byte of its data in the file.</param>
/// <param name="Length">Bytes of data.</param>
internal readonly record struct ZipMember(long Offset, long Length);

/// <summary>
/// Where the members of a zip file lie, zip64 included (APPNOTE 4.3). Libraries hand out streams; here the place in the mapping
/// is wanted. Whatever the directory says is checked against the file: every member has its own local header, lies before the
/// directory and overlaps no other.
/// </summary>
internal sealed class ZipDirectory
{
    private const int EndLength = 22;
    private const int LocatorLength = 20;
    private const int End64Length = 56;
    private const int EntryLength = 46;
    private const int LocalLength = 30;
    private const int MaxEntries = 1_000_000;
    private const uint Saturated = uint.MaxValue;

    private readonly MappedBytes _file;
    private readonly Dictionary<string, ZipMember> _members = new(StringComparer.Ordinal);
    private readonly List<(long Start, long End, string Name)> _ranges = [];

    private ZipDirectory(MappedBytes file) => _file = file;

    /// <exception cref="WeightFileException">
    /// The file is not a zip file, is damaged, or has compressed or encrypted members.
    /// </exception>
    internal static IReadOnlyDictionary<string, ZipMember> Read(MappedBytes file)
    {
        var directory = new ZipDirectory(file);
        var end = directory.FindEnd();
        var (count, size, offset) = directory.ReadEnd(end);
        directory.ReadEntries(count, offset, size);
        directory.RequireApart(offset);
        return directory._members;
    }

    /// <summary>The end record: the last one whose comment ends with the file.</summary>
    private long FindEnd()
    {
        var tail = (int)Math.Min(_file.Length, EndLength + ushort.MaxValue);
        var bytes = _file.Span(_file.Length - tail, tail);
        for (var i = tail - EndLength; i >= 0; i--)
        {
            if (U32(bytes[i..]) == 0x06054b50 && i + EndLength + U16(bytes[(i + 20)..]) == tail)
            {
                return _file.Length - tail + i;
            }
        }

        throw Error(null, "the zip file has no directory at its end (truncated?)");
    }

    private (long Count, long Size, long Offset) ReadEnd(long end)
    {
        var record = _file.Span(end, EndLength);
        if (U16(record[4..]) is not (0 or ushort.MaxValue) || U16(record[6..]) is not (0 or ushort.MaxValue))
        {
            throw Error(null, "zip files in several volumes are not read");
        }

        ulong count = U16(record[10..]), size = U32(record[12..]), offset = U32(record[16..]);
        if (end >= LocatorLength && U32(_file.Span(end - LocatorLength, LocatorLength)) == 0x07064b50)
        {
            var at = U64(_file.Span(end - LocatorLength, LocatorLength)[8..]);
            if (at > (ulong)(end - LocatorLength - End64Length) || end < LocatorLength + End64Length
                || U32(_file.Span((long)at, End64Length)) != 0x06064b50)
            {
                throw Error(null, "the zip64 end record is not where its locator says");
            }

            var wide = _file.Span((long)at, End64Length);
            var (count64, size64, offset64) = (U64(wide[32..]), U64(wide[40..]), U64(wide[48..]));
            if ((count != ushort.MaxValue && count != count64) || (size != Saturated && size != size64)
                || (offset != Saturated && offset != offset64))
            {
                throw Error(null, "the two end records of the zip file contradict each other");
            }

            (count, size, offset, end) = (count64, size64, offset64, (long)at);
        }

        if (count > MaxEntries || offset > (ulong)end || size > (ulong)end - offset || size > int.MaxValue
            || size < count * EntryLength)
        {
            throw Error(null,
                $"the zip directory ({count} entries, {size} bytes at {offset}) does not fit into the file of {_file.Length} "
                + $"bytes (truncated?)");
        }

        return ((long)count, (long)size, (long)offset);
    }

    private void ReadEntries(long count, long offset, long size)
    {
        var rest = _file.Span(offset, (int)size);
        for (var i = 0L; i < count; i++)
        {
            if (rest.Length < EntryLength || U32(rest) != 0x02014b50)
            {
                throw Error(null, $"entry {i} of the zip directory is damaged");
            }

            int nameLength = U16(rest[28..]), extraLength = U16(rest[30..]), commentLength = U16(rest[32..]);
            if (rest.Length < EntryLength + nameLength + extraLength + commentLength)
            {
                throw Error(null, $"entry {i} of the zip directory is damaged");
            }

            var name = Encoding.UTF8.GetString(rest.Slice(EntryLength, nameLength));
            ReadEntry(name, rest[..EntryLength], rest.Slice(EntryLength, nameLength),
                rest.Slice(EntryLength + nameLength, extraLength));
            rest = rest[(EntryLength + nameLength + extraLength + commentLength)..];
        }
    }

    private void ReadEntry(string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> rawName, ReadOnlySpan<byte> extra)
    {
        if ((U16(entry[8..]) & 1) != 0)
        {
            throw Error(name, "is encrypted in the zip file");
        }

        if (U16(entry[10..]) != 0)
        {
            // torch.jit.save compresses the module's code, and only that.
            throw name.Contains("/code/", StringComparison.Ordinal)
                ? Error(null, TorchFile.IsTorchScript)
                : Error(name, "is compressed in the zip file; PyTorch stores tensors uncompressed, so that they can be mapped: "
                    + "zip it again with: zip -0");
        }

        ulong packed = U32(entry[20..]), length = U32(entry[24..]), header = U32(entry[42..]);
        ReadZip64(name, extra, ref length, ref packed, ref header);
        if (packed != length)
        {
            throw Error(name, $"is stored in the zip file, yet {packed} bytes are said to hold {length}");
        }

        if (header > (ulong)(_file.Length - LocalLength) || _file.Length < LocalLength)
        {
            throw Error(name, $"its local header at {header} lies outside the zip file");
        }

        var local = _file.Span((long)header, LocalLength);
        var start = header + LocalLength + U16(local[26..]) + U16(local[28..]);
        if (U32(local) != 0x04034b50 || U16(local[26..]) != rawName.Length || start > (ulong)_file.Length
            || !_file.Span((long)header + LocalLength, rawName.Length).SequenceEqual(rawName) || U16(local[8..]) != 0)
        {
            throw Error(name, "its local header in the zip file does not match the directory");
        }

        if (length > (ulong)_file.Length - start)
        {
            throw Error(name, $"{length} bytes at {start} lie outside the zip file of {_file.Length} bytes (truncated?)");
        }

        if (!_members.TryAdd(name, new ZipMember((long)start, (long)length)))
        {
            throw Error(name, "appears twice in the zip file");
        }

        _ranges.Add(((long)header, (long)(start + length), name));
    }

    /// <summary>Sizes above 4 GB lie in extra field 1: 8 bytes for each saturated value, in this order.</summary>
    private void ReadZip64(string name, ReadOnlySpan<byte> extra, ref ulong length, ref ulong packed, ref ulong header)
    {
        if (length != Saturated && packed != Saturated && header != Saturated)
        {
            return;
        }

        while (extra.Length >= 4)
        {
            int id = U16(extra), size = U16(extra[2..]);
            if (size > extra.Length - 4)
            {
                break;
            }

            if (id == 1)
            {
                var field = extra.Slice(4, size);
                Widen(name, ref length, ref field);
                Widen(name, ref packed, ref field);
                Widen(name, ref header, ref field);
                return;
            }

            extra = extra[(4 + size)..];
        }

        throw Error(name, "its zip64 sizes are missing from the zip directory");
    }

    private void Widen(string name, ref ulong value, ref ReadOnlySpan<byte> field)
    {
        if (value != Saturated)
        {
            return;
        }

        if (field.Length < 8)
        {
            throw Error(name, "its zip64 sizes are missing from the zip directory");
        }

        value = U64(field);
        field = field[8..];
    }

    private void RequireApart(long directory)
    {
        _ranges.Sort();
        for (var i = 0; i < _ranges.Count; i++)
        {
            if (_ranges[i].End > (i + 1 < _ranges.Count ? _ranges[i + 1].Start : directory))
            {
                throw Error(_ranges[i].Name,
                    $"overlaps {(i + 1 < _ranges.Count ? $"'{_ranges[i + 1].Name}'" : "the directory")} in the zip file");
            }
        }
    }

    private WeightFileException Error(string? member, string problem) => new(_file.Path, member, problem);

    private static ushort U16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static ulong U64(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(bytes);
}
