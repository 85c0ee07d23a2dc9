using System.Security.Cryptography;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Storage;

/// <summary>The blobs of a run's folder, hashed as streams and only when asked for: memory does not grow with them.</summary>
public sealed class BlobCheck(RunDirectory directory)
{
    private const string Extension = ".safetensors";

    private readonly Dictionary<BlobHash, bool> _known = [];

    /// <summary>Every file that is named as a blob is.</summary>
    public IReadOnlyList<BlobHash> Files { get; } = !Directory.Exists(directory.Blobs) ? []
        : [.. Directory.GetFiles(directory.Blobs, "*" + Extension).Order()
            .Select(f => new BlobHash(Path.GetFileNameWithoutExtension(f))).Where(h => h.IsWellFormed)];

    /// <summary>Its bytes have the hash of its name.</summary>
    public bool IsWhole(BlobHash hash) =>
        _known.TryGetValue(hash, out var whole) ? whole : _known[hash] = hash.IsWellFormed && Sha256(PathOf(hash)) == hash.Value;

    /// <summary>File names of those that are not whole, below the run's folder, and why.</summary>
    public IEnumerable<string> Broken(IEnumerable<BlobHash> wanted) => wanted.Distinct().Where(h => !IsWhole(h))
        .Select(h => $"{Path.GetRelativePath(directory.Folder, PathOf(h))} is "
            + (File.Exists(PathOf(h)) ? "damaged" : "missing"));

    private string PathOf(BlobHash hash) => Path.Combine(directory.Blobs, hash.Value + Extension);

    /// <summary>Null where it cannot be read to its end: a disk that fails.</summary>
    private static string? Sha256(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
