using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using SkiaSharp;

namespace AlignProp.GpuNode.Tests;

/// <summary>
/// An adapter of the shipped model, exported to every format and sampled from there, by the command people use.
/// </summary>
public sealed class TakeawayRoundTripTests : IDisposable
{
    private static readonly string Root = FindRoot();
    private static readonly string Model = Path.Combine(Root, "models", "emoji-diffusion");
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-takeaway-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_format_gives_the_same_weights_and_the_same_picture()
    {
        var adapter = Adapter(AttentionLayout(), alpha: 4);
        adapter.Save(In("own.safetensors"));
        DiffusersLoraFormat.Write(In("diffusers.safetensors"), adapter);
        KohyaLoraFormat.Write(In("kohya.safetensors"), adapter);
        PeftLoraFormat.Write(Directory.CreateDirectory(In("peft")).FullName, adapter, "emoji-diffusion");
        var expected = Sample(Model, In("own.safetensors"));
        Assert.NotEqual(Sample(Model, null), expected);
        foreach (var file in new[] { "diffusers.safetensors", "kohya.safetensors", "peft" })
        {
            Assert.Equal(adapter.Sha256, LoraFile.Read(In(file)).Sha256);
            Assert.Equal(expected, Sample(Model, In(file)));
        }
    }

    /// <summary>
    /// In fp32 W x + B (A x) and (W + B A) x differ in the last bits: at most one of 255 levels. The shipped fp16 weights round
    /// the sum: at most 24, 1 in the mean.
    /// </summary>
    [Theory]
    [InlineData(DType.F32, 1, 0.02)]
    [InlineData(DType.F16, 24, 1)]
    public void A_merged_UNet_makes_the_picture_of_the_adapter(DType dtype, int most, double mean)
    {
        var adapter = Adapter(AttentionLayout(), alpha: 2);
        adapter.Save(In("own.safetensors"));
        var model = CopyModel("base", dtype);
        var (plain, adapted) = (Pixels(Sample(model, null)), Pixels(Sample(model, In("own.safetensors"))));
        var merged = Pixels(Sample(Merged(model, adapter), null));
        AssertNear(adapted, merged, most, mean);
        // The adapter itself changes far more than rounding does.
        Assert.InRange(Distance(plain, adapted), 5 * Distance(merged, adapted), 255);
    }

    [Fact]
    public void What_is_no_attention_projection_gets_a_branch_too()
    {
        // As kohya's files have them: feed-forwards, 1 x 1 projections; and a 3 x 3 convolution of LoCon.
        const string block = "mid_block.attentions.0";
        var adapter = Random(4, 4,
        [
            ($"{block}.transformer_blocks.0.ff.net.0.proj", [4, 128], [1024, 4]),
            ($"{block}.proj_in", [4, 128, 1, 1], [128, 4, 1, 1]),
            ("conv_in", [4, 4, 3, 3], [64, 4, 1, 1]),
        ]);
        KohyaLoraFormat.Write(In("kohya.safetensors"), adapter);
        var model = CopyModel("base", DType.F32);
        var found = Pixels(Sample(model, In("kohya.safetensors")));
        AssertNear(Pixels(Sample(Merged(model, adapter), null)), found, 1, 0.02);
        Assert.NotEqual(Pixels(Sample(model, null)), found);
    }

    /// <summary>
    /// A run begins with the file's own weights (StartingAdapter, Coordinator.Tests); its evaluation at step 0 must show what
    /// sampling shows.
    /// </summary>
    [Fact]
    public void An_evaluation_with_an_imported_adapter_shows_what_sampling_shows()
    {
        KohyaLoraFormat.Write(In("kohya.safetensors"), Adapter(AttentionLayout(), alpha: 2));
        var imported = LoraFile.Read(In("kohya.safetensors"));
        var reward = Path.Combine(Root, "models", "emoji-preference");
        var settings = RunDescription.Of(new RunConfig
        {
            Model = new ModelConfig { Path = Model },
            Reward = new RewardConfig { Path = reward },
            Sampling = new SamplingConfig { Steps = 3, GuidanceScale = 3 },
            Lora = new LoraConfig { Rank = 4, Alpha = 2 },
        });
        using var computer = new TorchShardComputer(DeviceName.Parse("cpu:0"));
        var shard = new Shard(new RunId("test"), 0, 0, 0, new ShardTask.Evaluate(true),
            [new ShardSample("a cat", Seeds.Derive(0, 0, 0, Seeds.Noise), 0)]);
        var image = EvaluationPayload.Deserialize(computer.Compute(shard, settings,
            new ShardAdapters(imported.Serialize()), (_, _) => { }, CancellationToken.None).Payload);
        Assert.Equal(image.Images[0], Pixels(Sample(Model, In("kohya.safetensors"))));
    }

