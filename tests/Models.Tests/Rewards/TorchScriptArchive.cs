using System.IO.Compression;
using System.Text;
using AlignProp.Adapters.Tests.Weights;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// Writes a TorchScript module as torch.jit.save does, without PyTorch: a zip of stored entries with the source of a class and a
/// pickle of the one object of it.
/// </summary>
internal static class TorchScriptArchive
{
    public const string SquaredMean = "images: Tensor) -> Tensor:\n    return torch.mean(torch.mul(images, images), [1, 2, 3])";
    public const string MeanTimesPromptBytes =
        "images: Tensor,\n    prompts: Tensor) -> Tensor:\n    return torch.mul(torch.mean(images, [1, 2, 3]), "
        + "torch.sum(prompts, [1]))";
    public const string WithoutGradient = "images: Tensor) -> Tensor:\n    return torch.mean(torch.detach(images), [1, 2, 3])";
    public const string Whole = "images: Tensor) -> Tensor:\n    return torch.mul(images, 2)";

    /// <param name="forward">Arguments after self, and the body.</param>
    /// <param name="buffer">Of a buffer named w; null = it has none.</param>
    public static string Write(string path, string forward, float[]? buffer = null)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        void Entry(string name, byte[] bytes)
        {
            using var stream = zip.CreateEntry($"reward/{name}", CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }
        // protocol 2: the class, no arguments, its state {"training": False, "w": a tensor}.
        var pickle = new PickleBuilder().Global("__torch__", "Reward").Op(')').Op(0x81).Ops("}(").Text("training").Op(0x89);
        if (buffer is not null)
        {
            pickle.Text("w").Tensor("FloatStorage", "0", buffer.Length, 0, [buffer.Length], [1]);
            Entry("data/0", [.. buffer.SelectMany(BitConverter.GetBytes)]);
        }
        Entry("data.pkl", pickle.Ops("ub").Stop());
        Entry("code/__torch__.py", Encoding.ASCII.GetBytes(
            $"class Reward(Module):\n  __parameters__ = []\n  __buffers__ = [{(buffer is null ? "" : "\"w\", ")}]\n"
                + $"  training : bool\n{(buffer is null ? "" : "  w : Tensor\n")}  def forward(self: __torch__.Reward,\n"
                + $"    {forward}\n"));
        Entry("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
        Entry("version", "3\n"u8.ToArray());
        return path;
    }
}
