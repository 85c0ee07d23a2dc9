using System.IO.Compression;
using System.Text;

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
    public static string Write(string path, string forward)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        void Entry(string name, byte[] bytes)
        {
            using var stream = zip.CreateEntry($"reward/{name}", CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }
        // protocol 2: the class, no arguments, its state {"training": False}.
        Entry("data.pkl",
            [0x80, 2, .. "c__torch__\nReward\n"u8, (byte)')', 0x81, (byte)'}', (byte)'(', (byte)'X', 8, 0, 0, 0, .. "training"u8,
            0x89, (byte)'u', (byte)'b', (byte)'.']);
        Entry("code/__torch__.py", Encoding.ASCII.GetBytes(
            $"class Reward(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n  def forward(self: "
                + $"__torch__.Reward,\n    {forward}\n"));
        Entry("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
        Entry("version", "3\n"u8.ToArray());
        return path;
    }
}
