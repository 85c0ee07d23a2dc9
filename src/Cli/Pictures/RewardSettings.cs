using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Pictures;

/// <summary>
/// <c>--reward NAME</c> or <c>NAME=PATH</c>, any number; default: what the run was trained on and evaluated with.
/// </summary>
internal sealed class RewardSettings
{
    private readonly Option<string[]> _reward = new("--reward")
    {
        Description = "NAME, or NAME=PATH of its files; may repeat. Default: the run's. alignprop rewards lists them.",
    };
    private readonly Option<string[]> _words = new("--words")
    {
        Description = "What a detector looks for (count, concept-removal); may repeat.",
    };

    public RewardSettings() => _reward.CompletionSources.Add(_ => RewardCatalog.Names);

    public void AddTo(Command command)
    {
        command.Add(_reward);
        command.Add(_words);
    }

    /// <exception cref="ConfigException">There is no such reward, or its files are missing.</exception>
    public IReadOnlyList<PictureReward> Read(ParseResult parsed, RunConfig config, bool runs)
    {
        var terms = parsed.GetValue(_reward) is { Length: > 0 } named
            ? named.Select(text => Term(text, parsed.GetValue(_words) ?? [], config)).ToList()
            : runs ? [.. config.Reward.Sum, .. config.Evaluation.Rewards] : [.. config.Reward.Sum];
        ModelFolderCheck.Rewards(config with
        {
            Reward = new RewardConfig { Terms = terms },
            Evaluation = config.Evaluation with { Rewards = [] }
        });
        return [.. terms.Select((t, i) =>
            new PictureReward(terms.Count(o => o.Name == t.Name) == 1 ? t.Name : $"{t.Name} {i + 1}",
            t with { Path = t.Path.Length == 0 ? "" : Path.GetFullPath(t.Path) }))];
    }

    private static RewardTermConfig Term(string text, string[] words, RunConfig config)
    {
        var equals = text.IndexOf('=');
        var name = equals < 0 ? text : text[..equals];
        if (RewardCatalog.Find(name) is not { } entry)
        {
            var hint = Nearest.Of(name, RewardCatalog.Names) is { } meant ? $"did you mean {meant}?"
                : $"expected one of {string.Join(", ", RewardCatalog.Names)}";
            throw new ConfigException($"--reward {name}: there is no such reward; {hint}");
        }
        // Without a path: the run's own, or the shipped one.
        var known = config.Reward.Sum.Concat(config.Evaluation.Rewards).FirstOrDefault(t => t.Name == name);
        var path = equals >= 0 ? ProjectFolder.Resolve(text[(equals + 1)..]) : known?.Path
            ?? ProjectFolder.Find(Path.Combine("models", $"emoji-{name}")) ?? "";
        return entry.Files != RewardFiles.None && path.Length == 0
            ? throw new ConfigException($"--reward {name}: its files are needed, e.g. --reward {name}=/path/to/{name}")
            : new RewardTermConfig
            {
                Name = name,
                Path = path,
                Words = words.Length > 0 ? words : known?.Words ?? [],
                Quality = known?.Quality ?? 90
            };
    }
}
