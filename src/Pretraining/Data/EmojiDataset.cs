namespace AlignProp.Pretraining.Data;

/// <summary>The pretraining pictures in memory: square premultiplied RGBA, each with its concept and its style.</summary>
public sealed class EmojiDataset
{
    /// <summary>Bytes a pixel.</summary>
    public const int Channels = 4;

    /// <summary>Takes over the arrays, checking that they fit together.</summary>
    public EmojiDataset(
        int size,
        byte[] pixels,
        int[] conceptIndex,
        int[] styleIndex,
        IReadOnlyList<Concept> concepts,
        IReadOnlyList<string> styles)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(conceptIndex);
        ArgumentNullException.ThrowIfNull(styleIndex);
        ArgumentNullException.ThrowIfNull(concepts);
        ArgumentNullException.ThrowIfNull(styles);
        if (styleIndex.Length != conceptIndex.Length || pixels.Length != (long)conceptIndex.Length * size * size * Channels)
        {
            throw new ArgumentException("Pixels, concepts and styles are of different counts.");
        }

        if (conceptIndex.Any(index => (uint)index >= concepts.Count) || styleIndex.Any(index => (uint)index >= styles.Count))
        {
            throw new ArgumentException("An image points to a concept or a style that does not exist.");
        }

        Size = size;
        Pixels = pixels;
        ConceptIndex = conceptIndex;
        StyleIndex = styleIndex;
        Concepts = concepts;
        Styles = styles;
    }

    /// <summary>Width and height of every picture.</summary>
    public int Size { get; }

    /// <summary>The number of pictures.</summary>
    public int Count => ConceptIndex.Length;

    /// <summary>All pictures one after another: Count x Size x Size x 4, premultiplied RGBA.</summary>
    public byte[] Pixels { get; }

    /// <summary>For each picture its place in <see cref="Concepts"/>.</summary>
    public int[] ConceptIndex { get; }

    /// <summary>For each picture its place in <see cref="Styles"/>.</summary>
    public int[] StyleIndex { get; }

    /// <summary>What the pictures show.</summary>
    public IReadOnlyList<Concept> Concepts { get; }

    /// <summary>How the pictures are drawn.</summary>
    public IReadOnlyList<string> Styles { get; }

    /// <summary>The pixels of one picture.</summary>
    public ReadOnlySpan<byte> Image(int image)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(image);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(image, Count);
        var length = Size * Size * Channels;
        return Pixels.AsSpan(image * length, length);
    }

    /// <summary>Puts a picture on a background (null is white): [3, Size, Size] floats in [-1, 1], mirrored if asked.</summary>
    public void Compose(int image, string? background, bool flip, Span<float> chw)
    {
        var backdrop = BackgroundPalette.Find(background);
        var area = Size * Size;
        if (chw.Length != 3 * area)
        {
            throw new ArgumentException($"Expected room for {3 * area} floats.", nameof(chw));
        }

        var source = Image(image);
        ReadOnlySpan<byte> colour = [backdrop.Red, backdrop.Green, backdrop.Blue];
        for (var y = 0; y < Size; y++)
        {
            for (var x = 0; x < Size; x++)
            {
                var pixel = source.Slice(((y * Size) + (flip ? Size - 1 - x : x)) * Channels, Channels);
                var through = (255 - pixel[3]) / 255f;
                for (var c = 0; c < 3; c++)
                {
                    chw[(c * area) + (y * Size) + x] = ((pixel[c] + (colour[c] * through)) / 127.5f) - 1f;
                }
            }
        }
    }

    /// <summary>Reads a file written by <see cref="Save"/>.</summary>
    public static EmojiDataset Load(string path) => EmojiDatasetFile.Read(path);

    /// <summary>Writes the dataset beside the target first, then renames: a reader never sees half a file.</summary>
    public void Save(string path) => EmojiDatasetFile.Write(this, path);
}
