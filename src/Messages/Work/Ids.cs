using System.Security.Cryptography;

namespace AlignProp.Messages;

/// <summary>A run, e.g. <c>emoji-preference-20260101-120000-1a2b</c>.</summary>
public readonly record struct RunId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>A GpuNode process.</summary>
public readonly record struct NodeId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>One hand-out of a shard to a device.</summary>
public readonly record struct LeaseId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>SHA-256 of a blob's bytes, lower-case hex.</summary>
public readonly record struct BlobHash(string Value)
{
    public static BlobHash Of(ReadOnlySpan<byte> bytes) => new(Convert.ToHexStringLower(SHA256.HashData(bytes)));

    /// <summary>What is not, is no hash: it must not be compared, or become part of a path.</summary>
    public bool IsWellFormed => Value.Length == 64 && Value.All(char.IsAsciiHexDigitLower);

    public override string ToString() => Value;
}
