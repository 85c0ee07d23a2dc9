using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>A run as its nodes are told it: they compute only with files that have these fingerprints.</summary>
public static class RunFingerprints
{
    public static RunDescription Describe(RunConfig config)
    {
        var rewards = config.Reward.Sum.Concat(config.Evaluation.Rewards)
            .Zip(RewardLabels.Of(config), (t, l) => (Term: t, Label: l));
        return RunDescription.Of(config,
        [
            .. Named(FileRole.Model, nameof(FileRole.Model), config.Model.Path, ModelFingerprint.Of),
            .. Named(FileRole.Tokenizer, nameof(FileRole.Tokenizer), config.Model.Tokenizer, ModelFingerprint.Of),
            .. rewards.Where(r => RewardCatalog.Find(r.Term.Name)?.Files != RewardFiles.None)
                .SelectMany(r => Named(FileRole.Reward, r.Label, r.Term.Path, RewardFingerprint.Of)),
        ]);
    }

    private static FileFingerprint[] Named(FileRole role, string label, string path, Func<string, string> fingerprint) =>
        path.Length == 0 ? [] : [new FileFingerprint(role, label, Path.GetFullPath(path), fingerprint(Path.GetFullPath(path)))];
}
