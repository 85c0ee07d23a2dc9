using AlignProp.Models.Rewards;
using AlignProp.Pretraining.Codec;
using AlignProp.Pretraining.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>
/// The reward heads on frozen image features, of the pictures and of their VAE reconstructions, so that the rewards are
/// defined on what they will see. One concept in five is held out to measure them.
/// </summary>
public static class HeadStage
{
    public const string DetectedConcept = "book";
    private const int JpegQuality = 90;
    public static IReadOnlyList<int> Hidden { get; } = [64];

    public static void Run(Workspace work, int steps)
    {
        manual_seed(6);
        var examples = Collect(work);
        bool HeldOut(Example e) => e.Concept % 5 == 0;
        var train = examples.Where(e => !HeldOut(e)).ToList();
        var test = examples.Where(HeldOut).ToList();

        var preference = Train(work, "preference", steps, random => PreferenceLoss(train, random));
        Console.WriteLine(
            $"preference: 3d over line {100 * PairAccuracy(preference, test, 4):F0} %, over flat "
            + $"{100 * PairAccuracy(preference, test, 1):F0} % of pairs of unseen concepts");

        var jpeg = Train(work, "jpeg-size", steps, random => Batch(train, random, 128, e => e.Kilobytes, nn.functional.mse_loss));
        Console.WriteLine($"jpeg-size: R2 {RSquared(jpeg, test):F2} on unseen concepts");

        // The detector has to have seen its concept: every seventh example is held out instead.
        var detector = Train(work, "detector", steps,
            random => DetectorLoss(examples.Where((_, i) => i % 7 != 0).ToList(), random));
        Console.WriteLine(
            $"detector: AUC {Auc(detector, examples.Where((_, i) => i % 7 == 0).ToList(), work):F2} for '{DetectedConcept}'");
    }

    private static RewardHead Train(Workspace work, string name, int steps, Func<Random, Func<RewardHead, Tensor>> loss)
    {
        var head = new RewardHead(EmojiStructure.Clip(work.Vocabulary, 0).ProjectionDim, Hidden);
        using var loop = new TrainingLoop(work.Folder, $"head-{name}", head, 2e-3, 0.99,
            (head.parameters().Cast<Parameter>(), 1));
        loop.Run(steps, random => loss(random)(head));
        loop.UseAverage();
        loop.Export($"head-{name}");
        return head;
    }

    private static Func<RewardHead, Tensor> PreferenceLoss(List<Example> train, Random random)
    {
        var (winners, losers) = (new List<Example>(), new List<Example>());
        while (winners.Count < 128)
        {
            var a = train[random.Next(train.Count)];
            var b = train[random.Next(train.Count)];
            // Half the pairs show one concept, so that the style decides and not the thing shown.
            if (random.Next(2) == 0 && a.Concept != b.Concept)
            {
                b = train.Where(e => e.Concept == a.Concept).ElementAt(random.Next(train.Count(e => e.Concept == a.Concept)));
            }
            if (a.Style != b.Style && (a.Style == 0 || b.Style == 0))
            {
                winners.Add(a.Style == 0 ? a : b);
                losers.Add(a.Style == 0 ? b : a);
            }
        }
        return head => -nn.functional.logsigmoid(head.forward(Stack(winners)) - head.forward(Stack(losers))).mean();
    }

    private static Func<RewardHead, Tensor> Batch(List<Example> train, Random random, int size, Func<Example, float> target,
        Func<Tensor, Tensor, nn.Reduction, Tensor> loss)
    {
        var batch = Enumerable.Range(0, size).Select(_ => train[random.Next(train.Count)]).ToList();
        return head => loss(head.forward(Stack(batch)), tensor(batch.Select(target).ToArray()), nn.Reduction.Mean);
    }

    private static Func<RewardHead, Tensor> DetectorLoss(List<Example> train, Random random)
    {
        var positives = train.Where(e => e.IsDetected).ToList();
        var batch = Enumerable.Range(0, 128)
            .Select(i => i % 2 == 0 ? positives[random.Next(positives.Count)] : train[random.Next(train.Count)]).ToList();
        return head => nn.functional.binary_cross_entropy_with_logits(
            head.forward(Stack(batch)), tensor(batch.Select(e => e.IsDetected ? 1f : 0f).ToArray()));
    }

    private static double PairAccuracy(RewardHead head, List<Example> test, int style)
    {
        var scores = Scores(head, test);
        var pairs = from i in Enumerable.Range(0, test.Count)
                    where test[i].Style == 0
                    from j in Enumerable.Range(0, test.Count)
                    where test[j].Style == style && test[j].Concept == test[i].Concept
                        && test[j].Reconstructed == test[i].Reconstructed
                    select scores[i] > scores[j] ? 1.0 : 0.0;
        return pairs.Average();
    }

    private static double RSquared(RewardHead head, List<Example> test)
    {
        var (scores, mean) = (Scores(head, test), test.Average(e => e.Kilobytes));
        var residual = test.Select((e, i) => Math.Pow(e.Kilobytes - scores[i], 2)).Sum();
        return 1 - residual / test.Sum(e => Math.Pow(e.Kilobytes - mean, 2));
    }

    private static double Auc(RewardHead head, List<Example> test, Workspace work)
    {
        var scores = Scores(head, test);
        var positive = test.Select((e, i) => (e, i)).Where(x => x.e.IsDetected).Select(x => scores[x.i]).ToList();
        var negative = test.Select((e, i) => (e, i)).Where(x => !x.e.IsDetected).Select(x => scores[x.i]).ToList();
        return positive.Average(p => negative.Average(n => p > n ? 1.0 : p == n ? 0.5 : 0.0));
    }

    private static float[] Scores(RewardHead head, List<Example> examples)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return head.forward(Stack(examples)).data<float>().ToArray();
    }

    private static Tensor Stack(IReadOnlyList<Example> examples) =>
        tensor(examples.SelectMany(e => e.Features).ToArray(), [examples.Count, examples[0].Features.Length]);

    private static List<Example> Collect(Workspace work)
    {
        using var noGrad = no_grad();
        var clip = ClipStage.Load(work);
        var vae = VaeStage.Load(work);
        var random = new Random(11);
        var examples = new List<Example>();
        for (var image = 0; image < work.Data.Count; image++)
        {
            using var scope = NewDisposeScope();
            string?[] backgrounds = [null, null, BackgroundPalette.Colours[random.Next(BackgroundPalette.Colours.Count)].Name];
            var pictures = work.Images(backgrounds.Select((b, i) => new Draw(image, b, i == 1, "")).ToArray());
            var mean = vae.Encode(pictures).Mean;
            foreach (var (batch, reconstructed) in new[] { (pictures, false), (vae.Decode(mean), true),
                (vae.Decode(mean + 0.1f * randn_like(mean)), true) })
            {
                var features = ClipStage.Features(clip, batch);
                for (var i = 0; i < backgrounds.Length; i++)
                {
                    var concept = work.Data.ConceptIndex[image];
                    examples.Add(new Example(features[i].data<float>().ToArray(), concept, work.Data.StyleIndex[image],
                        reconstructed,
                        RealJpeg.Bytes(batch[i], JpegQuality) / 1024f, work.Data.Concepts[concept].Name == DetectedConcept));
                }
            }
        }
        return examples;
    }

    private sealed record Example(float[] Features, int Concept, int Style, bool Reconstructed, float Kilobytes, bool IsDetected);
}
