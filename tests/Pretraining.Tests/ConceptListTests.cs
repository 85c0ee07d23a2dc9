using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Tests;

public class ConceptListTests
{
    [Fact]
    public void Every_training_prompt_is_a_training_concept_and_the_other_way_round() =>
        Assert.Equal(Prompts("animals-training.txt"), Names(c => c.Split == ConceptSplit.Train));

    [Fact]
    public void Every_held_out_prompt_is_an_evaluation_concept_and_the_other_way_round() =>
        Assert.Equal(Prompts("animals-heldout.txt"), Names(c => c.Split == ConceptSplit.Eval));

    [Fact]
    public void Every_object_prompt_is_an_object_and_the_other_way_round() =>
        Assert.Equal(Prompts("objects.txt"), Names(c => !c.IsAnimal));

    [Fact]
    public void All_45_training_animals_are_there() =>
        Assert.Equal(45, ConceptList.Embedded.Concepts.Count(c => c is { IsAnimal: true, Split: ConceptSplit.Train }));

    [Fact]
    public void A_concept_of_two_kinds_is_an_error() => Assert.Throws<FormatException>(
        () => ConceptList.Parse(new StringReader("1f431 | cat | animal | train\n1f408 | cat | object | train")));

    private static IEnumerable<string> Names(Func<Concept, bool> which) =>
        ConceptList.Embedded.Concepts.Where(which).Select(concept => concept.WithArticle);

    private static string[] Prompts(string file) => File.ReadAllLines(Path.Combine(Root(), "prompts", file));

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("The repository's root is not above the tests.");
    }
}
