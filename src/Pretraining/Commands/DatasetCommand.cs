using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Commands;

/// <summary><c>dataset --npm DIR --out FILE [--size 32]</c>: builds the pretraining pictures from the emoji packages.</summary>
public static class DatasetCommand
{
    /// <summary>Runs the command.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var options = new CommandOptions(arguments, "npm", "out", "size");
        var dataset = await EmojiDatasetBuilder.BuildAsync(
            ConceptList.Embedded,
            EmojiFamilies.Open(options.Get("npm", "data/npm")),
            options.Get("size", 32),
            Console.Error);
        var path = options.Get("out", "data/emoji32.bin");
        dataset.Save(path);
        Console.WriteLine(
            $"{path}: {dataset.Count} pictures of {dataset.Concepts.Count} concepts in {dataset.Styles.Count} styles");
        return 0;
    }
}
