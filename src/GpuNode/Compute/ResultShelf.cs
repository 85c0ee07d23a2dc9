using AlignProp.Messages;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// Results of the current adapter, kept also after they were acknowledged: a coordinator that dies before its step is committed
/// asks for them again, and nothing is computed twice. A newer adapter means the step is committed, and empties it.
/// </summary>
public sealed class ResultShelf
{
    // A shelf is for one step: beyond this the oldest results go, and would be computed again.
    private const long MaxBytes = 512L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly List<(ShardDone Done, byte[] Payload)> _results = [];

    public IReadOnlyList<ShardKey> Keys
    {
        get
        {
            lock (_lock)
            {
                return [.. _results.Select(r => r.Done.Key)];
            }
        }
    }

    public void Put(ShardDone done, byte[] payload)
    {
        lock (_lock)
        {
            _results.RemoveAll(r => r.Done.Key == done.Key || r.Done.Key.AdapterHash != done.Key.AdapterHash);
            _results.Add((done, payload));
            while (_results.Count > 1 && _results.Sum(r => (long)r.Payload.Length) > MaxBytes)
            {
                _results.RemoveAt(0);
            }
        }
    }

    /// <summary>Nobody will ask for it again, or it is wrong.</summary>
    public void Remove(ShardKey key)
    {
        lock (_lock)
        {
            _results.RemoveAll(r => r.Done.Key == key);
        }
    }

    public ShardDone? Find(ShardKey key)
    {
        lock (_lock)
        {
            return _results.FirstOrDefault(r => r.Done.Key == key).Done;
        }
    }

    /// <summary>The payload with this hash, or null.</summary>
    public byte[]? Payload(BlobHash hash)
    {
        lock (_lock)
        {
            return _results.FirstOrDefault(r => r.Done.Payload.Hash == hash).Payload;
        }
    }
}
