using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>Blobs by SHA-256: adapters and moments, durable before the journal names them.</summary>
public interface IAdapterStore
{
    /// <summary>Durable when it returns.</summary>
    BlobRef Put(byte[] bytes);

    /// <exception cref="InvalidDataException">The blob is missing or its bytes do not have its hash.</exception>
    byte[] Get(BlobHash hash);

    /// <summary>Deletes everything else.</summary>
    void KeepOnly(IReadOnlySet<BlobHash> hashes);
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
        var blob = BlobTransfer.Describe(bytes);
        var path = PathOf(blob.Hash);
        if (!File.Exists(path))
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
        return BlobTransfer.HashOf(bytes) == hash
            ? bytes
            : throw new InvalidDataException($"{path}: the bytes do not have the hash in the file's name (truncated or damaged)");
    }

    public void KeepOnly(IReadOnlySet<BlobHash> hashes)
    {
        foreach (var path in Directory.EnumerateFiles(_folder, "*" + Extension))
        {
            if (!hashes.Contains(new BlobHash(Path.GetFileNameWithoutExtension(path))))
            {
                File.Delete(path);
            }
        }
    }

    private string PathOf(BlobHash hash) => Path.Combine(_folder, hash.Value + Extension);
}
