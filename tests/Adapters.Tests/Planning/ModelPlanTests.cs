using AlignProp.Adapters.Inspection;
using AlignProp.Adapters.Planning;

namespace AlignProp.Adapters.Tests.Planning;

/// <summary>One plan for the loader, the check before a start and inspect.</summary>
public sealed class ModelPlanTests : IDisposable
{
    private static readonly string Emoji = Path.Combine(Fixture.Root, "models", "emoji-diffusion");

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-plan-").FullName;

    public ModelPlanTests()
    {
        foreach (var file in Directory.EnumerateFiles(Emoji, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(_folder, Path.GetRelativePath(Emoji, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("\"steps_offset\": 1", "\"steps_offset\": 0", "steps_offset = 0 is taken as 1")]
    [InlineData("\"steps_offset\": 1,", "", "steps_offset = 0 is taken as 1")]
    [InlineData("\"clip_sample\": false", "\"clip_sample\": true", "clip_sample = true is taken as false")]
    [InlineData(",\n  \"clip_sample\": false", "", "clip_sample = true is taken as false")]
    public void Old_scheduler_files_mean_what_the_pipeline_makes_of_them(string from, string to, string notice)
    {
        Change("scheduler/scheduler_config.json", from, to);
        var plan = ModelPlan.Of(_folder, new ModelOptions());
        Assert.Empty(plan.Problems);
        Assert.Equal(ModelPlan.Of(Emoji, new ModelOptions()).Scheduler, plan.Scheduler);
        Assert.Contains(notice, Assert.Single(plan.Notices));
    }

    [Theory]
    [InlineData("scheduler/scheduler_config.json", "DDIMScheduler", "EDMEulerScheduler", "_class_name = EDMEulerScheduler")]
    [InlineData("model_index.json", "AutoencoderKL", "AutoencoderTiny", "vae = [\"diffusers\",\"AutoencoderTiny\"]")]
    [InlineData("tokenizer/tokenizer_config.json", "\"model_max_length\": 16", "\"model_max_length\": 77", "16 positions")]
    [InlineData("tokenizer/vocab.json", "{", "{\"<zz>\": 5000, ", "<zz> has id 5000; expected ids below")]
    public void Inspect_and_the_loader_say_the_same(string file, string from, string to, string expected)
    {
        Change(file, from, to);
        var plan = ModelPlan.Of(_folder, new ModelOptions());
        Assert.Contains(expected, plan.Problems[0]);
        Assert.Equal(plan.Problems, Inspector.Inspect(_folder).Problems);
        Assert.StartsWith(plan.Problems[0], Assert.Throws<ModelFileException>(plan.RequireSound).Message);
    }

    private void Change(string file, string from, string to)
    {
        var path = Path.Combine(_folder, file);
        var text = File.ReadAllText(path);
        Assert.Contains(from, text);
        var at = text.IndexOf(from, StringComparison.Ordinal);
        File.WriteAllText(path, text[..at] + to + text[(at + from.Length)..]);
    }
}
