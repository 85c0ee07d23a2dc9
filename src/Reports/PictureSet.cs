using System.Text.Json;
using AlignProp.Adapters;

namespace AlignProp.Reports;

/// <summary>Pictures of one evaluation in a folder: PNG files and index.json.</summary>
public static class PictureSet
{
    public sealed record Entry(string File, string Prompt, bool HeldOut, ulong Seed, double Reward);

    public static void Save(string folder, IReadOnlyList<SamplePicture> samples)
    {
        Directory.CreateDirectory(folder);
        var entries = samples.Select((s, i) => new Entry(NameOf(i), s.Prompt, s.HeldOut, s.Seed, s.Reward)).ToList();
        foreach (var (entry, sample) in entries.Zip(samples))
        {
            DurableFile.Replace(Path.Combine(folder, entry.File), stream => stream.Write(sample.Png));
        }
        DurableFile.Replace(Path.Combine(folder, "index.json"), stream => JsonSerializer.Serialize(stream, entries));
    }

    public static IReadOnlyList<SamplePicture> Load(string folder) =>
        [.. Index(folder)
            .Select(e =>
            new SamplePicture(e.Prompt, e.HeldOut, e.Seed, e.Reward, File.ReadAllBytes(Path.Combine(folder, e.File))))];

    /// <summary>What pictures there are; none where the index was not written yet.</summary>
    public static IReadOnlyList<Entry> Index(string folder)
    {
        var index = Path.Combine(folder, "index.json");
        return File.Exists(index) ? JsonSerializer.Deserialize<List<Entry>>(File.ReadAllBytes(index))! : [];
    }

    public static string NameOf(int index) => $"{index:D3}.png";
}
