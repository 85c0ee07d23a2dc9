using System.Security.Cryptography;
using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// Identity of a model folder: the SHA-256 over the names, sizes and bytes of its weights, configurations and vocabularies.
/// Two nodes with the same fingerprint compute the same numbers.
/// </summary>
public static class ModelFingerprint
{
    private static readonly string[] Extensions = [".safetensors", ".json", ".txt", ".pt", ".pth", ".bin", ".ckpt"];

    /// <summary>Lower-case hex; the empty string for an empty path (a reward without files).</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static string Of(string folder)
    {
        if (folder.Length == 0)
        {
            return "";
        }
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"{folder}: folder not found");
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Extensions.Contains(Path.GetExtension(f)))
            .Select(f => (Name: Path.GetRelativePath(folder, f).Replace('\\', '/'), Path: f))
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
