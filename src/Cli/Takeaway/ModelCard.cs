using System.Globalization;
using System.Text;
using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Reports;

namespace AlignProp.Cli.Takeaway;

/// <summary>A model card as model hubs show it: front matter, then what a person needs to judge and use the files.</summary>
internal static class ModelCard
{
    /// <param name="folder">Name of the folder the card lies in, for the snippets.</param>
    /// <param name="files">Name, bytes and SHA-256 of every file beside the card.</param>
    public static string Render(AdapterSource source, BaseModel model, string format, DType dtype, string folder,
        IReadOnlyList<(string Name, long Bytes, string Sha256)> files)
    {
        var text = new StringBuilder();
        FrontMatter(text, model, format);
        text.Append(CultureInfo.InvariantCulture, $"# {source.Name}\n\n");
        Summary(text, source, model, format, dtype);
        if (source.Run is { } run)
        {
            Results(text, run, files.Select(f => f.Name).ToList());
        }
        text.Append("\n## Use\n\n").Append(LoadingSnippets.Of(format, source, model, folder));
        if (source.Run is { } made)
        {
            Settings(text, made, model);
        }
        Hashes(text, source, files);
        text.Append("\n## Limits\n\n");
        text.Append("The adapter was trained to raise one reward, which is itself a model and has blind spots. Trained long "
            + "enough, any reward is over-optimised: pictures gain reward by what the reward happens to like ");
        text.Append("(a colour, a texture, one composition) and lose variety and agreement with the prompt. Look at pictures, "
            + "not at the reward alone; a strength below 1 or an earlier step is often the better adapter. ");
        text.Append("Biases and licence of the base model, and of the data it was made from, hold for this adapter too.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"\nMade with AlignProp.Actors {ClusterNames.Version.Split('+')[0]}, after "
            + $"[AlignProp](https://arxiv.org/abs/2310.03739).\n");
        return text.ToString();
    }

    private static void FrontMatter(StringBuilder text, BaseModel model, string format)
    {
        var lora = format != AdapterExport.Merged;
        text.Append(CultureInfo.InvariantCulture,
            $"---\nbase_model: {Yaml(model.Name)}\nbase_model_relation: {(lora ? "adapter" : "finetune")}\n");
        text.Append(CultureInfo.InvariantCulture,
            $"library_name: {(format == AdapterExport.Peft ? "peft" : "diffusers")}\npipeline_tag: text-to-image\ntags:\n");
        foreach (var tag in (string[])["text-to-image", "diffusers", "stable-diffusion",
            .. lora ? ["lora"] : Array.Empty<string>(), "alignprop", "reward-optimization"])
        {
            text.Append(CultureInfo.InvariantCulture, $"- {tag}\n");
        }
        text.Append("---\n\n");
    }

