using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Tests;

public class CaptionTests
{
    private static readonly CaptionSampler _sampler = new(SyntheticDataset.Create());

    [Fact]
    public void The_same_seed_gives_the_same_captions() => Assert.Equal(Draw(100), Draw(100));

    [Fact]
    public void Six_of_ten_captions_name_the_style_and_two_of_ten_a_background()
    {
        var captions = Draw(10_000);
        Assert.InRange(captions.Count(c => c.Caption.Contains("3d render of an ice cream")), 5_700, 6_300);
        Assert.InRange(captions.Count(c => c.Background is not null), 1_800, 2_200);
        Assert.All(captions, c => Assert.Equal(c.Background is not null, c.Caption.EndsWith($" {c.Background} background")));
    }

    [Fact]
    public void Every_sampled_caption_is_one_of_all_captions()
    {
        var all = Captions.AllCaptions(SyntheticDataset.Create().Concepts).ToHashSet();
        Assert.All(Draw(1_000), c => Assert.Contains(c.Caption, all));
    }

    [Theory]
    [InlineData("ant", "an ant")]
    [InlineData("unicorn", "a unicorn")]
    [InlineData("umbrella", "an umbrella")]
    [InlineData("cat", "a cat")]
    public void Articles_follow_the_sound(string name, string phrase) => Assert.Equal(phrase, English.WithArticle(name));

    [Fact]
    public void The_vocabulary_has_names_styles_and_colours()
    {
        var words = CaptionVocabulary.Words();
        Assert.Equal(words.Distinct().Order(StringComparer.Ordinal), words);
        Assert.All(["a", "an", "of", "on", "background", "3d", "drawing", "sticker", "blue", "cat", "kangaroo"],
            word => Assert.Contains(word, words));
    }

    private static List<SampledCaption> Draw(int count)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ => _sampler.Sample(0, random))];
    }
}
