namespace AlignProp.Adapters;

/// <summary>
/// Collects the down (A), up (B) and alpha entries of a foreign file by module and makes adapter weights of them. Every module
/// has its own scale alpha / rank. Where scales differ from module to module, they are folded into B; where ranks differ, the
/// smaller ones are filled up with zeros.
/// </summary>
/// <param name="sites">All of the model's, to check sizes; null = not known.</param>
internal sealed class LoraAssembler(IWeightFile file, AdapterSites? sites)
{
    private static readonly IReadOnlyDictionary<KeyOwner, string> Others = new Dictionary<KeyOwner, string>
    {
        [KeyOwner.TextEncoder] = "adapt a text encoder",
        [KeyOwner.Codec] = "adapt a VAE",
        [KeyOwner.Embedding] = "hold embeddings",
        [KeyOwner.Unsaid] = "are no LoRA parameters",
    };

    private readonly SortedDictionary<string, LoraPair> _pairs = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _refused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<KeyOwner, SortedSet<string>> _leftOut = [];

    /// <summary>Whether any module has an alpha of its own beside its matrices.</summary>
    internal bool HasAlphas => _pairs.Values.Any(p => p.Alpha is not null);

    internal void Add(LoraPart part, string key, string module) => Of(module).Set(part, key);

    /// <summary>An alpha that is an entry of the header, or a number of a pickle.</summary>
    internal void AddAlpha(string key, string module, string value) =>
        Of(module).SetAlpha(key, HeaderAlpha.Number(file, key, value));

    /// <summary>A key that adapts something else: named in a notice.</summary>
    internal void LeaveOut(KeyOwner owner, string key)
    {
        if (!_leftOut.TryGetValue(owner, out var keys))
        {
            _leftOut.Add(owner, keys = new SortedSet<string>(StringComparer.Ordinal));
        }

        keys.Add(key);
    }

    /// <summary>A key that makes the file unusable; all of them are told at once.</summary>
    internal void Refuse(string key, string why) => _refused.Add(key, why);

    internal ImportedLora Build(LoraStrength strength)
    {
        RequireUsable();
        var ranks = _pairs.ToDictionary(p => p.Key, p => p.Value.Rank);
        var alphas = new Dictionary<string, double>();
        foreach (var (module, pair) in _pairs)
        {
            strength.RequireRank(module, ranks[module]);
            alphas.Add(module, pair.Alpha ?? strength.AlphaOf(module, ranks[module], pair.HasKernel) ?? ranks[module]);
        }

        var rank = ranks.Values.Max();
        var scales = _pairs.Keys.ToDictionary(m => m, m => alphas[m] / ranks[m]);
        // One scale for all where it is one an adapter can have; a module of alpha 0 adds nothing, and its B becomes zero.
        var common = scales.Values.Distinct().ToList() is [var only] && only > 0 ? only : 1;
        // alpha = (alpha / rank) * rank is not always exact; where the file has one alpha for one rank it is taken as it stands.
        var alpha = common == scales.Values.First() && alphas.Values.Distinct().Count() == 1
            && ranks.Values.All(r => r == rank) ? alphas.Values.First() : common * rank;
        var tensors = _pairs.SelectMany(p => p.Value.Read(p.Key, rank, (float)(scales[p.Key] / common)));
        return new ImportedLora(new LoraWeights(rank, alpha, tensors), [.. Notices(strength, alphas)], ranks);
    }

    private IEnumerable<string> Notices(LoraStrength strength, Dictionary<string, double> alphas)
    {
        foreach (var (owner, keys) in _leftOut)
        {
            yield return $"{keys.Count} keys {Others[owner]} and are left out: {KeyList.Of(keys, 2)}";
        }

        var unsaid = _pairs.Count(p => p.Value.Alpha is null
            && strength.AlphaOf(p.Key, p.Value.Rank, p.Value.HasKernel) is null);
        if (unsaid > 0)
        {
            yield return unsaid == _pairs.Count ? "nothing in it says a strength: alpha = rank is taken"
                : $"{unsaid} of {_pairs.Count} modules have no alpha: alpha = rank is taken for them";
        }

        if (strength.Notice is { } notice && unsaid < _pairs.Count)
        {
            yield return notice;
        }

        if (alphas.Where(a => a.Value == 0).Select(a => a.Key).ToList() is { Count: > 0 } idle)
        {
            yield return $"{_pairs[idle[0]].AlphaKey ?? idle[0]}: alpha is 0, so {idle.Count} of {_pairs.Count} modules add "
                + "nothing";
        }
    }

    private LoraPair Of(string module)
    {
        if (!_pairs.TryGetValue(module, out var pair))
        {
            _pairs.Add(module, pair = new LoraPair(file));
        }

        return pair;
    }

    private void RequireUsable()
    {
        foreach (var (module, pair) in _pairs)
        {
            if (pair.Problem(sites?.Find(module)) is { } problem)
            {
                _refused.TryAdd(problem.Key, problem.Why);
            }
        }

        if (_refused.Count > 0)
        {
            var (key, why) = _refused.First();
            var others = _refused.Keys.Skip(1).ToList();
            throw new LoraFormatException(file.Path, key, others.Count == 0 ? why
                : $"{why} ({others.Count} other keys cannot be used either: {KeyList.Of(others, 4)})");
        }

        if (_pairs.Count > 0)
        {
            return;
        }

        if (_leftOut.Count == 0)
        {
            throw new LoraFormatException(file.Path, "*", "no tensors in the file; expected at least one pair of lora_A and "
                + "lora_B, or lora_down and lora_up");
        }

        throw new LoraFormatException(file.Path, _leftOut.First().Value.First(),
            $"no LoRA parameters of a denoiser in the file: "
            + string.Join("; ", _leftOut.Select(o => $"{o.Value.Count} keys {Others[o.Key]} ({KeyList.Of(o.Value)})"))
            + "; expected pairs of lora_A and lora_B, or lora_down and lora_up");
    }
}
