using AlignProp.Adapters;
using AlignProp.Adapters.Planning;
using AlignProp.Adapters.Tokenization;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>Says which prompts are longer than what reads them, once each: what comes after the limit decides nothing.</summary>
public static class PromptCuts
{
    private const int Shown = 160;

    /// <param name="prompts">Of the run or the pictures, the negative one too.</param>
    /// <param name="rewards">Those that read prompts are asked as well.</param>
    /// <returns>One line a prompt that is cut; empty when all fit.</returns>
    public static IReadOnlyList<string> Of(ModelPlan plan, IEnumerable<string> prompts, IEnumerable<RewardTermConfig> rewards)
    {
        List<string> all = [.. prompts.Distinct()];
        IEnumerable<(string Reader, Func<string, string?> Cut)> readers =
        [
            .. plan.Texts.Take(1).Select(t => (Limit("the model", t.Tokenizer!.MaxLength),
                (Func<string, string?>)t.Tokenizer.Cut)),
            .. rewards.DistinctBy(r => (r.Name, r.Path)).Select(Reader).OfType<(string, Func<string, string?>)>(),
        ];
        return [.. readers.SelectMany(r => all.Select(p => r.Cut(p) is { } dropped
            ? $"{r.Reader} \"{Short(p)}\"; left out: \"{Short(dropped)}\"" : null)).OfType<string>()];
    }

    private static (string, Func<string, string?>)? Reader(RewardTermConfig term)
    {
        if (RewardCatalog.Find(term.Name) is not { Prompt: true, Files: RewardFiles.Folder })
        {
            return null;
        }
        if (term.Name == "imagereward")
        {
            var bert = BertPromptTokenizer.Load(Path.Combine(term.Path, "vocab.txt"));
            return (Limit(term.Name, BertPromptTokenizer.ImageRewardLength),
                p => bert.Cut(p, BertPromptTokenizer.ImageRewardLength));
        }
        var tokenizer = ClipTokenizer.Load(term.Path);
        return (Limit(term.Name, tokenizer.MaxLength), tokenizer.Cut);
    }

    // Two of the positions are the start and the end token.
    private static string Limit(string reader, int length) => $"{reader} reads {length - 2} tokens of";

    private static string Short(string text) => text.Length <= Shown ? text : $"{text[..(Shown / 2)]} ... {text[^(Shown / 2)..]}";
}
