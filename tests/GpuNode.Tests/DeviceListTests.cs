namespace AlignProp.GpuNode.Tests;

public sealed class DeviceListTests
{
    [Theory]
    [InlineData("", 4, "cpu:0")]
    [InlineData("--devices all", 0, "cpu:0")]
    [InlineData("--devices all", 3, "cuda:0 cuda:1 cuda:2")]
    [InlineData("--devices cuda:0,cuda:2", 3, "cuda:0 cuda:2")]
    [InlineData("--device cpu:0 --device cpu:1", 3, "cpu:0 cpu:1")]
    [InlineData("--devices cuda", 2, "cuda:0 cuda:1")]
    [InlineData("--devices cpu*3", 0, "cpu:0 cpu:1 cpu:2")]
    [InlineData("--devices all,cpu:2*2", 1, "cuda:0 cpu:2 cpu:3")]
    public void Names_every_device_once(string options, int gpus, string expected) =>
        Assert.Equal(expected, string.Join(' ', DeviceList.Of(Options(options), () => gpus)));

    [Theory]
    [InlineData("--devices gpu:0", "--devices gpu:0: expected all, cuda, cpu, or devices like")]
    [InlineData("--devices cuda:0,,cuda:1", "--devices : expected all, cuda, cpu, or devices like")]
    [InlineData("--devices cuda:0,cuda:0", "--devices cuda:0,cuda:0: cuda:0 is named twice")]
    [InlineData("--devices cpu,cpu", "cpu:0 is named twice; several workers on the CPU: cpu*2")]
    [InlineData("--devices all --device cpu:0", "give one of them")]
    [InlineData("--device cuda:1", "--device cuda:1: this machine shows cuda:0")]
    [InlineData("--devices cuda:0*2", "--devices cuda:0*2: expected")]
    [InlineData("--devices cpu*0", "--devices cpu*0: expected")]
    [InlineData("--devices cpu*1025", "1025 devices; expected at most 1024")]
    [InlineData("--devices sim*2", "--devices sim*2: expected")]
    public void Refuses_what_is_no_device(string options, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => DeviceList.Of(Options(options), () => 1)).Message);

    [Theory]
    [InlineData("--devices cuda")]
    [InlineData("--devices cuda:0")]
    public void Does_not_fall_back_to_the_cpu_where_gpus_are_asked_for(string options) =>
        Assert.Contains("libtorch sees no CUDA device here",
            Assert.Throws<ArgumentException>(() => DeviceList.Of(Options(options), () => 0)).Message);

    [Fact]
    public void Made_up_devices_have_any_name_and_number() =>
        Assert.Equal("sim:0 sim:1 cuda:7",
            string.Join(' ', DeviceList.Of(Options("--devices sim*2,cuda:7"), () => 0, simulated: true)));

    [Fact]
    public void A_typing_error_in_an_option_does_not_mean_the_default() =>
        Assert.Equal("--devcies: no such option; expected one of --device, --devices",
            Assert.Throws<ArgumentException>(() => Options("--devcies all").Only("device", "devices")).Message);

    [Fact]
    public void Finds_its_own_address_on_the_way_to_the_coordinator() =>
        Assert.Equal("127.0.0.1", OwnAddress.Towards(Akka.Actor.Address.Parse("akka.tcp://alignprop@127.0.0.1:4053")));

    private static NodeOptions Options(string text) => new(text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
