namespace AlignProp.Pretraining.Data;

/// <summary>One emoji family: a package of pictures in one style.</summary>
public interface IEmojiFamily
{
    /// <summary>The picture of an emoji at about <paramref name="size"/> pixels; null if the family lacks it.</summary>
    Task<RgbaImage?> DrawAsync(string codePoints, int size, CancellationToken cancellation);
}
