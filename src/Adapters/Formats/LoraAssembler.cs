namespace AlignProp.Adapters;

/// <summary>
/// Collects the down (A), up (B) and alpha entries of a foreign file by module and makes adapter weights of them. A module
/// without alpha has alpha = rank, as diffusers, kohya's scripts and ComfyUI all take it. Where scales alpha / rank differ from
/// module to module, they are folded into B; where ranks differ, the smaller ones are filled up with zeros.
/// </summary>
internal sealed class LoraAssembler(IWeightFile file)
{
    private readonly SortedDictionary<string, Branch> _branches = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _refused = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _skipped = new(StringComparer.Ordinal);

    internal void AddDown(string key, string module) => Set(ref Of(module).Down, key);

    internal void AddUp(string key, string module) => Set(ref Of(module).Up, key);

    internal void AddAlpha(string key, string module)
    {
        Set(ref Of(module).AlphaKey, key);
        var values = file.ReadSingles(key);
        if (values.Length != 1 || !(values[0] > 0) || !float.IsFinite(values[0]))
        {
            throw new LoraFormatException(file.Path, key, "is not one number above 0");
        }

        Of(module).Alpha = values[0];
    }

    /// <summary>A key of a text encoder: left out, and told.</summary>
    internal void Skip(string key) => _skipped.Add(key);

    /// <summary>A key that makes the file unusable; all of them are told at once.</summary>
    internal void Refuse(string key, string why) => _refused.Add(key, why);

    /// <param name="alphaOf">Alpha of a module of a rank that has no entry of its own; null for the rank.</param>
    internal ImportedLora Build(Func<string, int, double?>? alphaOf = null)
    {
        RequireUsable();
        var ranks = _branches.ToDictionary(b => b.Key, b => RankOf(b.Key, b.Value));
        var scales = _branches.ToDictionary(b => b.Key,
            b => (b.Value.Alpha ?? alphaOf?.Invoke(b.Key, ranks[b.Key]) ?? ranks[b.Key]) / ranks[b.Key]);
        var rank = ranks.Values.Max();
        var common = scales.Values.Distinct().Count() == 1 ? scales.Values.First() : 1;
        // alpha = (alpha / rank) * rank is not always exact; where the file has one alpha for one rank it is taken as it stands.
        var alphas = _branches.Select(b => b.Value.Alpha ?? alphaOf?.Invoke(b.Key, ranks[b.Key]) ?? ranks[b.Key]).Distinct()
            .ToList();
        var alpha = alphas.Count == 1 && ranks.Values.All(r => r == rank) ? alphas[0] : common * rank;
        var tensors = _branches.SelectMany(b => Read(b.Key, b.Value, rank, (float)(scales[b.Key] / common)));
        return new ImportedLora(new LoraWeights(rank, alpha, tensors), [.. _skipped], ranks);
    }

    private void RequireUsable()
    {
        if (_refused.Count > 0)
        {
            var (key, why) = _refused.First();
            var others = _refused.Keys.Skip(1).ToList();
            throw new LoraFormatException(file.Path, key, others.Count == 0 ? why
                : $"{why} (so are {others.Count} other keys: {KeyList.Of(others, 4)})");
        }

        if (_branches.Count == 0)
        {
            throw new LoraFormatException(file.Path, "*", _skipped.Count == 0
                ? "no LoRA tensors in the file"
                : $"no LoRA tensors of a UNet in the file: its {_skipped.Count} keys adapt a text encoder, and only UNet "
                    + $"adapters are supported");
        }
    }

    private int RankOf(string module, Branch branch)
    {
        if (branch.Down is null || branch.Up is null)
        {
            throw new LoraFormatException(file.Path, branch.Down ?? branch.Up ?? branch.AlphaKey!,
                $"module {module} needs both a down and an up matrix");
        }

        long[] down = file.Tensors[branch.Down].Shape, up = file.Tensors[branch.Up].Shape;
        if (down.Length < 2 || up.Length != down.Length || up[1] != down[0] || up.Skip(2).Any(size => size != 1)
            || down.Concat(up).Any(size => size is < 1 or > int.MaxValue))
        {
            throw new LoraFormatException(
                file.Path, branch.Down,
                    $"shapes [{string.Join(", ", down)}] and [{string.Join(", ", up)}] are not [r, in] and [out, r]");
        }

        return (int)down[0];
    }

    private LoraTensor[] Read(string module, Branch branch, int rank, float upFactor)
    {
        int[] downShape = ShapeOf(branch.Down!), upShape = ShapeOf(branch.Up!);
        float[] down = file.ReadSingles(branch.Down!), up = file.ReadSingles(branch.Up!);
        up = upFactor == 1 ? up : Elementwise.Scale(up, upFactor);
        if (downShape[0] < rank)
        {
            (down, up) = FillUp(down, up, downShape[0], rank);
        }

        return
        [
            new LoraTensor(LoraNames.Down(module), [rank, .. downShape[1..]], down),
            new LoraTensor(LoraNames.Up(module), [upShape[0], rank, .. upShape[2..]], up),
        ];
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

    private int[] ShapeOf(string key) => [.. file.Tensors[key].Shape.Select(size => (int)size)];

    private Branch Of(string module)
    {
        if (!_branches.TryGetValue(module, out var branch))
        {
            _branches.Add(module, branch = new Branch());
        }

        return branch;
    }

    private void Set(ref string? slot, string key)
    {
        if (slot is not null)
        {
            throw new LoraFormatException(file.Path, key, $"is the same parameter as '{slot}'");
        }

        slot = key;
    }

    private sealed class Branch
    {
        public string? Down;
        public string? Up;
        public string? AlphaKey;
        public double? Alpha;
    }
}
