namespace AlignProp.Adapters;

/// <summary>The entries of one module in a foreign file.</summary>
internal sealed class LoraPair(IWeightFile file)
{
    private string? _down;
    private string? _up;
    private string? _mid;

    /// <summary>The alpha beside the matrices, where there is one.</summary>
    internal double? Alpha { get; private set; }

    internal string? AlphaKey { get; private set; }

    /// <summary>Whether A has a kernel larger than 1 x 1.</summary>
    internal bool HasKernel => _mid is not null || AdapterSite.WithoutOnes(Shape(_down!)).Count > 2;

    internal void Set(LoraPart part, string key)
    {
        switch (part)
        {
            case LoraPart.Down:
                Set(ref _down, key);
                break;
            case LoraPart.Up:
                Set(ref _up, key);
                break;
            case LoraPart.Mid:
                Set(ref _mid, key);
                break;
            default:
                SetAlpha(key, file.ReadNumber(key));
                break;
        }
    }

    internal void SetAlpha(string key, double alpha) => (AlphaKey, Alpha) = AlphaKey is null ? (key, alpha)
        : throw Wrong(key, $"is the same parameter as '{AlphaKey}'");

    /// <summary>The size r; once <see cref="Problem"/> has none.</summary>
    internal int Rank => (int)Shape(_up!)[1];

    /// <summary>What is wrong with the entries, and the key to name; null where they belong together.</summary>
    /// <param name="site">The layer it is for; null = not known.</param>
    internal (string Key, string Why)? Problem(AdapterSite? site)
    {
        if (_down is null || _up is null)
        {
            var there = _down ?? _up ?? _mid ?? AlphaKey!;
            return (there, there == AlphaKey ? "is an alpha without matrices; expected a down and an up matrix beside it"
                : $"has no {(_down is null ? "down (A)" : "up (B)")} matrix beside it; a module needs both a down and an up "
                    + "matrix");
        }

        if (new[] { _down, _up, _mid }.OfType<string>().FirstOrDefault(k => !file.Tensors[k].DType.IsFloatingPoint()) is { } odd)
        {
            return (odd, $"is {file.Tensors[odd].DType.HeaderName()}; expected F32, F16 or BF16");
        }

        var down = Shape(_down);
        var up = AdapterSite.WithoutOnes(Shape(_up));
        var middle = _mid is null ? null : Shape(_mid);
        if (down.Length < 2 || up.Count != 2 || down.Concat(up).Any(size => size is < 1 or > int.MaxValue)
            || up[1] != (middle is null ? down[0] : middle[0])
            || (middle is not null && (middle.Length != 4 || middle[1] != down[0] || AdapterSite.WithoutOnes(down).Count != 2)))
        {
            var between = middle is null ? "" : $" around {Text(middle)}";
            return (_down,
                $"shapes {Text(down)} and {Text(Shape(_up))}{between} are not [r, in] and [out, r] of one rank r ({_up})");
        }

        return site is null ? null : Misfit(site, middle is null ? down : [middle[0], down[1], .. middle.Skip(2)]);
    }

    /// <summary>A and B of the module, filled up to a rank.</summary>
    internal LoraTensor[] Read(string module, int rank, float upFactor)
    {
        int[] upShape = Ints(Shape(_up!));
        var (down, downShape) = Down();
        var up = Finite(_up!);
        up = upFactor == 1 ? up : Elementwise.Scale(up, upFactor);
        if (downShape[0] < rank)
        {
            (down, up) = FillUp(down, up, downShape[0], rank);
        }

        // B of a layer without a kernel has as many axes as A, whatever the file's.
        int[] tail = [.. downShape.Skip(2).Select(_ => 1)];
        return
        [
            new LoraTensor(LoraNames.Down(module), [rank, .. downShape[1..]], down),
            new LoraTensor(LoraNames.Up(module), [upShape[0], rank, .. tail], up),
        ];
    }

    /// <summary>
    /// A; in CP form the product of A [s, in] and the kernel between [r, s, kh, kw]: a convolution [r, in, kh, kw].
    /// </summary>
    private (float[] Values, int[] Shape) Down()
    {
        var (values, shape) = (Finite(_down!), Ints(Shape(_down!)));
        if (_mid is null)
        {
            return (values, shape);
        }

        var (mid, between) = (Finite(_mid), Ints(Shape(_mid)));
        var (rank, inner, kernel, inputs) = (between[0], between[1], between[2] * between[3], shape[1]);
        var product = new float[rank * inputs * kernel];
        for (var r = 0; r < rank; r++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var k = 0; k < kernel; k++)
                {
                    var sum = 0.0;
                    for (var s = 0; s < inner; s++)
                    {
                        sum += (double)mid[((r * inner) + s) * kernel + k] * values[(s * inputs) + i];
                    }

                    product[((r * inputs) + i) * kernel + k] = (float)sum;
                }
            }
        }

        return (product, [rank, inputs, between[2], between[3]]);
    }

    private (string Key, string Why)? Misfit(AdapterSite site, IReadOnlyList<long> down)
    {
        if (!site.FitsDown(down))
        {
            return (_down!, $"has shape {Text(down)}, the layer's weights are [{string.Join(", ", site.Shape)}]; expected "
                + $"[{string.Join(", ", site.DownShape((int)down[0]))}]: an adapter of another model");
        }

        return site.FitsUp(Shape(_up!)) ? null
            : (_up!, $"has shape {Text(Shape(_up!))}, the layer has {site.Out} outputs; expected "
                + $"[{string.Join(", ", site.UpShape((int)down[0]))}]: an adapter of another model");
    }

    private float[] Finite(string key)
    {
        file.RequireFinite(key);
        return file.ReadSingles(key);
    }

    /// <summary>Rows of zeros below A, columns of zeros right of B.</summary>
    private static (float[] Down, float[] Up) FillUp(float[] down, float[] up, int from, int to)
    {
        var wideDown = new float[down.Length / from * to];
        var wideUp = new float[up.Length / from * to];
        down.CopyTo(wideDown, 0);
        for (var row = 0; row < up.Length / from; row++)
        {
            up.AsSpan(row * from, from).CopyTo(wideUp.AsSpan(row * to));
        }

        return (wideDown, wideUp);
    }

    private void Set(ref string? slot, string key) =>
        slot = slot is null ? key : throw Wrong(key, $"is the same parameter as '{slot}'");

    private long[] Shape(string key) => file.Tensors[key].Shape;

    private static int[] Ints(long[] shape) => [.. shape.Select(size => (int)size)];

    private static string Text(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";

    private LoraFormatException Wrong(string key, string problem) => new(file.Path, key, problem);
}
