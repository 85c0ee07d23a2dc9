namespace AlignProp.Pretraining.Data;

/// <summary>A caption and the background it asks for; null is white.</summary>
public readonly record struct SampledCaption(string Caption, string? Background);

/// <summary>
/// Draws captions for pictures: 60 % name the style, the others are "a cat" or "cat"; 20 % name a background colour.
/// Empty captions for guidance are the trainer's business.
/// </summary>
public sealed class CaptionSampler(EmojiDataset dataset)
{
    private const double StyledShare = 0.6;
    private const double BackgroundShare = 0.2;

    /// <summary>Draws a caption for a picture. Always takes four draws from <paramref name="random"/>.</summary>
    public SampledCaption Sample(int image, Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var form = random.NextDouble();
        var article = random.NextDouble() < 0.5;
        var coloured = random.NextDouble() < BackgroundShare;
        var colour = BackgroundPalette.Colours[random.Next(BackgroundPalette.Colours.Count)].Name;

        var concept = dataset.Concepts[dataset.ConceptIndex[image]];
        var caption = form < StyledShare ? Captions.Styled(dataset.Styles[dataset.StyleIndex[image]], concept)
            : article ? concept.WithArticle
            : concept.Name;
        var background = coloured ? colour : null;
        return new SampledCaption(Captions.On(caption, background), background);
    }
}
