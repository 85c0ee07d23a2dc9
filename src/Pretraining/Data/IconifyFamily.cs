using System.Text.Json;

namespace AlignProp.Pretraining.Data;

/// <summary>A family in the Iconify layout: SVG bodies in <c>icons.json</c>, code points in <c>chars.json</c>.</summary>
internal sealed class IconifyFamily : IEmojiFamily
{
    private readonly JsonElement _icons;
    private readonly JsonElement _chars;
    private readonly int _width;
    private readonly int _height;

    public IconifyFamily(string folder)
    {
        var set = Read(Path.Combine(folder, "icons.json"));
        _chars = Read(Path.Combine(folder, "chars.json"));
        _icons = set.GetProperty("icons");
        _width = set.GetProperty("width").GetInt32();
        _height = set.GetProperty("height").GetInt32();
    }

    public async Task<RgbaImage?> DrawAsync(string codePoints, int size, CancellationToken cancellation) =>
        Document(codePoints) is { } svg ? await SvgRasterizer.RenderAsync(svg, size, cancellation) : null;

    private static JsonElement Read(string path)
    {
        using var stream = File.OpenRead(path);
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    private string? Document(string codePoints)
    {
        foreach (var spelling in EmojiCodePoints.Spellings(codePoints))
        {
            if (_chars.TryGetProperty(spelling, out var name) && _icons.TryGetProperty(name.GetString()!, out var icon))
            {
                var width = icon.TryGetProperty("width", out var own) ? own.GetDouble() : _width;
                var height = icon.TryGetProperty("height", out own) ? own.GetDouble() : _height;
                return $"<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
                    + $"viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" color=\"#000\">"
                    + $"{icon.GetProperty("body").GetString()}</svg>";
            }
        }

        return null;
    }
}
