using AlignProp.Adapters;

namespace AlignProp.Models.Lora;

/// <summary>A LoRA file of any tool on a loaded model: every layer it adapts gets a branch, computed as in training.</summary>
public sealed class AdapterAttachment : IDisposable
{
    private AdapterAttachment(LoraInjection branches, string? note) => (Branches, Note) = (branches, note);

    public LoraInjection Branches { get; }

    /// <summary>One line on what of the file was left out, or null.</summary>
    public string? Note { get; }

    /// <param name="path">A file of this project, diffusers, PEFT or kohya, or a folder with one.</param>
    /// <param name="scale">Factor on what the adapter adds; 1 = as it was made.</param>
    /// <exception cref="ModelFileException">No LoRA, or one of another model: all modules that do not fit are named.</exception>
    public static AdapterAttachment Attach(IDenoiser denoiser, string path, double scale = 1)
    {
        var imported = Import(path, denoiser.Sites);
        var weights = imported.Weights;
        var branches = LoraInjection.Attach(denoiser, weights.Rank, weights.Alpha * scale,
            Fitting(path, denoiser.Sites, weights));
        branches.Load(name => weights[name].Values);
        return new AdapterAttachment(branches, imported.Note(path));
    }

    public void Dispose() => Branches.Dispose();

    private static ImportedLora Import(string path, AdapterSites sites)
    {
        if (!Path.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; expected a LoRA file of diffusers or kohya, or a PEFT folder");
        }
        try
        {
            return LoraFile.Import(path, sites);
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException)
        {
            throw new ModelFileException(e.Message, e);
        }
    }

    private static List<AdapterSite> Fitting(string path, AdapterSites sites, LoraWeights weights)
    {
        var (found, problems) = (new List<AdapterSite>(), new List<string>());
        foreach (var module in weights.Modules)
        {
            if (!sites.TryGet(module, out var site))
            {
                problems.Add($"this model has no module {module}");
            }
            else if (site.Misfit(weights) is { } sizes)
            {
                problems.Add($"{module} is {sizes}, this model's [{string.Join(", ", site.Shape)}]");
            }
            else
            {
                found.Add(site);
            }
        }
        if (problems.Count == 0)
        {
            return found;
        }
        var rest = problems.Count > 8 ? $"; and {problems.Count - 8} more" : "";
        throw new ModelFileException(
            $"{path}: an adapter of another model: {string.Join("; ", problems.Take(8))}{rest} (rank {weights.Rank})");
    }
}
