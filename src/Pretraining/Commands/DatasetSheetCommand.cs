using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Commands;

/// <summary><c>dataset-sheet --data FILE --out PNG</c>: draws a dataset on one picture.</summary>
public static class DatasetSheetCommand
{
    /// <summary>Runs the command.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var options = new CommandOptions(arguments, "data", "out");
        ContactSheet.Save(EmojiDataset.Load(options.Get("data", "data/emoji32.bin")), options.Required("out"));
        return Task.FromResult(0);
    }
}
