using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Storage;

/// <summary>Blobs by SHA-256: adapters and moments, durable before the journal names them.</summary>
public interface IAdapterStore
{
    /// <summary>Durable when it returns.</summary>
    BlobRef Put(byte[] bytes);

    /// <exception cref="InvalidDataException">The blob is missing or its bytes do not have its hash.</exception>
    byte[] Get(BlobHash hash);

    /// <summary>
    /// Deletes blobs that are named one by one: a coordinator that was deposed without knowing it never deletes what it does not
    /// know.
    /// </summary>
    void Delete(IEnumerable<BlobHash> hashes);
}

/// <summary>One file a blob.</summary>
public sealed class DirectoryAdapterStore : IAdapterStore
{
    private const string Extension = ".safetensors";
    private readonly string _folder;

    public DirectoryAdapterStore(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
    }

    public BlobRef Put(byte[] bytes)
    {
        var blob = BlobRef.Of(bytes);
        var path = PathOf(blob.Hash);
        // A file of that name and length may still be damaged: what a commit will name is read back, or written anew.
        if (!File.Exists(path) || BlobHash.Of(File.ReadAllBytes(path)) != blob.Hash)
        {
            DurableFile.Replace(path, stream => stream.Write(bytes));
        }
        return blob;
    }

    public byte[] Get(BlobHash hash)
    {
        var path = PathOf(hash);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path}: the blob is missing; restore it from a backup of the run's folder");
        }
        var bytes = File.ReadAllBytes(path);
        return BlobHash.Of(bytes) == hash
            ? bytes
            : throw new InvalidDataException($"{path}: the bytes do not have the hash in the file's name (truncated or damaged)");
    }

    public void Delete(IEnumerable<BlobHash> hashes)
    {
        foreach (var hash in hashes)
        {
            File.Delete(PathOf(hash));
        }
    }

    private string PathOf(BlobHash hash) => Path.Combine(_folder, hash.Value + Extension);
}
