using AlignProp.Adapters.Tests.Weights;

namespace AlignProp.Adapters.Tests;

/// <summary>LoRA files of torch.save.</summary>
public sealed class TorchLoraTests
{
    private const string Module = "lora_unet_mid_block_attentions_0_proj_in";

    [Theory]
    [InlineData(Module + ".alpha")]
    [InlineData("lora_alpha")]
    public void An_alpha_may_be_a_plain_number(string key)
    {
        var pickle = new PickleBuilder().OrderedDict().Op('(')
            .Text(Module + ".lora_down.weight").Tensor("FloatStorage", "0", 2, 0, [2, 1], [1, 1])
            .Text(Module + ".lora_up.weight").Tensor("FloatStorage", "1", 2, 0, [1, 2], [2, 1])
            .Text(key).Int(3).Op('u').Stop();
        using var file = WeightFiles.Parse(TorchWriter.Archive(pickle, ("data/0", new byte[8]), ("data/1", new byte[8])), "l.pt");
        Assert.Equal(3, LoraFile.Import(file).Weights.Alpha);
    }

    [Fact]
    public void A_value_that_is_not_finite_is_refused_by_file_and_key()
    {
        var nan = new byte[8];
        BitConverter.GetBytes(float.NaN).CopyTo(nan, 4);
        var bytes = TorchWriter.StateDict((Module + ".lora_down.weight", "FloatStorage", [2, 1], new byte[8]),
            (Module + ".lora_up.weight", "FloatStorage", [1, 2], nan));
        using var file = WeightFiles.Parse(bytes, "l.pt");
        var error = Assert.Throws<WeightFileException>(() => LoraFile.Import(file));
        Assert.Equal(("l.pt", Module + ".lora_up.weight"), (error.Path, error.Key));
    }
}
