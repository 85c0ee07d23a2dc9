using AlignProp.Adapters;
using AlignProp.Cli.Commands;
using AlignProp.Cli.Options;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

/// <summary>Bad input: one line that names the path and what would be right, exit code 2, nothing left behind.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-command-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string[], string> WrongTrainings => new()
    {
        { ["--set", "sampling.stepz=3"], "did you mean sampling.steps?" },
        { ["--set", "sampling.steps=none"], "sampling.steps = none: expected a whole number" },
        { ["--set", "prompts.training=no/such/prompts.txt"], "no/such/prompts.txt: file not found (prompts.training)" },
        { ["--set", "model.path=no/such/model"], "no/such/model: folder not found (model.path)" },
        { ["--set", "reward.name=beauty"], "reward.name = beauty: expected one of" },
        { ["--set", "reward.path=no/such/reward"], "file not found (reward.path)" },
        { ["--set", "lora.targets=[to_z]"], "of the denoiser ends with to_z" },
        { ["no-such-preset"], "no such run file, and no preset of that name" },
        { ["--nodes", "many"], "--nodes" },
        { ["--set", "model.precision=fp16", "--nodes", "1"], "model.precision = fp16: half precision runs on CUDA only" },
    };

    [Theory]
    [MemberData(nameof(WrongTrainings))]
    public async Task A_wrong_training_is_one_line_and_exit_code_2(string[] arguments, string expected)
    {
        var runs = Path.Combine(_folder, "runs");
        var (code, message) = await RunAsync(["train", "--runs", runs, .. arguments]);
        Assert.Equal(2, code);
        Assert.Contains(expected, message);
        Assert.Single(message.TrimEnd().Split('\n'));
        Assert.False(Directory.Exists(runs));
    }

    [Fact]
    public async Task A_model_folder_that_misses_a_part_or_has_wrong_shapes_is_named()
    {
        var model = Copy(ProjectFolder.Find("models/emoji-diffusion")!, Path.Combine(_folder, "model"));
        SafetensorsWriter.Write(Path.Combine(model, "unet", "diffusion_pytorch_model.safetensors"),
            [TensorData.FromSingles("conv_in.weight", [2, 2], new float[4])]);
        var (code, message) = await RunAsync(["train", "--runs", Path.Combine(_folder, "runs"), "--set", $"model.path={model}"]);
        Assert.Equal(2, code);
        Assert.Contains("conv_in.weight has shape [2, 2], expected [64, 4, 3, 3]", message);

        File.WriteAllText(Path.Combine(model, "unet", "diffusion_pytorch_model.safetensors"), "not safetensors");
        Assert.Contains("diffusion_pytorch_model.safetensors",
            (await RunAsync(["train", "--set", $"model.path={model}"])).Message);

        File.Delete(Path.Combine(model, "vae", "config.json"));
        Assert.Contains("config.json: file not found", (await RunAsync(["train", "--set", $"model.path={model}"])).Message);
    }

    [Theory]
    [InlineData("prompts.training", "train")]
    [InlineData("prompts.held-out", "train")]
    [InlineData("--prompts", "evaluate")]
    [InlineData("", "train")]
    public async Task A_file_that_is_not_utf_8_is_named_with_line_and_byte(string key, string verb)
    {
        var file = Path.Combine(_folder, "latin1.conf");
        File.WriteAllBytes(file, [.. "# a cat\nun caf"u8, 0xE9, .. "\n"u8]);
        string[] arguments = verb == "evaluate" ? ["none", "--reward", "colourfulness", "--prompts", file]
            : ["--runs", Path.Combine(_folder, "runs"), .. (string[])(key.Length > 0 ? ["--set", $"{key}={file}"] : [file])];
        var (code, message) = await RunAsync([verb, .. arguments]);
        Assert.Equal(2, code);
        Assert.Contains($"{file} line 2: not UTF-8: byte 15 is 0xE9", message);
        Assert.Single(message.TrimEnd().Split('\n'));
        Assert.False(Directory.Exists(Path.Combine(_folder, "runs")));
    }

    [Fact]
    public void A_word_of_the_command_line_that_is_not_utf_8_is_named()
    {
        var words = new[] { "sample", "un caf\uFFFD", "--out", "x.png" };
        byte[] bytes = [.. "dotnet\0AlignProp.Cli.dll\0sample\0un caf"u8, 0xE9, .. "\0--out\0x.png\0"u8];
        Assert.Contains("not UTF-8: byte 7 is 0xE9",
            Assert.Throws<ConfigException>(() => CommandLineText.Require(words, bytes)).Message);
        CommandLineText.Require(words, [.. "dotnet\0AlignProp.Cli.dll\0sample\0un caf\uFFFD\0--out\0x.png\0"u8]);
    }

    [Fact]
    public async Task An_unwritable_output_is_named()
    {
        var file = Path.Combine(_folder, "a-file");
        File.WriteAllText(file, "");
        var (code, message) = await RunAsync(["train", "--runs", Path.Combine(file, "runs")]);
        Assert.Equal(2, code);
        Assert.Contains("cannot be written to", message);
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        var runs = Path.Combine(_folder, "runs");
        var (code, message) = await RunAsync(["train", "--runs", runs, "--port", $"{port}"]);
        Assert.Equal(2, code);
        Assert.Contains($"port {port} is taken", message);
        Assert.False(Directory.Exists(runs));
    }

    [Fact]
    public async Task A_run_that_does_not_exist_is_named()
    {
        var (code, message) = await RunAsync(["resume", "no-such-run", "--runs", _folder]);
        Assert.Equal(2, code);
        Assert.Contains("no-such-run: no such run", message);
    }

    [Fact]
    public async Task An_adapter_of_another_model_is_named()
    {
        var adapter = Path.Combine(_folder, "other.safetensors");
        DiffusersLoraFormat.Write(adapter,
            LoraInitializer.Gaussian(
            [new AdapterSite("unet", "down_blocks.7.attentions.0.transformer_blocks.0.attn1.to_q", [8, 8])], 2, 1));
        var picture = Path.Combine(_folder, "sample.png");
        var (code, message) = await RunAsync(["sample", "a cat", "--adapter", adapter, "--out", picture]);
        Assert.Equal(2, code);
        Assert.Contains("an adapter of another model", message);
        Assert.False(File.Exists(picture));
    }

    [Fact]
    public async Task A_sample_is_a_picture()
    {
        var picture = Path.Combine(_folder, "sample.png");
        var (code, message) = await RunAsync(["sample", "a cat", "--steps", "4", "--count", "2", "--plain", "--out", picture]);
        Assert.True(code == 0, message);
        using var bitmap = SkiaSharp.SKBitmap.Decode(picture);
        Assert.Equal((512, 256), (bitmap.Width, bitmap.Height));
    }

    private static async Task<(int Code, string Message)> RunAsync(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(arguments, output, error, interactive: false, CancellationToken.None);
        return (code, error.ToString());
    }

    private static string Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return to;
    }
}
