using System.Reflection;
using System.Text.RegularExpressions;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace AlignProp.Messages.Configuration;

/// <summary>
/// The table of all keys: the properties of <see cref="RunConfig"/> that have a <see cref="KeyAttribute"/>, in the order in which
/// they stand there. Reading, checking, writing, suggestions, hocon/runs/defaults.conf and docs/run-file.md are made of it.
/// </summary>
public static partial class RunKeys
{
    /// <summary>Every key of a run file.</summary>
    public static IReadOnlyList<RunKey> All { get; } = [.. Rows("", typeof(RunConfig), new RunConfig())];

    /// <summary>The keys of one term of <c>reward.terms</c> and <c>evaluation.rewards</c>.</summary>
    public static IReadOnlyList<RunKey> OfTerm { get; } = [.. Rows("", typeof(RewardTermConfig), new RewardTermConfig())];

    /// <summary>What <c>--set</c> takes.</summary>
    public static IReadOnlySet<string> Paths { get; } = All.Select(k => k.Path).ToHashSet();

    /// <summary>The row of a key.</summary>
    public static RunKey Find(string path) => All.Single(k => k.Path == path);

    /// <summary>The record a key's property is in: the configuration itself, or one of its sections.</summary>
    public static object SectionOf(RunConfig config, RunKey key) =>
        Sections.FirstOrDefault(s => Kebab(s.Name) == key.Section)?.GetValue(config) ?? config;

    /// <summary>The sections of a run file as properties of <see cref="RunConfig"/>.</summary>
    internal static IReadOnlyList<PropertyInfo> Sections { get; } =
        [.. Ordered(typeof(RunConfig))
            .Where(p => p.GetCustomAttribute<KeyAttribute>() is null && Ordered(p.PropertyType).Any(IsKey))];

    /// <exception cref="ConfigException">The file has a key that is not known.</exception>
    public static void RequireKnown(string source, Config config)
    {
        foreach (var path in Walk(config))
        {
            if (path != "extends"
                && !(path.StartsWith("run.", StringComparison.Ordinal) && Paths.Contains(path["run.".Length..])))
            {
                throw new ConfigException($"{source}: unknown key {path}; {Suggest(path, Paths)}");
            }
        }
    }

    public static string Suggest(string key, IReadOnlyCollection<string> known)
    {
        var bare = key.StartsWith("run.", StringComparison.Ordinal) ? key["run.".Length..] : key;
        return Nearest.Of(bare, known, Math.Max(3, bare.Length / 3)) is { } nearest ? $"did you mean {nearest}?"
            : "see hocon/runs/defaults.conf for all keys";
    }

    /// <summary>A value of the command line as HOCON: lists and plain words as they are, everything else quoted.</summary>
    public static string Quoted(string value) =>
        value.StartsWith('[') ? value : $"\"{value.Trim('"').Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";

    /// <summary>Akka's parser keeps nothing of <c>[]</c>: neither a list nor anything else.</summary>
    public static bool IsEmptyList(HoconValue value) => !value.IsString() && !value.IsObject() && !value.IsArray();

    private static IEnumerable<RunKey> Rows(string section, Type type, object defaults) => Ordered(type).SelectMany(p =>
        p.GetCustomAttribute<KeyAttribute>() is { } rule ? [new RunKey(section, Kebab(p.Name), p, rule, p.GetValue(defaults))]
            : section.Length == 0 && Ordered(p.PropertyType).Any(IsKey)
                ? Rows(Kebab(p.Name), p.PropertyType, p.GetValue(defaults)!)
            : []);

    /// <summary>As they stand in the source.</summary>
    private static IEnumerable<PropertyInfo> Ordered(Type type) => type.GetProperties().OrderBy(p => p.MetadataToken);

    private static bool IsKey(PropertyInfo property) => property.GetCustomAttribute<KeyAttribute>() is not null;

    private static string Kebab(string name) => WordStart().Replace(name, "-$0").ToLowerInvariant();

    private static IEnumerable<string> Walk(Config config) => config.IsEmpty ? [] : Walk("", config.Root);

    private static IEnumerable<string> Walk(string path, HoconValue value) => value.IsObject()
        ? value.GetObject().Items.SelectMany(i => Walk(path.Length == 0 ? i.Key : $"{path}.{i.Key}", i.Value))
        : [path];

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex WordStart();
}
