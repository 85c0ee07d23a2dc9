using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Tests;

public class EmojiDatasetTests
{
    [Fact]
    public void A_saved_dataset_loads_as_it_was()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var path = Path.Combine(folder.FullName, "set.bin");
            var saved = SyntheticDataset.Create();
            saved.Save(path);
            var loaded = EmojiDataset.Load(path);

            Assert.Equal(saved.Size, loaded.Size);
            Assert.Equal(saved.Count, loaded.Count);
            Assert.Equal(saved.Pixels, loaded.Pixels);
            Assert.Equal(saved.ConceptIndex, loaded.ConceptIndex);
            Assert.Equal(saved.StyleIndex, loaded.StyleIndex);
            Assert.Equal(saved.Concepts, loaded.Concepts);
            Assert.Equal(saved.Styles, loaded.Styles);
            Assert.Single(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Composing_shows_the_background_where_the_picture_is_clear()
    {
        var chw = new float[12];
        SyntheticDataset.Create().Compose(0, background: null, flip: false, chw);
        Assert.Equal([1, 1, 1, 1, -1, 1, -1, 1, -1, 1, -1, 1], chw);
    }

    [Fact]
    public void Composing_flipped_mirrors_left_and_right()
    {
        var chw = new float[12];
        SyntheticDataset.Create().Compose(0, background: null, flip: true, chw);
        Assert.Equal([1, 1, 1, 1, 1, -1, 1, -1, 1, -1, 1, -1], chw);
    }

    [Fact]
    public void Composing_on_a_named_colour_gives_that_colour()
    {
        var chw = new float[12];
        SyntheticDataset.Create().Compose(1, "blue", flip: false, chw);
        var blue = BackgroundPalette.Find("blue");
        Assert.All(chw[..4], value => Assert.Equal((blue.Red / 127.5f) - 1f, value, 1e-6f));
        Assert.All(chw[8..], value => Assert.Equal((blue.Blue / 127.5f) - 1f, value, 1e-6f));
    }

    [Fact]
    public void An_unknown_background_is_an_error() =>
        Assert.Throws<ArgumentException>(() => SyntheticDataset.Create().Compose(0, "plaid", flip: false, new float[12]));
}
