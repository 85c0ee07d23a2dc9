using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Tests;

/// <summary>Pictures on request, on the shipped model: scale, timesteps and rewards do what they say.</summary>
public sealed class PicturesTests : IDisposable
{
    private const string Module = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    private static readonly string Root = FindRoot();

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-pictures-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_adapter_of_scale_0_or_outside_its_timesteps_is_the_base_model_and_its_range_is_kept()
    {
        var adapter = Adapter();
        PictureVariant[] variants =
        [
            new("base", null), new("scale 0", adapter, 0), new("never", adapter, 1, 0, 0),
            new("always", adapter), new("whole range", adapter, 1, 0, 1000), new("late half", adapter, 1, 0, 500),
                new("early half", adapter, 1, 500, 1000),
        ];
        var request = new PictureRequest(RunText.Of(Path.Combine(Root, "models/emoji-diffusion"), steps: 4, batch: 2), 1,
            [new ShardSample("a cat", 1, 2), new ShardSample("a dog", 3, 4)], variants,
                [new PictureReward("brightness", new RewardTermConfig { Name = "brightness" })], _folder);
        var path = Path.Combine(_folder, "request.json");
        PictureRequest.Write(path, request);
        PicturesCommand.Run(path);
        var result = PictureRequest.Read<PictureResult>(PictureRequest.ResultFile(_folder));
        Assert.Equal(14, result.Pictures.Count);
        Assert.Equal(Bytes(0), Bytes(1));
        Assert.Equal(Bytes(0), Bytes(2));
        Assert.Equal(Bytes(3), Bytes(4));
        Assert.NotEqual(Bytes(0), Bytes(3));
        Assert.Equal(4, ((int[])[0, 3, 5, 6]).Select(v => Convert.ToHexString(Bytes(v))).Distinct().Count());
        Assert.All(result.Pictures, p => Assert.InRange(Assert.Single(p.Scores), 0, 1));
        Assert.Equal(Scores(0), Scores(1));

        byte[] Bytes(int variant) => [.. result.Pictures.Where(p => p.Variant == variant)
            .SelectMany(p => File.ReadAllBytes(Path.Combine(_folder, p.File)))];

        float[] Scores(int variant) => [.. result.Pictures.Where(p => p.Variant == variant).SelectMany(p => p.Scores)];
    }

    [Fact]
    public void The_machine_is_described_in_json()
    {
        using var output = new StringWriter();
        MachineCheck.Write(output);
        var machine = System.Text.Json.JsonSerializer.Deserialize<NodeMachine>(output.ToString(),
            System.Text.Json.JsonSerializerOptions.Web)!;
        Assert.Equal("cpu", machine.Devices[0]);
        Assert.True(machine.MatMulGflops > 0);
    }

    /// <summary>Large enough to be seen.</summary>
    private string Adapter()
    {
        using var unet =
            SafetensorsFile.Open(Path.Combine(Root, "models/emoji-diffusion/unet/diffusion_pytorch_model.safetensors"));
        var shape = unet.Info(Module + ".weight").Shape;
        var form = LoraInitializer.Gaussian([new AdapterSite("unet", Module, [(int)shape[0], (int)shape[1]])], 2, 1);
        var path = Path.Combine(_folder, "adapter.safetensors");
        form.WithValues(
            form.Tensors.Select((t, i) => (t.Name,
            t.Values.Select((_, j) => (float)new DeterministicRandom(Seeds.Derive(7, i, j, "test")).NextGaussian()).ToArray())))
            .Save(path);
        return path;
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); ; folder = folder.Parent!)
        {
            if (File.Exists(Path.Combine(folder.FullName, "AlignProp.Actors.sln")))
            {
                return folder.FullName;
            }
        }
    }
}
