using System.Security.Cryptography;
using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// Identity of a model folder, or of a single-file checkpoint: the SHA-256 over the names, sizes and bytes of its weights,
/// configurations and vocabularies. Two nodes with the same fingerprint compute the same numbers.
/// </summary>
public static class ModelFingerprint
{
    private static readonly string[] Extensions = [.. WeightFiles.Extensions, ".json", ".txt"];

    /// <summary>Lower-case hex; the empty string for an empty path (a reward without files).</summary>
    /// <exception cref="DirectoryNotFoundException">There is neither a folder nor a file of this name.</exception>
    public static string Of(string folder)
    {
        if (folder.Length == 0)
        {
            return "";
        }
        if (!Directory.Exists(folder) && !File.Exists(folder))
        {
            throw new DirectoryNotFoundException($"{folder}: folder not found");
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var found = File.Exists(folder)
            ? [(Path.GetFileName(folder), folder)]
            : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(f => Extensions.Contains(Path.GetExtension(f)))
                .Select(f => (Name: Path.GetRelativePath(folder, f).Replace('\\', '/'), Path: f));
        var files = found
            .OrderBy(f => f.Name, StringComparer.Ordinal);
        var buffer = new byte[1 << 20];
        foreach (var (name, path) in files)
        {
            using var stream = File.OpenRead(path);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{stream.Length}\n"));
            int read;
            while ((read = stream.Read(buffer)) > 0)
            {
                hash.AppendData(buffer, 0, read);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
