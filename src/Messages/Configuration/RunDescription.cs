namespace AlignProp.Messages.Configuration;

/// <summary>
/// What a run is to every process that takes part: the resolved run file with full paths, and the fingerprint of each file it
/// names. It is all that a shard's numbers depend on besides the adapter and the shard itself.
/// </summary>
/// <param name="text">See <see cref="RunFileWriter.Render"/>.</param>
public sealed class RunDescription(string text, IReadOnlyList<FileFingerprint> files) : IEquatable<RunDescription>
{
    private RunConfig? _config;

    public string Text { get; } = text;

    public IReadOnlyList<FileFingerprint> Files { get; } = files;

    /// <summary>The run file, read by the reader that the coordinator read it with.</summary>
    /// <exception cref="ConfigException">It is of another version.</exception>
    public RunConfig Config => _config ??= RunFile.Parse("the coordinator's run file", Text);

    public static RunDescription Of(RunConfig config, params IReadOnlyList<FileFingerprint> files) =>
        new(RunFileWriter.Render(config, Path.GetFullPath), files);

    public bool Equals(RunDescription? other) => other is not null && other.Text == Text && other.Files.SequenceEqual(Files);

    public override bool Equals(object? obj) => Equals(obj as RunDescription);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);
}

/// <summary>What a file or folder of a run is to it.</summary>
public enum FileRole
{
    Model,
    Tokenizer,
    Reward,
}

/// <param name="Label">Of a reward: how it is called in reports; the role's name otherwise.</param>
/// <param name="Hash">Fingerprint of everything that is read of it.</param>
public sealed record FileFingerprint(FileRole Role, string Label, string Path, string Hash);
