using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Akka.Configuration.Hocon;

namespace AlignProp.Messages.Configuration;

/// <summary>One row of the table of keys: name, type, range, default, meaning, and how it is read, written and got.</summary>
/// <param name="Name">As in the file, without the section: <c>threads-per-shard</c>.</param>
/// <param name="Section">
/// Of <see cref="RunConfig"/>, e.g. <c>model</c>; empty for the keys above all sections, and inside lists.
/// </param>
public sealed record RunKey(string Section, string Name, PropertyInfo Property, KeyAttribute Rule, object? Default)
{
    private const string Off = "off";

    /// <summary>As <c>--set</c> takes it: <c>model.threads-per-shard</c>.</summary>
    public string Path => Section.Length == 0 ? Name : $"{Section}.{Name}";

    /// <summary>The value in the record that has this property.</summary>
    public object? Get(object section) => Property.GetValue(section);

    /// <summary>What is allowed, in words; empty where any text or file is.</summary>
    public string Range => Rule.Allowed.Length > 0 ? Rule.Allowed
        : IsList ? ""
        : Rule.OneOf.Length > 0 ? $"one of {string.Join(", ", Rule.OneOf)}"
        : Bounds;

    private Type Type => Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;

    private bool IsList => Type == typeof(IReadOnlyList<string>);

    private bool IsOptional => Nullable.GetUnderlyingType(Property.PropertyType) is not null;

    private string Bounds => (Rule.Min, Rule.Max) switch
    {
        (double.NaN, double.NaN) => "",
        (var min, double.NaN) => string.Create(CultureInfo.InvariantCulture, $"{min} or more"),
        var (min, max) => string.Create(CultureInfo.InvariantCulture, $"{min} to {max}"),
    };

    private string Expected => Type == typeof(double) ? Join("a number", Range)
        : Type == typeof(int) || Type == typeof(ulong) ? Join("a whole number", Range)
        : Type == typeof(bool) ? "true or false"
        : IsList ? Rule.OneOf.Length > 0 ? $"a list, e.g. [to_q, to_v], or {string.Join(", ", Rule.OneOf)}"
            : "a list, e.g. [to_q, to_v]"
        : Range.Length > 0 ? Range : "a text";

    /// <summary>A value of a file as the property's type.</summary>
    /// <param name="path">Of the key, for messages: <c>reward.terms[0].weight</c>.</param>
    /// <exception cref="ConfigException">Of the wrong type, or not allowed.</exception>
    public object? Read(string source, string path, HoconValue value)
    {
        if (IsList)
        {
            return RunKeys.IsEmptyList(value) ? Array.Empty<string>()
                : value.IsArray() ? value.GetStringList().ToArray()
                : value.IsString() && Rule.OneOf.Contains(value.GetString()) ? [value.GetString()]
                : throw Wrong(value.ToString());
        }
        if (Type == typeof(IReadOnlyList<RewardTermConfig>))
        {
            return ReadTerms(source, path, value);
        }
        var text = value.IsString() ? value.GetString() : throw Wrong(value.IsArray() ? "a list" : "an object", "a text");
        if (IsOptional && text == Off)
        {
            return null;
        }
        if (Type == typeof(string))
        {
            var allowed = Rule.OneOf.Length > 0 ? Rule.OneOf.Contains(text) : Regex.IsMatch(text, $"^(?:{Rule.Pattern})$")
                || Rule.Pattern.Length == 0;
            return allowed ? Rule.IsPath ? ProjectFolder.Resolve(text) : text : throw Wrong(text);
        }
        object? read = Type == typeof(int)
            && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var i) ? i
            : Type == typeof(ulong) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var l) ? (ulong)l
            : Type == typeof(bool) && bool.TryParse(text, out var b) ? b
            : Type == typeof(double) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var d)
                && double.IsFinite(d) ? d
            : null;
        var number = read is null or bool ? 0 : Convert.ToDouble(read, CultureInfo.InvariantCulture);
        return read is null || number < Rule.Min || number > Rule.Max ? throw Wrong(text) : read;

        ConfigException Wrong(string found, string? expected = null) =>
            new($"{source}: {path} = {found}: expected {expected ?? Expected}");
    }

    /// <summary>The value as the file has it, readable by <see cref="Read"/>.</summary>
    /// <param name="path">Applied to a path that is set.</param>
    public string Render(object section, Func<string, string>? path = null) =>
        Text(Rule.IsPath && path is not null && Get(section) is string { Length: > 0 } file ? path(file) : Get(section), path);

    /// <summary>The default as the file has it.</summary>
    public string RenderDefault() => Text(Default);

    private static string Text(object? value, Func<string, string>? path = null) => value switch
    {
        null => Off,
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        bool b => b ? "true" : "false",
        IReadOnlyList<RewardTermConfig> { Count: > 0 } terms =>
            $"[\n{string.Join("\n", terms.Select(t => $"    {Term(t, path)}"))}\n  ]",
        string s => $"\"{s.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(v => Text(v)))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Term(RewardTermConfig term, Func<string, string>? path) =>
        $"{{ {string.Join(", ", RunKeys.OfTerm.Select(k => $"{k.Name} = {k.Render(term, path)}"))} }}";

    private static RewardTermConfig[] ReadTerms(string source, string path, HoconValue value)
    {
        const string Example = "{ name = colourfulness, weight = 0.1 }";
        return RunKeys.IsEmptyList(value) ? []
            : value.IsArray() ? [.. value.GetArray().Select((v, i) => ReadTerm($"{path}[{i}]", v))]
            : throw new ConfigException($"{source}: {path} = {value}: expected a list, e.g. [ {Example} ]");

        RewardTermConfig ReadTerm(string at, HoconValue v)
        {
            var items = v.IsObject() ? v.GetObject().Items
                : throw new ConfigException($"{source}: {at} = {v}: expected an object, e.g. {Example}");
            var names = RunKeys.OfTerm.Select(k => k.Name).ToList();
            if (items.Keys.FirstOrDefault(k => !names.Contains(k)) is { } unknown)
            {
                throw new ConfigException($"{source}: unknown key {at}.{unknown}; {RunKeys.Suggest(unknown, names)}");
            }
            var term = new RewardTermConfig();
            foreach (var key in RunKeys.OfTerm.Where(k => items.ContainsKey(k.Name)))
            {
                key.Property.SetValue(term, key.Read(source, $"{at}.{key.Name}", items[key.Name]));
            }
            return term.Name.Length > 0 ? term.WithFileApart()
                : throw new ConfigException($"{source}: {at}.name is missing; expected the name of a reward");
        }
    }

    private static string Join(string what, string bounds) => bounds.Length == 0 ? what : $"{what}, {bounds}";
}
