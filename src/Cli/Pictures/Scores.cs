using AlignProp.Cli.Display;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Cli.Pictures;

/// <summary>The rewards of one variant's pictures.</summary>
/// <param name="Diversity">Mean cosine distance between pictures of different prompts.</param>
internal sealed record VariantScores(string Label, int Pictures, IReadOnlyList<RewardScore> Rewards, double Diversity)
{
    public static VariantScores Of(PictureRequest request, PictureResult result, int variant)
    {
        var pictures = result.Pictures.Where(p => p.Variant == variant).ToList();
        var rewards = request.Rewards.Select((r,
            i) => Statistics.MeanAndStd([.. pictures.Select(p => p.Scores[i])]) is var (mean, std)
            ? new RewardScore(r.Label, mean, std) : null!).ToList();
        return new VariantScores(request.Variants[variant].Label, pictures.Count, rewards,
            Statistics.Diversity([.. pictures.Select(p => (request.Items[p.Item].Prompt, p.Features))]));
    }

    public static void Print(TextWriter output, IReadOnlyList<VariantScores> all) =>
        TextTable.Write(output, ["", "pictures", .. all[0].Rewards.Select(r => r.Label), "diversity"],
            all.Select(v => (string[])[v.Label, $"{v.Pictures}",
                .. v.Rewards.Select(r => FormattableString.Invariant($"{r.Mean:F3} ± {r.Std:F3}")),
                FormattableString.Invariant($"{v.Diversity:F3}")]));
}
