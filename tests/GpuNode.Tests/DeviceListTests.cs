namespace AlignProp.GpuNode.Tests;

public sealed class DeviceListTests
{
    [Theory]
    [InlineData("", 4, "cpu:0")]
    [InlineData("--devices all", 0, "cpu:0")]
    [InlineData("--devices all", 3, "cuda:0 cuda:1 cuda:2")]
    [InlineData("--devices cuda:0,cuda:2", 3, "cuda:0 cuda:2")]
    [InlineData("--device cpu:0 --device cpu:1", 3, "cpu:0 cpu:1")]
    public void Names_every_device_once(string options, int gpus, string expected) =>
        Assert.Equal(expected, string.Join(' ', DeviceList.Of(Options(options), () => gpus)));

    [Theory]
    [InlineData("--devices gpu:0", "--devices gpu:0: expected all, or devices like")]
    [InlineData("--devices cuda:0,,cuda:1", "--devices : expected all, or devices like")]
    [InlineData("--devices cuda:0,cuda:0", "one of them is named twice")]
    [InlineData("--devices all --device cpu:0", "give one of them")]
    public void Refuses_what_is_no_device(string options, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => DeviceList.Of(Options(options), () => 1)).Message);

    [Fact]
    public void Finds_its_own_address_on_the_way_to_the_coordinator() =>
        Assert.Equal("127.0.0.1", OwnAddress.Towards(Akka.Actor.Address.Parse("akka.tcp://alignprop@127.0.0.1:4053")));

    private static NodeOptions Options(string text) => new(text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
