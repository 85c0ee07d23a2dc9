using System.Security.Cryptography;
using System.Text;
using AlignProp.Adapters;

namespace AlignProp.Cli.Takeaway;

/// <summary>README.md and its pictures beside exported weights.</summary>
internal static class ModelCardFolder
{
    private const string Images = "images";

    /// <summary>The run's pictures and what they are called beside a card.</summary>
    private static readonly (string Of, string As)[] Pictures = [("grid.png", "before-after.png"), ("reward.png", "reward.png")];

    /// <param name="files">What the card is about, already written.</param>
    /// <returns>What was written here.</returns>
    public static IReadOnlyList<string> Write(string folder, AdapterSource source, BaseModel model, string format, DType dtype,
        IReadOnlyList<string> files)
    {
        var images = source.Run is { } run
            ? Pictures.Where(p => File.Exists(Path.Combine(run.Directory.Folder, p.Of))).ToList() : [];
        if (images.Count > 0)
        {
            Directory.CreateDirectory(Path.Combine(folder, Images));
        }
        List<string> written = [];
        foreach (var (from, to) in images)
        {
            var bytes = File.ReadAllBytes(Path.Combine(source.Run!.Directory.Folder, from));
            written.Add(Path.Combine(folder, Images, to));
            DurableFile.Replace(written[^1], stream => stream.Write(bytes));
        }
        var hashed = files.Concat(written)
            .Select(f => (Path.GetRelativePath(folder, f).Replace('\\', '/'), new FileInfo(f).Length, Hash(f))).ToList();
        var card = ModelCard.Render(source, model, format, dtype,
            Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), hashed);
        written.Add(Path.Combine(folder, "README.md"));
        DurableFile.Replace(written[^1], stream => stream.Write(Encoding.UTF8.GetBytes(card)));
        return written;
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
