
namespace AlignProp.Adapters;

/// <summary>What an evaluation shard returns besides its rewards, as a safetensors buffer.</summary>
/// <param name="Features">Per sample, the L2-normalised image features the diversity guard compares.</param>
/// <param name="Images">Per sample RGB bytes [H, W, 3]; empty when not asked for.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Width">Pixels.</param>
public sealed record EvaluationPayload(float[][] Features, byte[][] Images, int Height, int Width)
{
    public byte[] Serialize()
    {
        var tensors = new List<TensorData>
        {
            TensorData.FromSingles("features", [Features.Length, Features.Length == 0 ? 0 : Features[0].Length],
                Features.SelectMany(f => f).ToArray()),
        };
        if (Images.Length > 0)
        {
            tensors.Add(new TensorData("images", DType.U8, [Images.Length, Height, Width, 3],
                Images.SelectMany(i => i).ToArray()));
        }
        return SafetensorsWriter.Serialize(tensors);
    }

    /// <exception cref="SafetensorsException">The buffer is damaged or lacks the features.</exception>
    public static EvaluationPayload Deserialize(ReadOnlyMemory<byte> bytes)
    {
        using var file = SafetensorsFile.Parse(bytes, "evaluation payload");
        var features = Rows(file.ReadSingles("features"), (int)file.Info("features").Shape[0]);
        if (!file.Tensors.TryGetValue("images", out var images))
        {
            return new EvaluationPayload(features, [], 0, 0);
        }
        var pixels = file.Bytes("images").ToArray();
        return new EvaluationPayload(features, Rows(pixels, (int)images.Shape[0]), (int)images.Shape[1], (int)images.Shape[2]);
    }

    private static T[][] Rows<T>(T[] flat, int count) =>
        count == 0 ? []
            : [.. Enumerable.Range(0, count).Select(i => flat[(i * (flat.Length / count))..((i + 1) * (flat.Length / count))])];
}
