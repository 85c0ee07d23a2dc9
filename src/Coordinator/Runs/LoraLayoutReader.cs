using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// The layers a run adapts, read from the header of the denoiser's file: the coordinator needs no torch to make adapter 0.
/// </summary>
public static class LoraLayoutReader
{
    /// <exception cref="ConfigException">The denoiser's file is missing or damaged, or a target matches nothing.</exception>
    public static AdapterSites Read(string model, IReadOnlyList<string> targets)
    {
        try
        {
            return Read(model).Matching(targets);
        }
        catch (LoraTargetException e)
        {
            throw new ConfigException(e.Message);
        }
    }

    /// <summary>Every layer that could be adapted.</summary>
    /// <exception cref="ConfigException">The denoiser's file is missing or damaged.</exception>
    public static AdapterSites Read(string model)
    {
        try
        {
            return SiteReader.Read(model);
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }
}
