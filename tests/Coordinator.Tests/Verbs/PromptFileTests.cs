using System.Text;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>Prompt files as people have them.</summary>
public sealed class PromptFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-prompts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.json", """["a cat", "a \u00e9clair"]""")]
    [InlineData("a.json", """[{ "prompt": "a cat", "id": 3 }, { "prompt": " a \u00e9clair " }]""")]
    [InlineData("a.tsv", "Prompt\tCategory\tNote\na cat\tAnimals\t\na éclair\tFood\tx\n\n")]
    [InlineData("a.tsv", "Category\tprompt\r\nAnimals\ta cat\r\nFood\t\"a éclair\"\r\n")]
    [InlineData("a.txt", "# animals\na cat\n\n  a éclair\n")]
    public void Every_form_gives_its_prompts(string name, string text) =>
        Assert.Equal(["a cat", "a éclair"], PromptFile.Load("prompts.training", Write(name, text)));

    [Fact]
    public void A_quote_in_a_quoted_cell_is_one() =>
        Assert.Equal(["a sign that says \"go\""],
            PromptFile.Load("p", Write("a.tsv", "Prompt\n\"a sign that says \"\"go\"\"\"\n")));

    [Theory]
    [InlineData("a.json", """["a cat", 3]""",
        "entry 2 is Number; expected a list of texts, or of objects with a text \"prompt\" (p)")]
    [InlineData("a.json", "{ }", "Object; expected a list of texts")]
    [InlineData("a.json", "[\n\"a\",\n", "not JSON (line 3)")]
    [InlineData("a.json", "[]", "no prompts")]
    [InlineData("a.tsv", "Text\tNote\na\tb\n", "line 1 names no column Prompt (it has: Text, Note)")]
    [InlineData("a.tsv", "Note\tPrompt\na\n", "line 2 has 1 columns; Prompt is column 2")]
    public void What_is_none_of_its_form_is_refused_by_file_and_place(string name, string text, string expected)
    {
        var path = Write(name, text);
        var message = Assert.Throws<ConfigException>(() => PromptFile.Load("p", path)).Message;
        Assert.StartsWith($"{path}: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void A_split_is_the_same_for_a_seed_and_has_no_prompt_in_both()
    {
        string[] prompts = [.. Enumerable.Range(0, 20).Select(i => $"prompt {i % 15}"), "# not a line", "two\nlines"];
        var (training, heldOut) = PromptSplit.Of(prompts, "10/5", 3);
        Assert.Equal((10, 5), (training.Count, heldOut.Count));
        Assert.Equal(15, training.Concat(heldOut).Distinct().Count());
        Assert.Equal(training, PromptSplit.Of(prompts, "10/5", 3).Training);
        Assert.NotEqual(training, PromptSplit.Of(prompts, "10/5", 4).Training);
        Assert.Equal("--split 15/2: expected at most 16 in all, the different prompts that there are",
            Assert.Throws<ConfigException>(() => PromptSplit.Of(prompts, "15/2", 0)).Message);
        foreach (var wrong in new[] { "10", "0/5", "a/b", "5/5/5" })
        {
            Assert.Contains("expected TRAINING/HELD-OUT", Assert.Throws<ConfigException>(
                () => PromptSplit.Of(prompts, wrong, 0)).Message);
        }
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text, new UTF8Encoding(false));
        return path;
    }
}
