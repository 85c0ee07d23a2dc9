namespace AlignProp.Adapters;

/// <summary>
/// Collects the down (A), up (B) and alpha entries of a foreign file by module and makes adapter weights of them. A module without alpha has
/// alpha = rank, as diffusers, kohya's scripts and ComfyUI all take it. Where alphas differ from module to module, they are folded into B.
/// </summary>
internal sealed class LoraAssembler(IWeightFile file)
{
    private readonly SortedDictionary<string, Branch> _branches = new(StringComparer.Ordinal);

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

    /// <param name="commonAlpha">Alpha of the modules that have none of their own; null for the rank.</param>
    internal LoraWeights Build(double? commonAlpha = null)
    {
        if (_branches.Count == 0)
        {
            throw new LoraFormatException(file.Path, "*", "no LoRA tensors in the file");
        }

        var rank = 0;
        var alphas = new HashSet<double>();
        foreach (var (module, branch) in _branches)
        {
            var found = RankOf(module, branch);
            rank = rank == 0 ? found : rank;
            if (found != rank)
            {
                throw new LoraFormatException(file.Path, branch.Down!, $"has rank {found}, other modules {rank}; one rank for all modules is supported");
            }

            alphas.Add(branch.Alpha ??= commonAlpha ?? rank);
        }

        var alpha = alphas.Count == 1 ? alphas.Single() : rank;
        return new LoraWeights(rank, alpha, _branches.SelectMany(b => Read(b.Key, b.Value, (float)(b.Value.Alpha!.Value / alpha))));
    }

    private int RankOf(string module, Branch branch)
    {
        if (branch.Down is null || branch.Up is null)
        {
            throw new LoraFormatException(file.Path, branch.Down ?? branch.Up ?? branch.AlphaKey!, $"module {module} needs both a down and an up matrix");
        }

        long[] down = file.Tensors[branch.Down].Shape, up = file.Tensors[branch.Up].Shape;
        if (down.Length < 2 || up.Length != down.Length || up[1] != down[0] || down.Concat(up).Any(size => size is < 1 or > int.MaxValue))
        {
            throw new LoraFormatException(
                file.Path, branch.Down, $"shapes [{string.Join(", ", down)}] and [{string.Join(", ", up)}] are not [r, in] and [out, r]");
        }

        return (int)down[0];
    }

    private LoraTensor[] Read(string module, Branch branch, float upFactor)
    {
        var up = file.ReadSingles(branch.Up!);
        return
        [
            new LoraTensor(LoraNames.Down(module), ShapeOf(branch.Down!), file.ReadSingles(branch.Down!)),
            new LoraTensor(LoraNames.Up(module), ShapeOf(branch.Up!), upFactor == 1 ? up : Elementwise.Scale(up, upFactor)),
        ];
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
