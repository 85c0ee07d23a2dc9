using AlignProp.Cli.Commands;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>Help, typos, and docs/cli.md, which is made of both.</summary>
public sealed class HelpTests
{
    [Fact]
    public void Every_verb_and_option_has_a_description_and_every_verb_an_example_of_itself()
    {
        var root = AlignPropCommand.Create(TextWriter.Null, TextWriter.Null, interactive: false, CancellationToken.None);
        foreach (var verb in root.Subcommands.Cast<Verb>())
        {
            Assert.False(string.IsNullOrWhiteSpace(verb.Description), verb.Name);
            Assert.True(verb.Examples.Any(e => e.Contains($"alignprop {verb.Name}", StringComparison.Ordinal))
                || verb.Name == "rewards", $"{verb.Name} has no example");
            Assert.All(verb.Options, o => Assert.False(string.IsNullOrWhiteSpace(o.Description), $"{verb.Name} {o.Name}"));
            Assert.All(verb.Arguments, a => Assert.False(string.IsNullOrWhiteSpace(a.Description), $"{verb.Name} {a.Name}"));
        }
    }

    [Fact]
    public async Task Help_of_a_verb_is_the_same_by_both_ways_and_ends_with_its_examples()
    {
        var (code, byVerb, _) = await CommandLine.RunAsync("help", "mix");
        Assert.Equal(0, code);
        Assert.Equal(byVerb, (await CommandLine.RunAsync("mix", "--help")).Output);
        Assert.Contains("--weights", byVerb);
        Assert.Contains("alignprop mix RUN-A RUN-B 0.5", byVerb[byVerb.IndexOf("Examples:", StringComparison.Ordinal)..]);
        var all = (await CommandLine.RunAsync("help")).Output;
        Assert.Contains("evaluate", all);
        Assert.DoesNotContain("Example: ", all);
        Assert.DoesNotContain("  reference ", all);
    }

    [Theory]
    [InlineData("trian", "did you mean train?")]
    [InlineData("stauts", "did you mean status?")]
    [InlineData("train --nodez 2", "did you mean --nodes?")]
    [InlineData("sample cat --adaptr x", "did you mean --adapter?")]
    [InlineData("help comapre", "did you mean compare?")]
    [InlineData("train --set learning-rate=1", "did you mean optimizer.learning-rate?")]
    [InlineData("evaluate none --reward colorfulness", "did you mean colourfulness?")]
    public async Task A_typo_is_answered_with_what_was_meant(string line, string expected)
    {
        var (code, output, error) = await CommandLine.RunAsync(line.Split(' '));
        Assert.Equal(2, code);
        Assert.Contains(expected, error);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Empty(output);
    }

    [Fact]
    public async Task What_is_like_nothing_gets_no_guess() =>
        Assert.DoesNotContain("did you mean", (await CommandLine.RunAsync("xyzzy-plugh")).Error);

    [Theory]
    [InlineData("ab", "ba", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("same", "same", 0)]
    public void Distance_counts_letters(string a, string b, int expected) => Assert.Equal(expected, Nearest.Distance(a, b));

    [Fact]
    public async Task The_document_is_what_the_program_says() =>
        Assert.Equal(await ReferenceCommand.RenderAsync(), await File.ReadAllTextAsync(ProjectFolder.Find("docs/cli.md")!));
}
