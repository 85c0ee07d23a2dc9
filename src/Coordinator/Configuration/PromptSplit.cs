using System.Globalization;
using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>Prompts to train on and prompts that are never trained on: drawn from one list by a seed, none in both.</summary>
public static class PromptSplit
{
    /// <param name="sizes">As people write them: <c>600/200</c>.</param>
    /// <exception cref="ConfigException">That is no pair of sizes, or there are not so many different prompts.</exception>
    public static (IReadOnlyList<string> Training, IReadOnlyList<string> HeldOut) Of(IReadOnlyList<string> prompts, string sizes,
        ulong seed)
    {
        var parts = sizes.Split('/');
        if (parts.Length != 2 || !Size(parts[0], out var training) || !Size(parts[1], out var heldOut))
        {
            throw new ConfigException($"--split {sizes}: expected TRAINING/HELD-OUT, e.g. 600/200");
        }
        // A line of a prompt file: what would be read back as a note, or as two prompts, is no prompt of one.
        var different = prompts.Select(p => p.ReplaceLineEndings(" ")).Where(p => !p.StartsWith('#')).Distinct().ToList();
        if (training + (long)heldOut > different.Count)
        {
            throw new ConfigException(
                $"--split {sizes}: expected at most {different.Count} in all, the different prompts that there are");
        }
        var shuffled = new DeterministicRandom(Seeds.Derive(seed, 0, 0, Seeds.Prompt)).Shuffled(different);
        return (shuffled[..training], shuffled[training..(training + heldOut)]);
    }

    private static bool Size(string text, out int size) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out size) && size > 0;
}
