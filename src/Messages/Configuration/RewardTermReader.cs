using System.Globalization;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace AlignProp.Messages.Configuration;

/// <summary>Lists of rewards in a run file: objects with name, path, weight, mean, std, words and quality, of which only the name must be there.</summary>
public sealed class RewardTermReader(string source, Config config)
{
    private const string TorchScript = "torchscript:";
    private static readonly string[] Keys = ["name", "path", "weight", "mean", "std", "words", "quality"];

    public IReadOnlyList<RewardTermConfig> Read(string key)
    {
        var value = config.GetValue($"run.{key}");
        if (RunKeys.IsEmptyList(value))
        {
            return [];
        }
        if (!value.IsArray())
        {
            throw new ConfigException($"{source}: {key} = {value}: expected a list, e.g. [ {{ name = colourfulness, weight = 0.1 }} ]");
        }
        return [.. value.GetArray().Select((v, i) => Term($"{key}[{i}]", v))];
    }

    /// <summary>The one reward, with <c>torchscript:FILE</c> taken apart.</summary>
    public static RewardConfig Named(RewardConfig reward) =>
        reward.Name.StartsWith(TorchScript, StringComparison.Ordinal) ? reward with { Name = "torchscript", Path = ProjectFolder.Resolve(reward.Name[TorchScript.Length..]) } : reward;

    private RewardTermConfig Term(string key, HoconValue value)
    {
        var items = value.IsObject() ? value.GetObject().Items : throw Wrong(key, value.ToString(), "an object, e.g. { name = colourfulness, weight = 0.1 }");
        foreach (var name in items.Keys.Where(k => !Keys.Contains(k)))
        {
            throw new ConfigException($"{source}: unknown key {key}.{name}; {RunKeys.Suggest(name, Keys)}");
        }
        var kind = Text("name", "");
        var path = Text("path", "");
        if (kind.StartsWith(TorchScript, StringComparison.Ordinal))
        {
            (kind, path) = ("torchscript", kind[TorchScript.Length..]);
        }
        if (kind.Length == 0)
        {
            throw new ConfigException($"{source}: {key}.name is missing; expected the name of a reward");
        }
        return new RewardTermConfig(kind, ProjectFolder.Resolve(path))
        {
            Weight = Number("weight", 1, -1e9, 1e9),
            Mean = Number("mean", 0, -1e9, 1e9),
            Std = Number("std", 1, 1e-9, 1e9),
            Words = Words(),
            Quality = (int)Number("quality", 90, 1, 100),
        };

        string Text(string name, string otherwise) => !items.TryGetValue(name, out var v) ? otherwise : v.IsString() ? v.GetString() : throw Wrong($"{key}.{name}", v.ToString(), "a text");

        double Number(string name, double otherwise, double min, double max)
        {
            var text = Text(name, otherwise.ToString("R", CultureInfo.InvariantCulture));
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
                ? number
                : throw Wrong($"{key}.{name}", text, FormattableString.Invariant($"a number, {min} to {max}"));
        }

        IReadOnlyList<string> Words() => !items.TryGetValue("words", out var v) || RunKeys.IsEmptyList(v) ? []
            : v.IsArray() ? [.. v.GetStringList()] : throw Wrong($"{key}.words", v.ToString(), "a list, e.g. [\"a book\"]");
    }

    private ConfigException Wrong(string key, string value, string allowed) => new($"{source}: {key} = {value}: expected {allowed}");
}
