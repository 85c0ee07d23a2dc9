using System.Globalization;

namespace AlignProp.Adapters.Tests;

/// <summary>The small models that the files of tests/fixtures/formats are for: layers and shapes of their UNets.</summary>
internal static class TinyModel
{
    public static AdapterSites Sites(string model) => AdapterSites.Of("unet",
        File.ReadLines(Fixture.PathOf("formats", $"{model}.tsv")).Select(line => line.Split('\t')).Select(parts => (parts[0],
            (IReadOnlyList<int>)[.. parts[1].Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture))])));

    /// <summary>What a module's branch adds to the layer's weights, row-major.</summary>
    public static double[] Delta(LoraWeights weights, string module)
    {
        LoraTensor a = weights[LoraNames.Down(module)], b = weights[LoraNames.Up(module)];
        var (inputs, rank) = (a.Values.Length / weights.Rank, weights.Rank);
        var delta = new double[b.Shape[0] * inputs];
        for (var i = 0; i < delta.Length; i++)
        {
            delta[i] = weights.Scale * Enumerable.Range(0, rank)
                .Sum(k => (double)b.Values[(i / inputs * rank) + k] * a.Values[(k * inputs) + (i % inputs)]);
        }

        return delta;
    }
}
