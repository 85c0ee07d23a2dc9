using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// How much better a picture fits its prompt with good words behind it than with bad ones: score(prompt, good) - score(prompt,
/// bad). What a reward likes in every picture, whatever the words, falls out of the difference.
/// </summary>
/// <param name="reward">One that reads the prompt; owned.</param>
public sealed class RelativeReward(IReward reward, string good, string bad) : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return (reward.Score(images, With(prompts, good)) - reward.Score(images, With(prompts, bad))).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => reward.Features(images);

    public void Dispose() => reward.Dispose();

    private static string[] With(IReadOnlyList<string> prompts, string words) =>
        [.. prompts.Select(p => words.Length == 0 ? p : $"{p}, {words}")];
}
