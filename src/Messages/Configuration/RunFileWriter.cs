using System.Globalization;
using System.Text;

namespace AlignProp.Messages.Configuration;

/// <summary>The resolved run file: every value that decided the run, readable by <see cref="RunFile.Load"/>.</summary>
public static class RunFileWriter
{
    public static string Render(RunConfig c)
    {
        var text = new StringBuilder("# Resolved by alignprop; every value that decided this run.\nrun {\n");
        void Line(string key, object? value) => text.Append("  ").Append(key).Append(" = ").Append(Value(value)).Append('\n');
        Line("name", c.Name);
        Line("seed", c.Seed.ToString(CultureInfo.InvariantCulture));
        Line("model.path", c.Model.Path);
        Line("model.precision", c.Model.Precision);
        Line("model.threads-per-shard", c.Model.ThreadsPerShard);
        Line("model.tokenizer", c.Model.Tokenizer);
        Line("model.prediction", c.Model.Prediction);
        Line("model.decode", c.Model.Decode);
        Line("reward.name", c.Reward.Name);
        Line("reward.path", c.Reward.Path);
        Line("reward.sign", (int)c.Reward.Sign);
        text.Append($"  reward.words = {Words(c.Reward.Words)}\n");
        Line("reward.quality", c.Reward.Quality);
        text.Append($"  reward.terms = {Terms(c.Reward.Terms)}\n");
        Line("prompts.training", c.Prompts.Training);
        Line("prompts.held-out", c.Prompts.HeldOut);
        Line("sampling.steps", c.Sampling.Steps);
        Line("sampling.guidance-scale", c.Sampling.GuidanceScale);
        Line("sampling.eta", c.Sampling.Eta);
        Line("sampling.height", c.Sampling.Height);
        Line("sampling.width", c.Sampling.Width);
        Line("sampling.negative-prompt", c.Sampling.NegativePrompt);
        Line("truncation.strategy", c.Truncation.Strategy);
        Line("truncation.k", c.Truncation.K);
        Line("truncation.mean", c.Truncation.Mean);
        Line("truncation.std", c.Truncation.Std);
        Line("loss.kind", c.Loss.Kind);
        Line("loss.target", c.Loss.Target);
        Line("loss.scale", c.Loss.Scale);
        Line("lora.rank", c.Lora.Rank);
        Line("lora.alpha", c.Lora.Alpha);
        text.Append($"  lora.targets = [{string.Join(", ", c.Lora.Targets.Select(t => Value(t)))}]\n");
        Line("lora.init", c.Lora.Init);
        Line("lora.init-sha256", c.Lora.InitSha256);
        Line("optimizer.learning-rate", c.Optimizer.LearningRate);
        Line("optimizer.beta1", c.Optimizer.Beta1);
        Line("optimizer.beta2", c.Optimizer.Beta2);
        Line("optimizer.weight-decay", c.Optimizer.WeightDecay);
        Line("optimizer.epsilon", c.Optimizer.Epsilon);
        Line("optimizer.max-grad-norm", c.Optimizer.MaxGradNorm);
        Line("batch.size", c.Batch.Size);
        Line("batch.shard-size", c.Batch.ShardSize);
        Line("batch.steps-per-epoch", c.Batch.StepsPerEpoch);
        Line("evaluation.samples-per-prompt", c.Evaluation.SamplesPerPrompt);
        Line("evaluation.grid-prompts", c.Evaluation.GridPrompts);
        Line("evaluation.every-epochs", c.Evaluation.EveryEpochs);
        text.Append($"  evaluation.rewards = {Terms(c.Evaluation.Rewards)}\n");
        Line("stopping.max-epochs", c.Stopping.MaxEpochs);
        Line("stopping.plateau-epochs", c.Stopping.PlateauEpochs);
        Line("stopping.plateau-delta", c.Stopping.PlateauDelta);
        Line("stopping.target-reward", c.Stopping.TargetReward is { } target ? target : "off");
        Line("stopping.min-diversity", c.Stopping.MinDiversity);
        return text.Append("}\n").ToString();
    }

    private static string Words(IReadOnlyList<string> words) => $"[{string.Join(", ", words.Select(w => Value(w)))}]";

    private static string Terms(IReadOnlyList<RewardTermConfig> terms) => terms.Count == 0 ? "[]" : $"[\n{string.Join("\n", terms.Select(t =>
        $"    {{ name = {Value(t.Name)}, path = {Value(t.Path)}, weight = {Value(t.Weight)}, mean = {Value(t.Mean)}, std = {Value(t.Std)}, words = {Words(t.Words)}, quality = {Value(t.Quality)} }}"))}\n  ]";

    private static string Value(object? value) => value switch
    {
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        int i => i.ToString(CultureInfo.InvariantCulture),
        _ => $"\"{value?.ToString()?.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"",
    };
}
