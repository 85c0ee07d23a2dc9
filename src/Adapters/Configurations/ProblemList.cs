namespace AlignProp.Adapters.Configurations;

/// <summary>Collects what is wrong, so that it can be said all at once.</summary>
internal sealed class ProblemList
{
    private readonly List<string> _problems = [];

    public IReadOnlyList<string> All => _problems;

    public void Add(IEnumerable<string> problems) => _problems.AddRange(problems);

    /// <summary>What can be read; null, and the problem in the list, where it cannot.</summary>
    public T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (ModelFileException e)
        {
            _problems.Add(e.Message);
            return null;
        }
    }

    /// <summary>The same for a configuration, of which every wrong key is named.</summary>
    public T? Try<T>(JsonConfig? json, ConfigClass table, Func<JsonConfig, T> read) where T : class
    {
        if (json is null)
        {
            return null;
        }
        List<string> wrong = [.. table.Problems(json)];
        _problems.AddRange(wrong);
        return wrong.Count > 0 ? null : Try(() => read(json));
    }
}
