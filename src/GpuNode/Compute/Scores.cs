using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>Scores of single images as results carry them.</summary>
internal static class Scores
{
    /// <param name="score">[1].</param>
    public static float Number(Tensor score) => score.to(ScalarType.Float32).item<float>();

    /// <summary>Term by term, not image by image.</summary>
    /// <param name="images">The terms of every image.</param>
    public static IReadOnlyList<float> ByTerm(IReadOnlyList<float[]> images) =>
        [.. Enumerable.Range(0, images[0].Length).SelectMany(t => images.Select(image => image[t]))];
}
