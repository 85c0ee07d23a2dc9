namespace AlignProp.Messages.Tests;

/// <summary>Devices in words and back.</summary>
public sealed class DeviceTests
{
    [Theory]
    [InlineData("node-1/cpu:0", "node-1", DeviceKind.Cpu, 0)]
    [InlineData("rack/2/cuda:13", "rack/2", DeviceKind.Cuda, 13)]
    [InlineData("n/sim:2", "n", DeviceKind.Simulated, 2)]
    public void A_device_comes_back_from_its_text(string text, string node, DeviceKind kind, int index)
    {
        var id = DeviceId.Parse(text);
        Assert.Equal(new DeviceId(new NodeId(node), new DeviceName(kind, index)), id);
        Assert.Equal((text, text), (id.Value, $"{id}"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("cpu:0")]
    [InlineData("/cpu:0")]
    [InlineData("n/")]
    [InlineData("n/cpu")]
    [InlineData("n/cpu:")]
    [InlineData("n/cpu:-1")]
    [InlineData("n/cpu:00")]
    [InlineData("n/cpu:0 ")]
    [InlineData("n/CPU:0")]
    [InlineData("n/gpu:0")]
    [InlineData("n/cpu:0:0")]
    [InlineData("n/cpu:99999999999")]
    public void What_is_no_device_is_refused(string text) =>
        Assert.Contains("expected a node's device like node-1/cpu:0",
            Assert.Throws<ArgumentException>(() => DeviceId.Parse(text)).Message);
}
