namespace AlignProp.Pretraining.Data;

/// <summary>A family with one file an emoji, named by its code points.</summary>
internal sealed class EmojiFileFamily(string folder, string extension) : IEmojiFamily
{
    public async Task<RgbaImage?> DrawAsync(string codePoints, int size, CancellationToken cancellation)
    {
        var path = EmojiCodePoints.Spellings(codePoints)
            .Select(spelling => Path.Combine(folder, $"{spelling}.{extension}"))
            .FirstOrDefault(File.Exists);
        if (path is null)
        {
            return null;
        }

        if (extension == "svg")
        {
            return await SvgRasterizer.RenderAsync(await File.ReadAllTextAsync(path, cancellation), size, cancellation);
        }

        using var stream = File.OpenRead(path);
        return RgbaImage.Decode(stream);
    }
}
