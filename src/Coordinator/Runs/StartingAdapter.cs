using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>Adapter 0 of a run: drawn from the run's seed, or made of the LoRA that <c>lora.init</c> names.</summary>
public static class StartingAdapter
{
    /// <param name="sites">The model's layers that get a branch.</param>
    /// <returns>The adapter, and one line on what of the file was left out, or null.</returns>
    /// <exception cref="ConfigException">
    /// The file of <c>lora.init</c> is no LoRA, does not fit the run, or is another one than when the run began.
    /// </exception>
    public static (LoraWeights Adapter, string? Note) Make(RunConfig config, AdapterSites sites)
    {
        var lora = config.Lora;
        if (lora.Init.Length == 0)
        {
            return (LoraInitializer.Gaussian(sites, lora.Rank, Seeds.Derive(config.Seed, 0, 0, "lora"), lora.Alpha), null);
        }
        var imported = Import(lora.Init, sites);
        RequireRank(lora, imported.Ranks.Values);
        RequireModules(lora, imported.Weights, sites);
        // The run scales every branch by its own alpha / rank: what differs goes into B.
        var factor = (float)(imported.Weights.Scale / (lora.Alpha / lora.Rank));
        var adapter = new LoraWeights(lora.Rank, lora.Alpha, sites.SelectMany(site => Branch(site, imported.Weights, factor)));
        if (adapter.FirstNonFinite is { } bad)
        {
            throw new ConfigException($"{lora.Init}: {bad} holds a value that is not finite (lora.init)");
        }
        return lora.InitSha256.Length == 0 || lora.InitSha256 == adapter.Sha256
            ? (adapter, imported.Note(lora.Init))
            : throw new ConfigException(
                $"{lora.Init}: not the adapter this run began with: it makes {adapter.Sha256[..12]}, lora.init-sha256 is "
                + $"{lora.InitSha256[..12]}; put the file of then back");
    }

    /// <summary>
    /// The configuration with the adapter's hash in it, for run.conf and the journal; unchanged without <c>lora.init</c>.
    /// </summary>
    /// <exception cref="ConfigException">See <see cref="Make"/>.</exception>
    public static (RunConfig Config, string? Note) Pin(RunConfig config)
    {
        if (config.Lora.Init.Length == 0)
        {
            return (config, null);
        }
        var (adapter, note) = Make(config, LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets));
        return (config with
        {
            Lora = config.Lora with
            {
                Init = Path.GetFullPath(config.Lora.Init),
                InitSha256 = adapter.Sha256
            }
        }, note);
    }

    /// <summary>
    /// What a run that goes on demands of the file: to be the one it began with. It may be gone: adapter 0 is in the store.
    /// </summary>
    /// <exception cref="ConfigException">See <see cref="Make"/>.</exception>
    public static void Check(RunConfig config)
    {
        if (config.Lora.Init.Length > 0 && (config.Lora.InitSha256.Length == 0 || Path.Exists(config.Lora.Init)))
        {
            Make(config, LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets));
        }
    }

    /// <summary>In the layer's own shape: files have 1 x 1 convolutions as linear layers too.</summary>
    private static LoraTensor[] Branch(AdapterSite site, LoraWeights weights, float factor)
    {
        LoraTensor down = weights[LoraNames.Down(site.Module)], up = weights[LoraNames.Up(site.Module)];
        return
        [
            down with { Shape = site.DownShape(weights.Rank) },
            up with { Shape = site.UpShape(weights.Rank), Values = factor == 1 ? up.Values
                : Array.ConvertAll(up.Values, v => v * factor) },
        ];
    }

    private static ImportedLora Import(string path, AdapterSites sites)
    {
        try
        {
            return LoraFile.Import(path, sites);
        }
        catch (FileNotFoundException)
        {
            throw new ConfigException(
                $"{path}: file not found (lora.init); expected a LoRA of diffusers, PEFT or kohya, or \"\" for none");
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{e.Message} (lora.init)");
        }
    }

    private static void RequireRank(LoraConfig lora, IEnumerable<int> ranks)
    {
        var found = ranks.GroupBy(r => r).OrderBy(g => g.Key).Select(g => (Rank: g.Key, Modules: g.Count())).ToList();
        if (found.Count > 1)
        {
            throw new ConfigException(
                $"{lora.Init}: its modules have different ranks "
                + $"({string.Join(", ", found.Select(f => $"{f.Rank} in {f.Modules}"))}); a run trains one rank: expected a LoRA "
                + $"of one rank (lora.init)");
        }
        if (found[0].Rank != lora.Rank)
        {
            throw new ConfigException(
                $"{lora.Init}: has rank {found[0].Rank}, lora.rank = {lora.Rank}; set lora.rank = {found[0].Rank} to begin with "
                + $"this adapter");
        }
    }

    private static void RequireModules(LoraConfig lora, LoraWeights weights, AdapterSites sites)
    {
        bool InFile(AdapterSite site) => weights.TryGet(LoraNames.Down(site.Module), out _);
        var missing = sites.Where(s => !InFile(s)).Select(s => s.Module).ToList();
        var surplus = weights.Modules.Where(m => !sites.TryGet(m, out _)).ToList();
        var sizes = sites.Where(InFile).Select(s => (Site: s, Found: s.Misfit(weights))).Where(s => s.Found is not null)
            .Select(s => $"{s.Site.Module} is {s.Found}, the model's {s.Site.Inputs} to {s.Site.Out}").ToList();
        List<string> problems =
        [
            .. missing.Count > 0 ? [$"{missing.Count} modules of the run are not in the file ({Some(missing)})"]
                : Array.Empty<string>(),
            .. surplus.Count > 0 ? [$"{surplus.Count} modules of the file have no branch in the run ({Some(surplus)})"]
                : Array.Empty<string>(),
            .. sizes.Count > 0 ? [$"{sizes.Count} have other sizes ({Some(sizes)})"] : Array.Empty<string>(),
        ];
        if (problems.Count > 0)
        {
            throw new ConfigException(
                $"{lora.Init}: does not fit the model with lora.targets = [{string.Join(", ", lora.Targets)}]: "
                + $"{string.Join("; ", problems)} (lora.init)");
        }
    }

    private static string Some(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(8)) + (names.Count > 8 ? $", and {names.Count - 8} more" : "");
}
