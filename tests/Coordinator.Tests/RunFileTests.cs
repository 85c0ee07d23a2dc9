using AlignProp.Coordinator.Configuration;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

public sealed class RunFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-runfile-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_preset_loads()
    {
        Assert.Contains(RunFile.Default, RunFile.Presets());
        foreach (var preset in RunFile.Presets())
        {
            Assert.Equal(preset, RunFile.Load(preset, []).Name);
        }
    }

    [Fact]
    public void Defaults_are_overridden_by_extends_then_by_the_file_then_by_the_command_line()
    {
        var file = Write("extends = paper\nrun { batch.size = 64, name = mine }");
        var config = RunFile.Load(file, ["batch.size=32"]);
        Assert.Equal(32, config.Batch.Size);
        Assert.Equal("mine", config.Name);
        Assert.Equal(7.5, config.Sampling.GuidanceScale);
        Assert.Equal(4, config.Lora.Rank);
        Assert.Equal(64, RunFile.Load(file, []).Batch.Size);
    }

    [Fact]
    public void A_resolved_file_reads_back_as_the_same_run()
    {
        foreach (var preset in RunFile.Presets())
        {
            var config = RunFile.Load(preset, ["seed=12345678901234", "sampling.negative-prompt=a \"bad\" one"]);
            Assert.Equivalent(config, RunFile.Load(Write(RunFileWriter.Render(config)), []), strict: true);
        }
    }

    [Theory]
    [InlineData("run.sampling.stepz = 3", "unknown key run.sampling.stepz; did you mean sampling.steps?")]
    [InlineData("run.nonsense-altogether = 3", "unknown key run.nonsense-altogether")]
    [InlineData("steps = 3", "unknown key steps")]
    [InlineData("run.sampling.steps = many", "sampling.steps = many: expected a whole number, 1 to 1000")]
    [InlineData("run.sampling.steps = 0", "sampling.steps = 0: expected a whole number, 1 to 1000")]
    [InlineData("run.sampling.eta = 2", "sampling.eta = 2: expected a number, 0 to 1")]
    [InlineData("run.truncation.strategy = sometimes", "expected one of uniform, fixed, gaussian, full")]
    [InlineData("run.truncation { strategy = fixed, k = 60 }", "truncation.k = 60: expected 1 to sampling.steps (50)")]
    [InlineData("run.batch.shard-size = 5", "batch.shard-size = 5: expected a divisor of batch.size (16)")]
    [InlineData("run.lora.targets = []", "lora.targets")]
    [InlineData("run.lora.targets = to_q", "expected a list")]
    [InlineData("run.model.precision = int8", "expected one of fp32, bf16, fp16")]
    [InlineData("run.reward.sign = 0", "expected 1 or -1")]
    [InlineData("extends = no-such-preset", "no such run file")]
    [InlineData("run.sampling = \"unclosed", "run.sampling")]
    public void A_wrong_file_is_a_clear_error(string text, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => RunFile.Load(Write(text), []));
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("sampling.stepz=3", "did you mean sampling.steps?")]
    [InlineData("steps", "expected key=value")]
    [InlineData("sampling.steps=x", "expected a whole number")]
    public void A_wrong_override_is_a_clear_error(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => RunFile.Load("paper", [text])).Message);

    [Fact]
    public void An_empty_or_missing_prompt_file_is_a_clear_error()
    {
        Assert.Contains("file not found",
            Assert.Throws<ConfigException>(() => PromptFile.Load("prompts.training", Path.Combine(_folder, "none.txt"))).Message);
        Assert.Contains("no prompts",
            Assert.Throws<ConfigException>(() => PromptFile.Load("prompts.training", Write("# only a comment\n\n"))).Message);
    }

    private string Write(string text)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.conf");
        File.WriteAllText(path, text);
        return path;
    }
}
