using Akka.Configuration;

namespace AlignProp.Messages.Configuration;

/// <summary>Which keys there are, and which one was meant.</summary>
internal static class RunKeys
{
    /// <summary>Paths of all leaves under <c>run</c>, without the prefix.</summary>
    public static IReadOnlySet<string> Leaves(Config config) => Walk(config).Where(p => p.StartsWith("run.", StringComparison.Ordinal))
        .Select(p => p["run.".Length..]).ToHashSet();

    /// <exception cref="ConfigException">The file has a key that is not known.</exception>
    public static void RequireKnown(string source, Config config, IReadOnlyCollection<string> known)
    {
        foreach (var path in Walk(config))
        {
            if (path != "extends" && !(path.StartsWith("run.", StringComparison.Ordinal) && known.Contains(path["run.".Length..])))
            {
                throw new ConfigException($"{source}: unknown key {path}; {Suggest(path, known)}");
            }
        }
    }

    public static string Suggest(string key, IReadOnlyCollection<string> known)
    {
        var bare = key.StartsWith("run.", StringComparison.Ordinal) ? key["run.".Length..] : key;
        return Nearest.Of(bare, known, Math.Max(3, bare.Length / 3)) is { } nearest ? $"did you mean {nearest}?" : "see hocon/runs/defaults.conf for all keys";
    }

    /// <summary>A value of the command line as HOCON: lists and plain words as they are, everything else quoted.</summary>
    public static string Quoted(string value) => value.StartsWith('[') ? value : $"\"{value.Trim('"').Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";

    /// <summary>Akka's parser keeps nothing of <c>[]</c>: neither a list nor anything else.</summary>
    public static bool IsEmptyList(Akka.Configuration.Hocon.HoconValue value) => !value.IsString() && !value.IsObject() && !value.IsArray();

    private static IEnumerable<string> Walk(Config config) => config.IsEmpty ? [] : Walk("", config.Root);

    private static IEnumerable<string> Walk(string path, Akka.Configuration.Hocon.HoconValue value) => value.IsObject()
        ? value.GetObject().Items.SelectMany(i => Walk(path.Length == 0 ? i.Key : $"{path}.{i.Key}", i.Value))
        : [path];
}
