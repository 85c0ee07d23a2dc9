using System.Diagnostics;
using AlignProp.Adapters;
using AlignProp.Messages;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>Samples and scores without gradient: rewards, features, and pictures where they are wanted.</summary>
internal sealed class EvaluateComputer : ITaskComputer<ShardTask.Evaluate>
{
    public ShardOutcome Compute(ShardTask.Evaluate task, ShardInput input, Action<string, double> progress,
        CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var (host, batch, watch) = (input.Host, input.Batch, Stopwatch.StartNew());
        var (from, to) = (input.Config.Evaluation.LoraFrom * 1000, input.Config.Evaluation.LoraTo * 1000);
        var latents = AdapterWindow.Sample(batch, host.Lora, time => time >= to && time <= from, progress, cancellation);
        var sampling = watch.Elapsed.TotalSeconds;
        var (rewards, terms, features, images) = (new List<float>(), new List<float[]>(), new List<float[]>(),
            new List<byte[]>());
        var (height, width) = (0, 0);
        // One image at a time: a decode at 512 x 512 is large, and small models do not mind.
        for (var i = 0; i < batch.Prompts.Count; i++)
        {
            using var scope = NewDisposeScope();
            string[] prompt = [batch.Prompts[i]];
            var image = host.Model.Codec.Decode(latents.narrow(0, i, 1));
            var (reward, parts) = host.Reward.ScoreTerms(image, prompt);
            rewards.Add(Scores.Number(reward));
            terms.Add([.. parts.Concat(host.Measures.Select(r => r.Score(image, prompt))).Select(Scores.Number)]);
            features.Add(host.Reward.Features(image).flatten().cpu().data<float>().ToArray());
            (height, width) = ((int)image.shape[2], (int)image.shape[3]);
            if (task.Pictures)
            {
                images.Add(ImageBytes.Rgb(image));
            }
        }
        var payload = new EvaluationPayload([.. features], [.. images], height, width).Serialize();
        return new ShardOutcome([.. rewards], 0, payload, new PhaseTimes(sampling, watch.Elapsed.TotalSeconds - sampling, 0),
            Scores.ByTerm(terms));
    }
}
