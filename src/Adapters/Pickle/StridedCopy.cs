namespace AlignProp.Adapters;

/// <summary>Tensors whose elements do not lie in row-major order (saved transposed or sliced).</summary>
internal static class StridedCopy
{
    /// <summary>Number of elements, 1 for a scalar; -1 where it overflows.</summary>
    internal static long Count(long[] shape)
    {
        if (shape.Contains(0))
        {
            return 0;
        }

        var count = 1L;
        foreach (var size in shape)
        {
            if (count > long.MaxValue / 8 / size)
            {
                return -1;
            }

            count *= size;
        }

        return count;
    }

    /// <summary>
    /// Elements from the first to the last of a tensor, both included; 0 for an empty one; -1 where it overflows.
    /// </summary>
    internal static long Extent(long[] shape, long[] strides)
    {
        if (shape.Contains(0))
        {
            return 0;
        }

        Int128 last = 0;
        for (var i = 0; i < shape.Length; i++)
        {
            last += (Int128)(shape[i] - 1) * strides[i];
        }

        return last < long.MaxValue / 8 ? (long)last + 1 : -1;
    }

    /// <summary>Whether the elements lie in row-major order without gap; strides of axes of size 1 mean nothing.</summary>
    internal static bool IsContiguous(long[] shape, long[] strides)
    {
        if (shape.Contains(0))
        {
            return true;
        }

        var expected = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            if (shape[i] != 1 && strides[i] != expected)
            {
                return false;
            }

            expected *= shape[i];
        }

        return true;
    }

    /// <summary>Copies a tensor into row-major order.</summary>
    /// <param name="source">From the first element to the last.</param>
    /// <param name="shape">Sizes, none of them 0.</param>
    /// <param name="strides">In elements.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <param name="target">As long as the elements.</param>
    internal static void Gather(ReadOnlySpan<byte> source, long[] shape, long[] strides, int size, Span<byte> target)
    {
        var index = new long[shape.Length];
        var at = 0L;
        for (var written = 0; written < target.Length; written += size)
        {
            source.Slice((int)(at * size), size).CopyTo(target[written..]);
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < shape[axis])
                {
                    break;
                }

                at -= shape[axis] * strides[axis];
                index[axis] = 0;
            }
        }
    }
}
