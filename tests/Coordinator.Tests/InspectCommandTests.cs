using System.Security.Cryptography;
using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Cli.Commands;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

public sealed class InspectCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_shipped_pipeline_is_shown_as_a_table()
    {
        var (code, output, _) = await RunAsync(ProjectFolder.Find("models/emoji-diffusion")!);
        Assert.Equal(0, code);
        Assert.Contains("diffusers pipeline", output);
        Assert.Contains("4,283,012", output);
        Assert.Contains("no problems found", output);
    }

    [Fact]
    public async Task Json_is_for_scripts_and_the_hash_is_that_of_the_file()
    {
        var model = ProjectFolder.Find("models/emoji-diffusion")!;
        var (code, output, _) = await RunAsync(model, "--json", "--hash");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        Assert.Equal("unet", json.RootElement.GetProperty("parts")[0].GetProperty("name").GetString());
        Assert.Equal("epsilon", json.RootElement.GetProperty("facts").GetProperty("prediction type").GetString());
        Assert.Empty(json.RootElement.GetProperty("problems").EnumerateArray());
        var name = Path.Combine("unet", "diffusion_pytorch_model.safetensors");
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(model, name)))),
            json.RootElement.GetProperty("sha256").GetProperty(name).GetString());
    }

    [Theory]
    [InlineData("no/such/path", "no/such/path: there is no such file or folder")]
    [InlineData("empty", "no weights in this folder")]
    [InlineData("words.safetensors", "words.safetensors: not a safetensors file, or damaged")]
    public async Task A_bad_path_is_one_line_and_exit_code_2(string path, string expected)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        File.WriteAllText(Path.Combine(_folder, "words.safetensors"), "these are words");
        var (code, output, error) = await RunAsync(path.StartsWith("no/", StringComparison.Ordinal) ? path
            : Path.Combine(_folder, path));
        Assert.Equal(2, code);
        Assert.Contains(expected, error);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Empty(output);
    }

    [Fact]
    public async Task Escape_sequences_of_a_file_do_not_reach_the_terminal()
    {
        var path = Path.Combine(_folder, "lora.safetensors");
        SafetensorsWriter.Write(path, [TensorData.FromSingles("a[red].lora_A\u001b[2J.weight", [1, 1], [1])],
            new Dictionary<string, string> { ["\u001b[2Jkey"] = "[bold]\u001b[31mvalue\n" });
        var (code, output, _) = await RunAsync(path);
        Assert.Equal(2, code);
        Assert.DoesNotContain("\u001b[2J", output);
        Assert.Contains("[bold]", output);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(["inspect", .. arguments], output, error, interactive: false,
            CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }
}
