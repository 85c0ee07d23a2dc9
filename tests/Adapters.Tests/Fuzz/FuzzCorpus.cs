using System.Runtime.InteropServices;
using System.Text;
using AlignProp.Adapters.Tests.Weights;

namespace AlignProp.Adapters.Tests.Fuzz;

/// <summary>Valid files of each kind, small, to be damaged.</summary>
internal sealed class FuzzCorpus : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fuzz-").FullName;

    public IReadOnlyList<byte[]> Of(string kind) => kind switch
    {
        "safetensors" => Safetensors,
        "pickle" or "zip" => Pickles,
        "index" => Index(),
        "lora" => Loras,
        "folder" => Configurations(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such kind"),
    };

    public IWeightFile OpenIndex(byte[] index)
    {
        var path = Path.Combine(_folder, "model.safetensors.index.json");
        File.WriteAllBytes(path, index);
        return WeightFiles.Open(path);
    }

    /// <summary>
    /// A pipeline folder with one of its configurations replaced: the one that <paramref name="configuration"/> began as.
    /// </summary>
    public void InspectFolder(byte[] configuration, long which)
    {
        var path = Path.Combine(_folder, "pipeline", ConfigurationNames[which % ConfigurationNames.Length]);
        var before = File.ReadAllBytes(path);
        File.WriteAllBytes(path, configuration);
        try
        {
            AlignProp.Adapters.Inspection.Inspector.Inspect(Path.Combine(_folder, "pipeline"));
            AlignProp.Adapters.Inspection.Inspector.Inspect(Path.Combine(_folder, "pipeline", "unet"));
        }
        finally
        {
            File.WriteAllBytes(path, before);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The pickle stream of a file of the corpus.</summary>
    public static byte[] PickleOf(byte[] file) => Member(file, n => n.EndsWith("data.pkl", StringComparison.Ordinal)).Single()
        .Bytes;

    /// <summary>Its storages.</summary>
    public static (string Name, byte[] Bytes)[] MembersOf(byte[] file) =>
        [.. Member(file, n => n.Contains("/data/", StringComparison.Ordinal))
            .Select(m => (m.Name[(m.Name.IndexOf('/', StringComparison.Ordinal) + 1)..], m.Bytes))];

    private static IEnumerable<(string Name, byte[] Bytes)> Member(byte[] file, Func<string, bool> which)
    {
        using var zip = new System.IO.Compression.ZipArchive(new MemoryStream(file));
        foreach (var entry in zip.Entries.Where(e => which(e.FullName)))
        {
            using var stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            yield return (entry.FullName, bytes.ToArray());
        }
    }

    private static IReadOnlyList<byte[]> Safetensors =>
    [
        SafetensorsWriter.Serialize(
        [
            TensorData.FromSingles("b", [2, 2], [1, 2, 3, 4]), new("a", DType.U8, [3], new byte[] { 1, 2, 3 }),
            new("half", DType.F16, [2], new byte[4]), new("wide", DType.F64, [], new byte[8]),
            new("none", DType.F32, [0, 4], ReadOnlyMemory<byte>.Empty), new("flag", DType.Bool, [1], new byte[] { 1 }),
        ], new Dictionary<string, string> { ["format"] = "pt", ["näme"] = "\"+\n" }),
        SafetensorsWriter.Serialize([TensorData.FromSingles("w", [1], [1])]),
        SafetensorsWriter.Serialize([]),
    ];

    private static IReadOnlyList<byte[]> Pickles =>
    [
        .. new[] { "state_dict.pt", "protocol4.pt", "lightning.ckpt", "no_byteorder.pth" }
            .Select(n => File.ReadAllBytes(Fixture.PathOf("pickle", n))),
        TorchWriter.StateDict(("layers.0.weight", "FloatStorage", [2, 2], new byte[16]),
            ("layers.0.bias", "HalfStorage", [2], new byte[4])),
    ];

    private static IReadOnlyList<byte[]> Loras
    {
        get
        {
            var weights = LoraInitializer.Gaussian(
                [new AdapterSite("unet", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", [4, 4]),
                new AdapterSite("unet", "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0", [4, 4])], 2, 1);
            return [DiffusersLoraFormat.Serialize(weights), KohyaLoraFormat.Serialize(weights), weights.Serialize(),
                DiffusersLoraFormat.Serialize(weights, DType.F16)];
        }
    }

    private static readonly string[] ConfigurationNames = ["model_index.json", "unet/config.json", "vae/config.json",
        "text_encoder/config.json", "scheduler/scheduler_config.json"];

    private List<byte[]> Configurations()
    {
        string[] texts =
        [
            """{"_class_name":"StableDiffusionPipeline","unet":["diffusers","UNet2DConditionModel"],"safety_checker":"""
                + """[null,null],"text_encoder_2":["transformers","CLIPTextModelWithProjection"]}""",
            """{"_class_name":"UNet2DConditionModel","block_out_channels":[32,64],"down_block_types":"""
                + """["CrossAttnDownBlock2D","DownBlock2D"],"up_block_types":["UpBlock2D","CrossAttnUpBlock2D"]"""
                + ""","layers_per_block":1,"cross_attention_dim":32}""",
            """{"_class_name":"AutoencoderKL","block_out_channels":[32,64],"layers_per_block":1,"latent_channels":4}""",
            """{"model_type":"clip_text_model","architectures":["CLIPTextModel"]"""
                + ""","hidden_size":32,"num_hidden_layers":2,"intermediate_size":64}""",
            """{"prediction_type":"v_prediction","beta_schedule":"scaled_linear","num_train_timesteps":1000}""",
        ];
        foreach (var (name, text) in ConfigurationNames.Zip(texts))
        {
            var path = Path.Combine(_folder, "pipeline", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        foreach (var name in new[] { "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model" })
        {
            SafetensorsWriter.Write(Path.Combine(_folder, "pipeline", name + ".safetensors"),
                [TensorData.FromSingles("conv_in.weight", [1], [1])]);
        }

        return [.. texts.Select(Encoding.UTF8.GetBytes)];
    }

    private IReadOnlyList<byte[]> Index()
    {
        SafetensorsWriter.Write(Path.Combine(_folder, "model-00001-of-00002.safetensors"),
            [TensorData.FromSingles("a", [1], [1]), TensorData.FromSingles("b", [2], [1, 2])]);
        File.WriteAllBytes(Path.Combine(_folder, "pytorch_model-00002-of-00002.bin"),
            TorchWriter.StateDict(("c", "FloatStorage", [2], MemoryMarshal.AsBytes<float>([3, 4]).ToArray())));
        return
        [
            Encoding.UTF8.GetBytes("""
                {
                  "metadata": {"total_size": 20},
                  "weight_map": {
                    "a": "model-00001-of-00002.safetensors",
                    "b": "model-00001-of-00002.safetensors",
                    "c": "pytorch_model-00002-of-00002.bin"
                  }
                }
                """),
            Encoding.UTF8.GetBytes("""{"weight_map":{"a":"model-00001-of-00002.safetensors"}}"""),
        ];
    }
}