    private static void Summary(StringBuilder text, AdapterSource source, BaseModel model, string format, DType dtype)
    {
        var weights = source.Weights;
        var what = format == AdapterExport.Merged
            ? $"The UNet of **{model.Name}** with a LoRA added to its weights (W + alpha / r · B A, in the base's own precision)"
            : $"A LoRA for **{model.Name}** in the format of {Tools(format)}, {PrecisionName(dtype)}";
        text.Append(CultureInfo.InvariantCulture,
            $"{what}: rank {weights.Rank}, alpha {weights.Alpha:R}, {weights.Modules.Count()} modules, "
            + $"{weights.ParameterCount:N0} parameters.\n");
        if (source.Run is { } run)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"It was aligned to the reward `{run.Reward}` by backpropagating the reward through the sampling chain, "
                + $"{run.LastStep} steps.\n");
        }
    }

    private static void Results(StringBuilder text, RunRecord run, IReadOnlyList<string> files)
    {
        if (files.Contains("images/before-after.png"))
        {
            text.Append("\n![before on the left, after on the right, same seeds](images/before-after.png)\n");
        }
        text.Append("\n## Reward\n\n| after step | held-out reward | std | diversity |\n|---|---|---|---|\n");
        foreach (var e in run.Evaluations)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| {e.Step} | {e.RewardMean:F3} | {e.RewardStd:F3} | {e.Diversity:F3} |\n");
        }
        text.Append("\nPrompts of the held-out set were never trained on. Diversity is the mean cosine distance between image "
            + "features of different prompts: when it falls, pictures become alike.\n");
        if (files.Contains("images/reward.png"))
        {
            text.Append("\n![reward against optimizer step](images/reward.png)\n");
        }
    }

    private static void Settings(StringBuilder text, RunRecord run, BaseModel model)
    {
        text.Append("\n## How it was made\n\n| | |\n|---|---|\n");
        void Row(string name, string value) =>
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {value.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        Row("base model", model.Name);
        Row("reward", run.Reward);
        Row("sampling",
            $"DDIM, {run.Value("sampling.steps")} steps, guidance {run.Value("sampling.guidance-scale")}, eta "
            + $"{run.Value("sampling.eta")}");
        var strategy = run.Value("truncation.strategy");
        var fixedAt = strategy == "fixed" ? $", K = {run.Value("truncation.k")}" : "";
        Row("truncation", $"{strategy}{fixedAt}");
        Row("loss", $"{run.Value("loss.kind")}, scale {run.Value("loss.scale")}");
        Row("optimizer",
            $"AdamW, learning rate {run.Value("optimizer.learning-rate")}, weight decay {run.Value("optimizer.weight-decay")}, "
            + $"gradient norm at most {run.Value("optimizer.max-grad-norm")}");
        Row("batch", $"{run.Value("batch.size")} samples a step");
        Row("LoRA", $"rank {run.Value("lora.rank")}, alpha {run.Value("lora.alpha")}, on "
            + $"{run.Value("lora.targets")}{(run.NameOf("lora.init") is { Length: > 0 } init ? $", begun with {init}" : "")}");
        Row("seed", $"{run.Value("seed")}; every noise is derived from it, the step and the sample's number");
        Row("prompts", $"{run.NameOf("prompts.training")} (trained), {run.NameOf("prompts.held-out")} (held out)");
        if (run.Stop?.Reason is { } reason)
        {
            Row("ended", reason);
        }
        var shown = run.Pairs.Take(16)
            .Select(p =>
                $"{(p.HeldOut ? "held out" : "trained")}: *{p.Prompt}* {Invariant(p.RewardBefore)} → {Invariant(p.RewardAfter)}")
            .ToList();
        if (shown.Count > 0)
        {
            text.Append("\nPrompts in the picture, reward before → after (same seed):\n\n")
                .AppendJoin('\n', shown.Select(s => $"- {s}")).Append('\n');
        }
    }

    private static void Hashes(StringBuilder text, AdapterSource source,
        IReadOnlyList<(string Name, long Bytes, string Sha256)> files)
    {
        text.Append("\n## Hashes\n\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Adapter as trained, whatever the file format: `{source.Run?.AdapterSha256 ?? source.Weights.Sha256}`\n");
        if (source.Run?.ModelHash is { } modelHash)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nBase model's files: `{modelHash}`\n");
            foreach (var (label, hash) in source.Run.RewardHashes)
            {
                text.Append(CultureInfo.InvariantCulture, $"\nFiles of the reward {label}: `{hash}`\n");
            }
        }
        text.Append("\n| file | bytes | SHA-256 |\n|---|---|---|\n");
        foreach (var (name, bytes, sha256) in files)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {bytes} | `{sha256}` |\n");
        }
    }

    private static string Tools(string format) => format switch
    {
        AdapterExport.Kohya => "kohya's scripts (ComfyUI, A1111)",
        AdapterExport.Peft => "PEFT",
        _ => "diffusers",
    };

    private static string PrecisionName(DType dtype) => dtype switch { DType.F16 => "fp16", DType.BF16 => "bf16", _ => "fp32" };

    private static string Invariant(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static string Yaml(string value) => value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
        ? value
        : $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
