using AlignProp.Cli.Takeaway;

namespace AlignProp.Cli.Pictures;

/// <summary>Where adapters are looked for, the model they are drawn with, and who is told what of a file is left out.</summary>
/// <param name="Runs">Folder of the runs.</param>
/// <param name="Model">Model folder or single-file checkpoint; null = not known.</param>
/// <param name="Folder">Where a node reads them.</param>
internal sealed record AdapterPlace(string Runs, string? Model, string Folder, TextWriter Error)
{
    /// <summary>An adapter, whose notices are written once.</summary>
    public AdapterSource Find(string name)
    {
        var source = AdapterSource.Find(Runs, name, Model);
        if (source.Note is not null)
        {
            Error.WriteLine(source.Note);
        }
        return source;
    }
}
