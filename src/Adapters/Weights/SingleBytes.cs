using System.Buffers;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// The bytes of an fp32 array, seen in place: an adapter of 100 MB is not copied to be written. The array must not change
/// meanwhile.
/// </summary>
internal sealed class SingleBytes(float[] values) : MemoryManager<byte>
{
    internal static ReadOnlyMemory<byte> Of(float[] values) => new SingleBytes(values).Memory;

    public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(values.AsSpan());

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        var handle = GCHandle.Alloc(values, GCHandleType.Pinned);
        unsafe
        {
            return new MemoryHandle((byte*)handle.AddrOfPinnedObject() + elementIndex, handle, this);
        }
    }

    // The handle frees itself with the MemoryHandle.
    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
