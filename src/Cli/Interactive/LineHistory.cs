namespace AlignProp.Cli.Interactive;

/// <summary>The lines of earlier consoles, in a file of the user's state folder; the newest at the end.</summary>
internal sealed class LineHistory
{
    private const int Kept = 500;

    private readonly string? _path;
    private readonly List<string> _lines = [];

    /// <param name="path">Null = kept in memory only.</param>
    public LineHistory(string? path)
    {
        _path = path;
        try
        {
            _lines.AddRange(path is not null && File.Exists(path) ? File.ReadLines(path).TakeLast(Kept) : []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A history that cannot be read is an empty one.
        }
    }

    /// <summary>$XDG_STATE_HOME/alignprop/history, or below ~/.local/state.</summary>
    public static string DefaultPath => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"), "alignprop",
            "history");

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Not what begins with a space or names a token, nor the same line twice in a row.</summary>
    public void Add(string line)
    {
        if (string.IsNullOrWhiteSpace(line) || line[0] == ' ' || line.Contains("--token", StringComparison.Ordinal)
            || _lines.LastOrDefault() == line)
        {
            return;
        }
        _lines.Add(line);
        if (_path is null)
        {
            return;
        }
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            if (_lines.Count > 2 * Kept)
            {
                _lines.RemoveRange(0, _lines.Count - Kept);
                File.WriteAllLines(_path, _lines);
            }
            else
            {
                File.AppendAllText(_path, line + "\n");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No state folder: this console's own lines are still there.
        }
    }
}
