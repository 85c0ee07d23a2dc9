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

/// <summary>One accelerator (or the CPU) of a node, e.g. <c>node-1/cpu:0</c>.</summary>
public readonly record struct DeviceId(string Value)
{
    public DeviceId(NodeId node, string device) : this($"{node}/{device}")
    {
    }

    /// <summary>The node it belongs to.</summary>
    public NodeId Node => new(Slash < 0 ? Value : Value[..Slash]);

    /// <summary>Its name on the node, e.g. <c>cpu:0</c>.</summary>
    public string Device => Slash < 0 ? "" : Value[(Slash + 1)..];

    private int Slash => Value.LastIndexOf('/');

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
    /// <summary>What is not, is no hash: it must not be compared, or become part of a path.</summary>
    public bool IsWellFormed => Value.Length == 64 && Value.All(char.IsAsciiHexDigitLower);

    public override string ToString() => Value;
}
