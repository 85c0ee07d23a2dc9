using AlignProp.Adapters.Inspection;
using AlignProp.Adapters.Tests.Weights;

namespace AlignProp.Adapters.Tests.Inspection;

public sealed class InspectorTests : IDisposable
{
    private static readonly string Root = Path.GetFullPath(Fixture.PathOf("..", ".."));

    private readonly string _folder = Directory.CreateTempSubdirectory("inspector-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_shipped_pipeline_is_whole()
    {
        var pipeline = Inspector.Inspect(Path.Combine(Root, "models", "emoji-diffusion"));
        Assert.StartsWith("diffusers pipeline", pipeline.Kind);
        Assert.Empty(pipeline.Problems);
        Assert.Equal(["unet", "vae", "text_encoder"], pipeline.Parts.Select(p => p.Name));
        Assert.Equal(4_283_012, pipeline.Parts[0].Parameters);
        Assert.Equal("epsilon", Fact(pipeline, "prediction type"));
        Assert.Empty(Inspector.Inspect(Path.Combine(Root, "models", "emoji-clip")).Problems);
        Assert.Equal("reward preference", Inspector.Inspect(Path.Combine(Root, "models", "emoji-preference")).Kind);
    }

    [Fact]
    public void What_a_pipeline_lacks_is_listed_all_at_once()
    {
        var model = Copy(Path.Combine(Root, "models", "emoji-diffusion"));
        File.Delete(Path.Combine(model, "tokenizer", "merges.txt"));
        File.Delete(Path.Combine(model, "vae", "diffusion_pytorch_model.safetensors"));
        var unet = Path.Combine(model, "unet", "diffusion_pytorch_model.safetensors");
        Rewrite(unet, t => t.Name switch
        {
            "conv_in.bias" => null,
            "conv_out.bias" => t with { Name = "conv_out.offset" },
            "conv_in.weight" => t with { Shape = [t.Shape[1], t.Shape[0], t.Shape[2], t.Shape[3]] },
            _ => t,
        });
        Assert.Equal(
            [
                $"{Path.Combine(model, "tokenizer", "merges.txt")}: file not found; a CLIP tokenizer folder "
                    + "has vocab.json and merges.txt",
                    "unet: conv_in.weight has shape [4, 64, 3, 3], expected [64, 4, 3, 3] by config.json",
                    "unet: key conv_in.bias [64] is missing", "unet: key conv_out.bias [4] is missing",
                    "unet: key conv_out.offset is unexpected",
                "vae/diffusion_pytorch_model.safetensors is missing",
            ],
            Inspector.Inspect(model).Problems);
        File.WriteAllText(unet, "not weights at all");
        Assert.Contains(Inspector.Inspect(model).Problems, p => p.StartsWith(unet, StringComparison.Ordinal));
    }

    [Fact]
    public void A_single_file_checkpoint_is_told_by_its_prefixes()
    {
        var path = Path.Combine(_folder, "v1-5.safetensors");
        SafetensorsWriter.Write(path,
        [
            new TensorData("model.diffusion_model.input_blocks.0.0.weight", DType.F16, [320, 4, 3, 3],
                new byte[320 * 4 * 9 * 2]), TensorData.FromSingles("first_stage_model.decoder.conv_in.weight", [1], [1]),
            TensorData.FromSingles("cond_stage_model.transformer.text_model.final_layer_norm.weight", [2], [1, 2]),
                TensorData.FromSingles("model_ema.decay", [], [1]), TensorData.FromSingles("alphas_cumprod", [1], [1]),
        ]);
        var checkpoint = Inspector.Inspect(path);
        Assert.Equal("single-file checkpoint, SD 1.x, safetensors", checkpoint.Kind);
        Assert.Equal(["model.diffusion_model", "first_stage_model", "cond_stage_model.transformer", "model_ema", ""],
            checkpoint.Parts.Select(p => p.Name));
        Assert.Equal([11520L, 1, 2, 1, 1], checkpoint.Parts.Select(p => p.Parameters));
        Assert.Contains(checkpoint.Problems,
            p => p.Contains("expected a single-file Stable Diffusion checkpoint", StringComparison.Ordinal));

        File.WriteAllBytes(path,
            TorchWriter.StateDict(("model.diffusion_model.out.0.weight", "FloatStorage", [1], new byte[4]),
            ("conditioner.embedders.1.model.x", "HalfStorage", [1], new byte[2])));
        var pickled = Inspector.Inspect(path);
        Assert.Equal("single-file checkpoint, SDXL, PyTorch zip pickle", pickled.Kind);
        Assert.Contains(pickled.Problems,
            p => p.Contains("no key begins with first_stage_model. (the VAE)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_published_size_is_named()
    {
        var path = Path.Combine(_folder, "head.pth");
        int[] widths = [768, 1024, 128, 64, 16, 1];
        File.WriteAllBytes(path,
            TorchWriter.StateDict([.. new[] { 0, 2, 4, 6, 7 }.SelectMany((layer, i) => new (string, string, long[], byte[])[]
        {
            ($"layers.{layer}.weight", "FloatStorage", [widths[i + 1], widths[i]], new byte[widths[i + 1] * widths[i] * 4]),
                ($"layers.{layer}.bias", "FloatStorage", [widths[i + 1]], new byte[widths[i + 1] * 4]),
        })]));
        var part = Assert.Single(Inspector.Inspect(path).Parts);
        Assert.Equal(("reward head", "LAION aesthetic head v2", 10), (part.What, part.Published, part.Tensors));
    }

    [Fact]
    public void A_LoRA_has_rank_alpha_and_modules_in_every_spelling()
    {
        var weights = LoraInitializer.Gaussian(
            [new AdapterSite("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q", [8, 8]),
            new AdapterSite("unet", "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0", [8, 8])], 4, 1);
        foreach (var (name, bytes, spelling) in new[]
        {
            ("diffusers", DiffusersLoraFormat.Serialize(weights), "diffusers' names"),
                ("kohya", KohyaLoraFormat.Serialize(weights), "kohya's names (ComfyUI, A1111)"),
                ("own", weights.Serialize(), "of this project"),
        })
        {
            var path = Path.Combine(_folder, name + ".safetensors");
            File.WriteAllBytes(path, bytes);
            var lora = Inspector.Inspect(path);
            Assert.Equal($"LoRA, {spelling}, safetensors", lora.Kind);
            Assert.Equal("4", Fact(lora, "rank"));
            Assert.Equal("2 (2 of the UNet)", Fact(lora, "modules"));
            Assert.Equal("to_q x 1, to_out.0 x 1", Fact(lora, "targets"));
            Assert.Empty(lora.Problems);
        }
    }

    [Fact]
    public void A_LoRA_that_cannot_be_used_here_is_still_described()
    {
        var path = Path.Combine(_folder, "text.safetensors");
        SafetensorsWriter.Write(path,
            [TensorData.FromSingles("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", [2, 3], new float[6])],
            new Dictionary<string, string> { ["ss_base_model_version"] = "sd_v1" });
        var lora = Inspector.Inspect(path);
        Assert.Equal("1 (1 of the text encoder)", Fact(lora, "modules"));
        Assert.Equal("sd_v1", Fact(lora, "base model"));
        Assert.Contains("cannot be used here", Assert.Single(lora.Problems));
    }

    [Fact]
    public void A_PEFT_folder_and_a_run_are_known()
    {
        File.WriteAllText(Path.Combine(_folder, "adapter_config.json"), """{"r":4,"lora_alpha":8,"target_modules":["to_q"]}""");
        Assert.Equal(["adapter_model.safetensors is missing"], Inspector.Inspect(_folder).Problems);
        SafetensorsWriter.Write(Path.Combine(_folder, "adapter_model.safetensors"),
            [TensorData.FromSingles("base_model.model.a.attn1.to_q.lora_A.weight", [4, 2], new float[8]),
                TensorData.FromSingles("base_model.model.a.attn1.to_q.lora_B.weight", [2, 4], new float[8])]);
        var peft = Inspector.Inspect(_folder);
        Assert.StartsWith("PEFT folder: LoRA, PEFT's names", peft.Kind);
        Assert.Equal("8", Fact(peft, "adapter_config lora_alpha"));
        Assert.Equal("4", Fact(peft, "rank"));

        var run = Directory.CreateDirectory(Path.Combine(_folder, "run")).FullName;
        File.WriteAllText(Path.Combine(run, "run.conf"), "");
        Assert.Equal(["adapter.safetensors is missing: no step was committed yet"], Inspector.Inspect(run).Problems);
        DiffusersLoraFormat.Write(Path.Combine(run, "adapter.safetensors"),
            LoraInitializer.Gaussian([new AdapterSite("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q", [2, 2])],
            1, 1));
        Assert.StartsWith("run of alignprop; adapter.safetensors: LoRA", Inspector.Inspect(run).Kind);
    }

    [Fact]
    public void An_unknown_network_is_said_to_be_unknown_and_variants_that_are_not_read_are_named()
    {
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), [TensorData.FromSingles("wte.weight", [1], [1])]);
        SafetensorsWriter.Write(Path.Combine(_folder, "model.fp16.safetensors"),
            [TensorData.FromSingles("wte.weight", [1], [1])]);
        var unknown = Inspector.Inspect(_folder);
        Assert.Contains(unknown.Problems,
            p => p.Contains("of no network that is known here, for example wte.weight", StringComparison.Ordinal));
        Assert.Equal("model.fp16.safetensors", Fact(unknown, "not read"));
        Assert.Throws<WeightFileException>(() => Inspector.Inspect(Path.Combine(_folder, "nowhere")));
    }

    private static string Fact(AlignProp.Adapters.Inspection.Inspection inspection, string name) =>
        inspection.Facts.First(f => f.Key == name).Value;

    private static void Rewrite(string path, Func<TensorData, TensorData?> change)
    {
        List<TensorData> tensors;
        using (var file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Tensors.Values.Select(t =>
                change(new TensorData(t.Name, t.DType, t.Shape, file.Bytes(t.Name).ToArray()))).OfType<TensorData>()];
        }

        SafetensorsWriter.Write(path, tensors);
    }

    private string Copy(string from)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(_folder, "model", Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return Path.Combine(_folder, "model");
    }
}
