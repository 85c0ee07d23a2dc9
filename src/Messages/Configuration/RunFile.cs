using AlignProp.Adapters;
using Akka.Configuration;

namespace AlignProp.Messages.Configuration;

/// <summary>
/// Strict run files. Layers, later ones win: hocon/runs/defaults.conf, the presets named by <c>extends</c>, the file, the
/// command line's <c>key=value</c>. A key that defaults.conf does not have, a wrong type or a value out of range is an error.
/// </summary>
public static class RunFile
{
    public const string Default = "emoji-preference";
    private const string Root = "run";

    /// <param name="source">Path of a run file, or the name of a preset.</param>
    /// <param name="overrides"><c>key=value</c>, the key without the leading <c>run.</c></param>
    /// <exception cref="ConfigException">Names the file, the key, the value and what is allowed.</exception>
    public static RunConfig Load(string source, IReadOnlyList<string> overrides)
    {
        var defaults = Hocon("defaults.conf", PresetText("defaults"));
        var merged = Layer(source, 0).WithFallback(defaults);
        foreach (var text in overrides)
        {
            var equals = text.IndexOf('=');
            var key = equals > 0 ? text[..equals].Trim() : text;
            if (equals <= 0 || !RunKeys.Paths.Contains(key))
            {
                throw new ConfigException(equals <= 0
                    ? $"--set {text}: expected key=value"
                    : $"--set {text}: there is no key {key}; {RunKeys.Suggest(key, RunKeys.Paths)}");
            }
            merged = Hocon($"--set {text}", $"{Root}.{key} = {RunKeys.Quoted(text[(equals + 1)..])}").WithFallback(merged);
        }
        return RunReader.Read(source, merged);
    }

    /// <summary>A resolved run file that came as text.</summary>
    /// <param name="source">For messages.</param>
    /// <exception cref="ConfigException">Names the source, the key, the value and what is allowed.</exception>
    public static RunConfig Parse(string source, string text)
    {
        var config = Hocon(source, text);
        RunKeys.RequireKnown(source, config);
        return RunReader.Read(source, config.WithFallback(Hocon("defaults.conf", PresetText("defaults"))));
    }

    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Presets() => [.. typeof(RunFile).Assembly.GetManifestResourceNames()
        .Where(n => n.StartsWith("runs.", StringComparison.Ordinal)).Select(n => n["runs.".Length..^".conf".Length])
            .Where(n => n != "defaults").Order(StringComparer.Ordinal)];

    /// <summary>The text of a preset, comments included.</summary>
    public static string PresetText(string name)
    {
        using var stream = typeof(RunFile).Assembly.GetManifestResourceStream($"runs.{name}.conf")
            ?? throw new InvalidOperationException($"hocon/runs/{name}.conf is not embedded");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static Config Layer(string source, int depth)
    {
        if (depth > 8)
        {
            throw new ConfigException($"{source}: extends itself");
        }
        var text = File.Exists(source) ? Utf8Text.Read(source, problem => new ConfigException(problem))
            : Presets().Contains(source) ? PresetText(source)
            : throw new ConfigException(
                $"{source}: no such run file, and no preset of that name; presets: {string.Join(", ", Presets())}");
        var config = Hocon(source, text);
        RunKeys.RequireKnown(source, config);
        return config.HasPath("extends") ? config.WithFallback(Layer(config.GetString("extends"), depth + 1)) : config;
    }

    private static Config Hocon(string source, string text)
    {
        try
        {
            return ConfigurationFactory.ParseString(text);
        }
#pragma warning disable CA1031 // The HOCON parser throws plain exceptions of several kinds.
        catch (Exception e)
#pragma warning restore CA1031
        {
            throw new ConfigException($"{source}: not valid HOCON: {e.Message.Split('\n')[0]}");
        }
    }
}
