using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Latents;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Small models of random weights in the published layouts: diffusers folders and single files.</summary>
internal static class TinyModels
{
    private const int Width = 64;

    private static readonly string[] TwoUp = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        TwoDown = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"];

    /// <param name="kind">sd1, sd2 or sdxl.</param>
    /// <param name="dtype">Of the files; Float16 writes the fp16 variant's names.</param>
    /// <returns>The folder.</returns>
    public static string WriteFolder(string folder, string kind, ScalarType dtype = ScalarType.Float32)
    {
        manual_seed(11);
        var xl = kind == "sdxl";
        Write(folder, "model_index.json",
            new()
            {
                ["_class_name"] = xl ? "StableDiffusionXLPipeline" : "StableDiffusionPipeline",
                ["force_zeros_for_empty_prompt"] = xl ? true : null
            });
        Write(folder, "unet/config.json", UNet(kind));
        Write(folder, "vae/config.json", new()
        {
            ["block_out_channels"] = new[] { 32, 32 },
            ["down_block_types"] = new[] { "DownEncoderBlock2D", "DownEncoderBlock2D" },
            ["up_block_types"] = new[] { "UpDecoderBlock2D", "UpDecoderBlock2D" },
            ["layers_per_block"] = 1,
            ["scaling_factor"] = xl ? 0.13025 : 0.18215,
            ["force_upcast"] = xl ? true : null,
        });
        Write(folder, "scheduler/scheduler_config.json", new()
        {
            ["beta_start"] = 0.00085,
            ["beta_end"] = 0.012,
            ["beta_schedule"] = "scaled_linear",
            ["set_alpha_to_one"] = false,
            ["clip_sample"] = false,
            ["steps_offset"] = 1,
            ["prediction_type"] = kind == "sd2" ? "v_prediction" : "epsilon",
        });
        Text(folder, "", kind == "sd2" ? "gelu" : "quick_gelu", kind == "sd2" ? "!" : null);
        if (xl)
        {
            Text(folder, "_2", "gelu", "!");
        }
        string Part(string name) => Path.Combine(folder, name);
        var file = dtype == ScalarType.Float16 ? "diffusion_pytorch_model.fp16.safetensors"
            : "diffusion_pytorch_model.safetensors";
        Save(new UNet2DConditionModel(UNetConfig.Load(Part("unet/config.json"))), Part($"unet/{file}"), dtype);
        Save(new AutoencoderKL(VaeConfig.Load(Part("vae/config.json"))), Part($"vae/{file}"), dtype);
        file = file.Replace("diffusion_pytorch_model", "model", StringComparison.Ordinal);
        Save(new ClipTextModel(ClipTextConfig.Load(Part("text_encoder/config.json"))), Part($"text_encoder/{file}"), dtype);
        if (xl)
        {
            Save(new ClipTextModel(ClipTextConfig.Load(Part("text_encoder_2/config.json")), projection: true),
                Part($"text_encoder_2/{file}"), dtype);
        }
        return folder;
    }

    /// <summary>The same weights as one file in CompVis' layout.</summary>
    /// <param name="whole">As published; false: as diffusers' converter writes SD 2, only the layers that are read.</param>
    public static void WriteSingleFile(string folder, string kind, string path, bool whole = true)
    {
        var config = UNetConfig.Load(Path.Combine(folder, "unet", "config.json"));
        var modules = LdmNames.UNetModules(new LdmLevels(config.LayersPerBlock, config.DownAttention));
        var tensors = new List<TensorData> { TensorFile.ToData("betas", zeros(4)),
            TensorFile.ToData("model_ema.decay", zeros(1)) };
        tensors.AddRange(Read(folder, "unet").Select(t => t with { Name = LdmNames.UNetPrefix + ToCompVis(t.Name, modules) }));
        tensors.AddRange(Read(folder, "vae")
            .Select(t => LdmNames.VaePrefix + LdmNamesTests.ToCompVis(t.Name, levels: 2) is var name && name.Contains(".attn_1.")
            && t.Shape.Length == 2
            ? new TensorData(name, t.DType, [.. t.Shape, 1, 1], t.Bytes) : t with { Name = name }));
        if (kind == "sd2")
        {
            tensors.AddRange(OpenClip(Read(folder, "text_encoder"), "cond_stage_model.model.", extraLayer: true)
                .Where(t => whole
                    || !(t.Name.Contains("resblocks.2.", StringComparison.Ordinal)
                    || t.Name.EndsWith("text_projection", StringComparison.Ordinal)
                    || t.Name.EndsWith("logit_scale", StringComparison.Ordinal))));
        }
        else
        {
            var prefix = kind == "sdxl" ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.";
            tensors.AddRange(Read(folder, "text_encoder").Select(t => t with { Name = prefix + t.Name }));
            tensors.Add(TensorFile.ToData(prefix + "text_model.embeddings.position_ids", zeros(1, 16, dtype: ScalarType.Int64)));
        }
        if (kind == "sdxl")
        {
            tensors.AddRange(OpenClip(Read(folder, "text_encoder_2"), "conditioner.embedders.1.model.", extraLayer: false));
        }
        SafetensorsWriter.Write(path, tensors);
    }

