using System.Text.Json;

namespace AlignProp.Adapters.Tests;

/// <summary>What we write is, key by key, what the libraries write of the same adapter (tests/fixtures/formats/export).</summary>
public sealed class ExportFormsTests : IDisposable
{
    private static readonly string Reference = Fixture.PathOf("formats", "export", "sdxl");

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-export-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("diffusers", "diffusers/pytorch_lora_weights.safetensors", "unet.")]
    [InlineData("diffusers-folded", "diffusers_folded/pytorch_lora_weights.safetensors", "unet.")]
    [InlineData("peft", "peft/unet/adapter_model.safetensors", "")]
    [InlineData("kohya", "kohya_diffusers_names/lora.safetensors", "lora_unet_")]
    public void Keys_types_shapes_and_numbers_are_the_same(string form, string reference, string ours)
    {
        using var expected = SafetensorsFile.Open(Path.Combine(Reference, reference));
        using var written = SafetensorsFile.Open(Write(form));
        var keys = expected.Tensors.Keys.Where(k => k.StartsWith(ours, StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(keys, written.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(written.Tensors.Values, tensor =>
        {
            Assert.Equal(expected.Tensors[tensor.Name].DType, tensor.DType);
            Assert.Equal(expected.Tensors[tensor.Name].Shape, tensor.Shape);
            Assert.All(expected.ReadSingles(tensor.Name).Zip(written.ReadSingles(tensor.Name)),
                p => Assert.Equal(p.First, p.Second, 1e-6f));
        });
    }

    [Fact]
    public void The_strength_in_the_header_is_what_diffusers_writes()
    {
        using var expected = SafetensorsFile.Open(Path.Combine(Reference, "diffusers", DiffusersLoraFormat.FileName));
        using var written = SafetensorsFile.Open(Write("diffusers"));
        Assert.Equal("pt", written.Metadata["format"]);
        Same(expected.Metadata[DiffusersLoraFormat.AdapterMetadata], written.Metadata[DiffusersLoraFormat.AdapterMetadata],
            "unet.init_lora_weights");
    }

    [Fact]
    public void The_PEFT_configuration_is_what_PEFT_writes()
    {
        Write("peft");
        Same(File.ReadAllText(Path.Combine(Reference, "peft", "unet", PeftLoraFormat.ConfigName)),
            File.ReadAllText(Path.Combine(_folder, PeftLoraFormat.ConfigName)), "init_lora_weights", "base_model_name_or_path");
    }

    [Theory]
    [InlineData("diffusers")]
    [InlineData("peft")]
    [InlineData("kohya")]
    public void They_come_back_bit_by_bit_without_a_notice(string form)
    {
        Write(form);
        var back = LoraFile.Import(form == "peft" ? _folder : Path.Combine(_folder, "lora.safetensors"),
            TinyModel.Sites("sdxl"));
        Examples.AssertSame(Adapter(), back.Weights);
        Assert.Empty(back.Notices);
    }

    [Fact]
    public void Merged_is_the_base_and_the_change()
    {
        var sites = TinyModel.Sites("sdxl");
        var basis = Path.Combine(_folder, "base.safetensors");
        SafetensorsWriter.Write(basis, sites.Select(s =>
            TensorData.FromSingles($"{s.Module}.weight", [.. s.Shape.Select(size => (long)size)], new float[s.Out * s.Inputs])));
        var merged = Path.Combine(_folder, "merged.safetensors");
        using (var unet = WeightFiles.Open(basis))
        {
            WeightMerger.Write(merged, unet, Adapter());
        }

        using var delta = SafetensorsFile.Open(Path.Combine(Reference, "delta.safetensors"));
        using var file = SafetensorsFile.Open(merged);
        Assert.All(file.Tensors.Keys, key =>
        {
            var expected = delta.Tensors.ContainsKey($"unet.{key}") ? delta.ReadSingles($"unet.{key}")
                : new float[file.Tensors[key].Count];
            Assert.All(expected.Zip(file.ReadSingles(key)), p => Assert.Equal(p.First, p.Second, 1e-6f));
        });
    }

    /// <summary>Every setting that we write has the reference's value.</summary>
    private static void Same(string expected, string written, params string[] but)
    {
        using var theirs = JsonDocument.Parse(expected);
        using var ours = JsonDocument.Parse(written);
        Assert.All(ours.RootElement.EnumerateObject().Where(p => !but.Contains(p.Name)), p =>
            Assert.True(JsonElement.DeepEquals(theirs.RootElement.GetProperty(p.Name), p.Value),
                $"{p.Name}: {p.Value}, not {theirs.RootElement.GetProperty(p.Name)}"));
    }

    /// <summary>The UNet's part of the reference's adapter: rank 2, alpha 3.</summary>
    private static LoraWeights Adapter() => LoraFile.Read(Path.Combine(Reference, "peft", "unet"));

    private string Write(string form)
    {
        var path = Path.Combine(_folder, form == "peft" ? PeftLoraFormat.FileName : "lora.safetensors");
        switch (form)
        {
            case "diffusers":
                DiffusersLoraFormat.WriteWithStrength(path, Adapter());
                break;
            case "diffusers-folded":
                DiffusersLoraFormat.WriteFolded(path, Adapter());
                break;
            case "kohya":
                KohyaLoraFormat.Write(path, Adapter());
                break;
            default:
                PeftLoraFormat.Write(_folder, Adapter(), "x");
                break;
        }

        return path;
    }
}
