namespace AlignProp.Adapters.Inspection;

/// <summary>Looks at a file or folder of weights: reads headers, pickles and configurations, never the numbers.</summary>
public static class Inspector
{
    /// <summary>What a path is.</summary>
    /// <exception cref="WeightFileException">
    /// There is nothing there, it is damaged or refused, or nothing in it is known.
    /// </exception>
    public static Inspection Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = HubFolder.Resolve(path);
        if (File.Exists(path))
        {
            return Path.GetFileName(path) == "model_index.json"
                ? PipelineInspection.Of(Path.GetDirectoryName(Path.GetFullPath(path))!) : FileInspection.Of(path);
        }

        if (!Directory.Exists(path))
        {
            throw new WeightFileException(path, null, "there is no such file or folder");
        }

        return path switch
        {
            _ when File.Exists(Path.Combine(path, "model_index.json")) => PipelineInspection.Of(path),
            _ when File.Exists(Path.Combine(path, "run.conf")) => RunInspection.Of(path),
            _ when File.Exists(Path.Combine(path, "adapter_config.json")) => LoraInspection.OfPeftFolder(path),
            _ => FolderInspection.Of(path),
        };
    }
}
