namespace AlignProp.Adapters.Tests;

/// <summary>Golden numbers of the reference libraries, under tests/fixtures.</summary>
internal static class Fixture
{
    public static readonly string Root = FindRoot();

    public static string PathOf(params string[] parts) => Path.Combine([Root, "tests", "fixtures", .. parts]);

    /// <summary>LoRA tensors of a file whose keys are a prefix and an internal name; rank and alpha 4.</summary>
    public static LoraWeights Weights(string path, string prefix = "")
    {
        using var file = SafetensorsFile.Open(path);
        return new LoraWeights(4, 4, file.Tensors.Values.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(t => new LoraTensor(t.Name[prefix.Length..], [.. t.Shape.Select(d => (int)d)], file.ReadSingles(t.Name)))
                .ToList());
    }

    public static LoraWeights Nonzero() => Weights(PathOf("lora", "lora_nonzero.safetensors"));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("the tests run inside the repository");
    }
}