    private static Dictionary<string, object?> UNet(string kind)
    {
        var json = new Dictionary<string, object?>
        {
            ["block_out_channels"] = new[] { Width, 2 * Width },
            ["down_block_types"] = kind == "sdxl" ? new[] { "DownBlock2D", "CrossAttnDownBlock2D" } : TwoDown,
            ["up_block_types"] = kind == "sdxl" ? new[] { "CrossAttnUpBlock2D", "UpBlock2D" } : TwoUp,
            ["layers_per_block"] = 1,
            ["sample_size"] = kind switch { "sdxl" => 128, "sd2" => 96, _ => 64 },
            ["attention_head_dim"] = kind == "sd1" ? 8 : new[] { 1, 2 },
            ["cross_attention_dim"] = kind == "sdxl" ? 2 * Width : Width,
            ["use_linear_projection"] = kind != "sd1",
            ["upcast_attention"] = kind == "sd2" ? true : null,
        };
        if (kind == "sdxl")
        {
            json["addition_embed_type"] = "text_time";
            json["addition_time_embed_dim"] = 256;
            json["projection_class_embeddings_input_dim"] = (6 * 256) + Width;
            json["transformer_layers_per_block"] = new[] { 1, 2 };
        }
        return json;
    }

    private static void Text(string folder, string suffix, string activation, string? pad)
    {
        var source = Path.Combine(Fixture.Root, "models", "emoji-diffusion", "tokenizer");
        var target = Directory.CreateDirectory(Path.Combine(folder, "tokenizer" + suffix)).FullName;
        foreach (var name in new[] { "vocab.json", "merges.txt", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(source, name), Path.Combine(target, name));
        }
        Write(folder, $"tokenizer{suffix}/special_tokens_map.json", new() { ["pad_token"] = pad ?? "<|endoftext|>" });
        Write(folder, $"text_encoder{suffix}/config.json", new()
        {
            ["vocab_size"] = 1147,
            ["hidden_size"] = Width,
            ["intermediate_size"] = 2 * Width,
            ["num_hidden_layers"] = 2,
            ["num_attention_heads"] = 1,
            ["max_position_embeddings"] = 16,
            ["hidden_act"] = activation,
            ["eos_token_id"] = 2,
            ["projection_dim"] = Width,
        });
    }

    private static void Write(string folder, string name, Dictionary<string, object?> values)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(values));
    }

    private static void Save(nn.Module module, string path, ScalarType dtype)
    {
        using (module)
        {
            Weights.Save(module, path, dtype);
        }
    }

    private static List<TensorData> Read(string folder, string part)
    {
        using var file = Weights.Open(Path.Combine(folder, part));
        return [.. file.Tensors.Values.Select(t => new TensorData(t.Name, t.DType, t.Shape, file.Bytes(t.Name).ToArray()))];
    }

    private static string ToCompVis(string name, IReadOnlyDictionary<string, string> modules)
    {
        var (there, here) = modules.Where(m => name.StartsWith(m.Value + ".", StringComparison.Ordinal))
            .MaxBy(m => m.Value.Length);
        var rest = name[(here.Length + 1)..];
        if (here.Contains("resnets.", StringComparison.Ordinal))
        {
            (string, string)[] names = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
                ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection")];
            rest = names.Aggregate(rest, (r, n) => r.Replace(n.Item1 + ".", n.Item2 + ".", StringComparison.Ordinal));
        }
        return $"{there}.{rest}";
    }

    /// <summary>
    /// A transformers text encoder as OpenCLIP lays it out: q, k and v in one matrix, the projection transposed, and for SD 2 a
    /// last layer that nobody reads.
    /// </summary>
    private static IEnumerable<TensorData> OpenClip(List<TensorData> text, string prefix, bool extraLayer)
    {
        var all = text.ToDictionary(t => t.Name,
            t => tensor(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(t.Bytes.Span).ToArray()).view(t.Shape));
        (string, string)[] names = [("text_model.embeddings.token_embedding.", "token_embedding."),
            ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
            ("text_model.final_layer_norm.", "ln_final."), ("text_model.encoder.layers.", "transformer.resblocks."),
                (".layer_norm1.", ".ln_1."), (".layer_norm2.", ".ln_2."),
            (".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."), (".self_attn.out_proj.", ".attn.out_proj.")];
        string Named(string name) =>
            names.Aggregate(name, (n, pair) => n.Replace(pair.Item1, pair.Item2, StringComparison.Ordinal));
        var result = new Dictionary<string, Tensor> { ["logit_scale"] = ones(1), ["text_projection"] = eye(Width) };
        foreach (var (name, value) in all)
        {
            if (name.Contains(".q_proj.", StringComparison.Ordinal))
            {
                Tensor Of(string letter) => all[name.Replace(".q_proj.", $".{letter}_proj.", StringComparison.Ordinal)];
                result[Named(name).Replace(".self_attn.q_proj.", ".attn.in_proj_", StringComparison.Ordinal)] =
                    cat([Of("q"), Of("k"), Of("v")], 0);
            }
            else if (name == "text_projection.weight")
            {
                result["text_projection"] = value.t().contiguous();
            }
            else if (!name.Contains(".k_proj.", StringComparison.Ordinal) && !name.Contains(".v_proj.", StringComparison.Ordinal))
            {
                result[Named(name)] = value;
            }
        }
        foreach (var (name, value) in extraLayer
            ? result.Where(r => r.Key.Contains("resblocks.0.", StringComparison.Ordinal)).ToList() : [])
        {
            result[name.Replace("resblocks.0.", "resblocks.2.", StringComparison.Ordinal)] = randn_like(value);
        }
        return result.Select(r => TensorFile.ToData(prefix + r.Key, r.Value));
    }
}
