using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// Reads a pickle stream as data (Python's pickletools describes the opcodes): numbers, strings, containers, and the few globals
/// of <see cref="PickleGlobals"/>. It has no recursion, never hashes what the file gives, allocates no more than the stream's
/// length allows, and stops at a bound of steps.
/// </summary>
internal ref struct Unpickler
{
    private const int MaxSteps = 4_000_000;
    private const int MaxInteger = 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _stream;
    private readonly List<object?> _stack;
    private readonly Stack<int> _marks;
    private readonly Dictionary<uint, object?> _memo;
    private int _at;

    private Unpickler(ReadOnlySpan<byte> stream)
    {
        _stream = stream;
        (_stack, _marks, _memo) = ([], new Stack<int>(), []);
    }

    /// <summary>The object the stream makes.</summary>
    /// <exception cref="PickleException">The stream is damaged, or wants something that is refused.</exception>
    internal static object? Read(ReadOnlySpan<byte> stream)
    {
        if (stream.Length < 2 || stream[0] != 0x80 || stream[1] is < 2 or > 5)
        {
            throw new PickleException("the pickle does not begin with a protocol of 2 to 5");
        }

        return new Unpickler(stream).Run();
    }

    private object? Run()
    {
        for (var step = 0; step < MaxSteps; step++)
        {
            var at = _at;
            var opcode = Take(1)[0];
            if (opcode == (byte)'.')
            {
                return Pop();
            }

            if (!Simple(opcode) && !Number(opcode) && !Text(opcode) && !Container(opcode) && !Build(opcode))
            {
                throw new PickleException(
                    $"opcode 0x{opcode:x2} at byte {at} of the pickle is refused: torch.save does not write it for tensors");
            }
        }

        throw new PickleException($"the pickle has more than {MaxSteps} steps");
    }

    private bool Simple(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                Take(1);
                return true;
            case 0x95: // FRAME
                Take(8);
                return true;
            case (byte)'(': // MARK
                _marks.Push(_stack.Count);
                return true;
            case (byte)'0': // POP
                Pop();
                return true;
            case (byte)'1': // POP_MARK
                FromMark();
                return true;
            case (byte)'2': // DUP
                Push(Peek());
                return true;
            case (byte)'q': // BINPUT
                _memo[Take(1)[0]] = Peek();
                return true;
            case (byte)'r': // LONG_BINPUT
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek();
                return true;
            case 0x94: // MEMOIZE
                _memo[(uint)_memo.Count] = Peek();
                return true;
            case (byte)'h': // BINGET
                Push(Recall(Take(1)[0]));
                return true;
            case (byte)'j': // LONG_BINGET
                Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                return true;
            default:
                return false;
        }
    }

    private bool Number(byte opcode)
    {
        object? value;
        switch (opcode)
        {
            case (byte)'N':
                value = null;
                break;
            case 0x88:
                value = true;
                break;
            case 0x89:
                value = false;
                break;
            case (byte)'J':
                value = (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4));
                break;
            case (byte)'K':
                value = (long)Take(1)[0];
                break;
            case (byte)'M':
                value = (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2));
                break;
            case (byte)'G':
                value = BinaryPrimitives.ReadDoubleBigEndian(Take(8));
                break;
            case 0x8a: // LONG1
                value = Integer(Take(Take(1)[0]));
                break;
            case 0x8b: // LONG4
                value = Integer(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            default:
                return false;
        }

        Push(value);
        return true;
    }

    private bool Text(byte opcode)
    {
        object value;
        switch (opcode)
        {
            case (byte)'X': // BINUNICODE
                value = Decode(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case 0x8c: // SHORT_BINUNICODE
                value = Decode(Take(Take(1)[0]));
                break;
            case 0x8d: // BINUNICODE8
                value = Decode(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))));
                break;
            case (byte)'U': // SHORT_BINSTRING, Python 2's str
                value = Encoding.Latin1.GetString(Take(Take(1)[0]));
                break;
            case (byte)'T': // BINSTRING
                value = Encoding.Latin1.GetString(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case (byte)'C': // SHORT_BINBYTES
                value = Take(Take(1)[0]).ToArray();
                break;
            case (byte)'B': // BINBYTES
                value = Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))).ToArray();
                break;
            default:
                return false;
        }

        Push(value);
        return true;
    }

    private bool Container(byte opcode)
    {
        switch (opcode)
        {
            case (byte)')': // EMPTY_TUPLE
                Push(new PickleTuple([]));
                return true;
            case 0x85 or 0x86 or 0x87: // TUPLE1 to TUPLE3
                Push(new PickleTuple(PopMany(opcode - 0x84)));
                return true;
            case (byte)'t': // TUPLE
                Push(new PickleTuple(FromMark()));
                return true;
            case (byte)']': // EMPTY_LIST
                Push(new List<object?>());
                return true;
            case (byte)'}' or 0x8f: // EMPTY_DICT, EMPTY_SET
                Push(new PickleDict());
                return true;
            case (byte)'a': // APPEND
                Append([Pop()]);
                return true;
            case (byte)'e': // APPENDS
                Append(FromMark());
                return true;
            case (byte)'s': // SETITEM
                SetItems(PopMany(2));
                return true;
            case (byte)'u': // SETITEMS
                SetItems(FromMark());
                return true;
            case 0x90: // ADDITEMS
                SetItems([.. FromMark().SelectMany(item => new[] { item, null })]);
                return true;
            default:
                return false;
        }
    }

    private bool Build(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'c': // GLOBAL
                var module = Line();
                Push(PickleGlobals.Find(module, Line()));
                return true;
            case 0x93: // STACK_GLOBAL
                Push(PopMany(2) is [string from, string name] ? PickleGlobals.Find(from, name)
                    : throw new PickleException("STACK_GLOBAL without two names"));
                return true;
            case (byte)'Q': // BINPERSID
                Push(PickleGlobals.Storage(Pop()));
                return true;
            case (byte)'R': // REDUCE
                Push(PopMany(2) is [PickleGlobal global, PickleTuple arguments]
                    ? PickleGlobals.Call(global, arguments.Items)
                    : throw new PickleException("REDUCE of something that is not a known function and a tuple"));
                return true;
            case (byte)'b': // BUILD: the attributes of a state dict (_metadata: versions of modules) say nothing we use
                Pop();
                return Peek() is PickleDict ? true : throw new PickleException("BUILD of something that is not an OrderedDict");
            default:
                return false;
        }
    }

    private readonly void Append(object?[] items)
    {
        if (Peek() is not List<object?> list)
        {
            throw new PickleException("APPEND to something that is not a list");
        }

        list.AddRange(items);
    }

    private readonly void SetItems(object?[] items)
    {
        if (Peek() is not PickleDict dict || items.Length % 2 != 0)
        {
            throw new PickleException("SETITEM on something that is not a dict");
        }

        for (var i = 0; i < items.Length; i += 2)
        {
            dict.Entries.Add((items[i], items[i + 1]));
        }
    }

    private static object Integer(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        <= 8 => (object)(long)new BigInteger(bytes),
        <= MaxInteger => new BigInteger(bytes),
        _ => throw new PickleException($"an integer of {bytes.Length} bytes"),
    };

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new PickleException("a string is not UTF-8");
        }
    }

    private string Line()
    {
        var length = _stream[_at..].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Truncated();
        }

        var text = Decode(_stream.Slice(_at, length));
        _at += length + 1;
        return text;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_stream.Length - _at))
        {
            throw Truncated();
        }

        var bytes = _stream.Slice(_at, (int)count);
        _at += (int)count;
        return bytes;
    }

    private readonly void Push(object? value) => _stack.Add(value);

    private readonly object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private readonly object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly object?[] PopMany(int count)
    {
        if (_stack.Count - count < Floor)
        {
            throw Underflow();
        }

        var items = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private readonly object?[] FromMark()
    {
        if (_marks.Count == 0)
        {
            throw new PickleException("the pickle lacks a mark");
        }

        var items = PopMany(_stack.Count - Floor);
        _marks.Pop();
        return items;
    }

    // What lies below the last mark is out of reach until the mark is taken.
    private readonly int Floor => _marks.Count == 0 ? 0 : _marks.Peek();

    private readonly object? Recall(uint key) => _memo.TryGetValue(key, out var value) ? value
        : throw new PickleException($"memo {key} is not set");

    private static PickleException Truncated() => new("the pickle ends in the middle (truncated?)");

    private static PickleException Underflow() => new("the pickle takes more from its stack than is there");
}
