namespace AlignProp.Messages;

/// <summary>One image to be made. Every random number comes from its seeds.</summary>
public sealed record ShardSample(string Prompt, ulong NoiseSeed, ulong VarianceSeed);

/// <summary>The unit of work: a pure function of the model files, the adapter and this description.</summary>
/// <param name="Round">Of the step, from 0: a method may want one pass over the batch after the other.</param>
/// <param name="Index">Of the shard in its round.</param>
public sealed record Shard(RunId Run, int Step, int Round, int Index, ShardTask Task, IReadOnlyList<ShardSample> Samples);

/// <summary>A result's identity: whoever computed it, it is the same.</summary>
public sealed record ShardKey(RunId Run, int Step, int Round, int Index, BlobHash AdapterHash);