    [Fact]
    public void Files_of_other_models_are_refused_with_all_their_modules()
    {
        var adapter = Random(2, 2,
            [("mid_block.attentions.0.transformer_blocks.0.attn1.to_q", [2, 99], [128, 2]),
            ("mid_block.attentions.7.proj_in", [2, 128], [128, 2])]);
        KohyaLoraFormat.Write(In("other.safetensors"), adapter);
        var message = Assert.Throws<ModelFileException>(() => Sample(Model, In("other.safetensors"))).Message;
        Assert.Contains("attn1_to_q.lora_down.weight': has shape [2, 99], the layer's weights are [128, 128]", message);
        Assert.Contains("lora_unet_mid_block_attentions_7_proj_in.lora_down.weight", message);
        Assert.Contains("file not found", Assert.Throws<ModelFileException>(() => Sample(Model, In("none"))).Message);
    }

    private string In(string name) => Path.Combine(_folder, name);

    private byte[] Sample(string model, string? adapter)
    {
        var folder = Directory.CreateDirectory(In($"{Guid.NewGuid():N}")).FullName;
        var path = Path.Combine(folder, "request.json");
        PictureRequest.Write(path,
            new PictureRequest(RunText.Of(model, steps: 3, batch: 1), 1,
            [new ShardSample("a cat", Seeds.Derive(0, 0, 0, Seeds.Noise), 0)],
            [new PictureVariant("picture", adapter)], [], folder));
        PicturesCommand.Run(path);
        return File.ReadAllBytes(Path.Combine(folder,
            PictureRequest.Read<PictureResult>(PictureRequest.ResultFile(folder)).Pictures[0].File));
    }

    private static LoraWeights Adapter(IEnumerable<(string Module, int In, int Out)> layout, double alpha) =>
        Random(4, alpha, layout.Select(m => (m.Module, new[] { 4, m.In }, new[] { m.Out, 4 })));

    private static LoraWeights Random(int rank, double alpha, IEnumerable<(string Module, int[] Down, int[] Up)> modules)
    {
        var random = new DeterministicRandom(5);
        float[] Fill(int[] shape) =>
            [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => (float)(0.1 * random.NextGaussian()))];
        return new LoraWeights(rank, alpha,
            modules.SelectMany(m => new LoraTensor[] { new(LoraNames.Down(m.Module), m.Down, Fill(m.Down)),
            new(LoraNames.Up(m.Module), m.Up, Fill(m.Up)) }));
    }

    private static List<(string Module, int In, int Out)> AttentionLayout()
    {
        using var unet = WeightFiles.Open(Path.Combine(Model, "unet"));
        return [.. unet.Tensors.Values.Where(t => t.Name.Contains(".attn", StringComparison.Ordinal) && t.Shape.Length == 2)
            .Select(t => (t.Name[..^".weight".Length], (int)t.Shape[1], (int)t.Shape[0]))];
    }

    /// <summary>The shipped model with its UNet in a precision of choice.</summary>
    private string CopyModel(string name, DType dtype)
    {
        Copy(Model, In(name));
        var path = Path.Combine(In(name), "unet", "diffusion_pytorch_model.safetensors");
        List<TensorData> tensors;
        using (var unet = WeightFiles.Open(path))
        {
            if (dtype == DType.F16)
            {
                return In(name);
            }
            tensors = [.. unet.Tensors.Values.Select(t => TensorData.FromSingles(t.Name, t.Shape, unet.ReadSingles(t.Name)))];
        }
        SafetensorsWriter.Write(path, tensors);
        return In(name);
    }

    private string Merged(string model, LoraWeights adapter)
    {
        Copy(model, In("merged"));
        using var unet = WeightFiles.Open(Path.Combine(model, "unet"));
        WeightMerger.Write(Path.Combine(In("merged"), "unet", "diffusion_pytorch_model.safetensors"), unet, adapter);
        return In("merged");
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    /// <summary>RGB, row-major.</summary>
    private static byte[] Pixels(byte[] png)
    {
        using var bitmap = SKBitmap.Decode(png);
        return [.. bitmap.Pixels.SelectMany(p => new[] { p.Red, p.Green, p.Blue })];
    }

    private static double Distance(byte[] a, byte[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Average();

    private static void AssertNear(byte[] expected, byte[] found, int most, double mean)
    {
        var differences = expected.Zip(found, (a, b) => Math.Abs(a - b)).ToList();
        Assert.InRange(differences.Max(), 0, most);
        Assert.InRange(differences.Average(), 0, mean);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return folder.FullName;
    }
}
