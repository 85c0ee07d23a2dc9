using AlignProp.Adapters;

namespace AlignProp.Benchmarks.Scale;

/// <summary>
/// A UNet file whose adapters have the names and sizes of Stable Diffusion 1.5's: a LoRA of rank r on [out, in] has r * (in +
/// out) parameters, and so has one on [1, in + out - 1], which is small enough to write.
/// </summary>
internal static class ModelHeader
{
    private const int TextWidth = 768;

    private static readonly (string Block, int Width, int Attentions)[] Blocks =
    [
        ("down_blocks.0", 320, 2), ("down_blocks.1", 640, 2), ("down_blocks.2", 1280, 2), ("mid_block", 1280, 1),
        ("up_blocks.1", 1280, 3), ("up_blocks.2", 640, 3), ("up_blocks.3", 320, 3),
    ];

    /// <summary>Writes it into a model folder.</summary>
    public static void Write(string folder)
    {
        var unet = Directory.CreateDirectory(Path.Combine(folder, "unet")).FullName;
        SafetensorsWriter.Write(Path.Combine(unet, "diffusion_pytorch_model.safetensors"), Projections());
    }

    private static IEnumerable<TensorData> Projections() =>
        from block in Blocks
        from attention in Enumerable.Range(0, block.Attentions)
        from kind in new[] { "attn1", "attn2" }
        from projection in new[] { "to_q", "to_k", "to_v", "to_out.0" }
        let sizes = block.Width + (kind == "attn2" && projection is ("to_k" or "to_v") ? TextWidth : block.Width)
        select TensorData.FromSingles($"{block.Block}.attentions.{attention}.transformer_blocks.0.{kind}.{projection}.weight",
            [1, sizes - 1], new float[sizes - 1]);
}
