using AlignProp.Messages.Configuration;

namespace AlignProp.Messages.Tests;

/// <summary>The table of keys: what the file of defaults, the reader and the writer are made of.</summary>
public class RunKeyTests
{
    [Fact]
    public void The_file_of_defaults_is_the_table() =>
        Assert.Equal(RunFileWriter.RenderDefaults(), RunFile.PresetText("defaults"));

    [Fact]
    public void What_no_file_sets_has_the_default_of_its_row()
    {
        var config = RunFile.Load("paper",
            [.. RunKeys.All.Where(k => k.Path != "lora.targets").Select(k => $"{k.Path}={k.RenderDefault()}")]);
        Assert.All(RunKeys.All.Where(k => !k.Rule.IsPath),
            k => Assert.Equal(k.RenderDefault(), k.Render(RunKeys.SectionOf(config, k))));
    }

    [Fact]
    public void Every_key_is_named_once_in_kebab_case_and_has_a_meaning()
    {
        Assert.Equal(RunKeys.All.Count, RunKeys.Paths.Count);
        Assert.All(RunKeys.All.Concat(RunKeys.OfTerm), k => Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", k.Name));
        Assert.All(RunKeys.All.Concat(RunKeys.OfTerm), k => Assert.NotEmpty(k.Rule.Meaning));
        Assert.Equal("model.threads-per-shard", RunKeys.Find("model.threads-per-shard").Path);
        Assert.Equal("lora.init-sha256", RunKeys.All.Single(k => k.Property.Name == nameof(LoraConfig.InitSha256)).Path);
    }

    [Fact]
    public void A_word_may_stand_for_a_list_where_its_row_says_so()
    {
        Assert.Equal(["all-linear"], RunFile.Load("paper", ["lora.targets=all-linear"]).Lora.Targets);
        Assert.Contains("lora.targets = to_q: expected a list, e.g. [to_q, to_v], or all-linear",
            Assert.Throws<ConfigException>(() => RunFile.Load("paper", ["lora.targets=to_q"])).Message);
    }

    [Fact]
    public void Every_number_and_word_out_of_its_range_is_refused_by_its_key()
    {
        foreach (var key in RunKeys.All.Where(k => !double.IsNaN(k.Rule.Min) || k.Rule.OneOf.Length > 0))
        {
            var wrong = key.Rule.OneOf.Length > 0 ? "nonsense" : $"{(long)key.Rule.Min - 2}";
            var error = Assert.Throws<ConfigException>(() => RunFile.Load("paper", [$"{key.Path}={wrong}"]));
            Assert.Contains($"{key.Path} = {wrong}: expected ", error.Message);
        }
    }
}
