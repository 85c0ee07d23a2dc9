namespace AlignProp.Pretraining.Data;

/// <summary>A background colour and the word for it.</summary>
public sealed record BackgroundColour(string Name, byte Red, byte Green, byte Blue);

/// <summary>The backgrounds emoji are put on: white unless a caption names one of eight colours.</summary>
public static class BackgroundPalette
{
    /// <summary>The background of captions that name none.</summary>
    public static BackgroundColour White { get; } = new("white", 255, 255, 255);

    /// <summary>The colours captions name.</summary>
    public static IReadOnlyList<BackgroundColour> Colours { get; } =
    [
        new("red", 226, 62, 58),
        new("orange", 246, 148, 48),
        new("yellow", 250, 220, 72),
        new("green", 88, 184, 92),
        new("blue", 74, 134, 222),
        new("purple", 150, 92, 202),
        new("pink", 246, 156, 196),
        new("gray", 150, 152, 156),
    ];

    /// <summary>The colour of that name; null is white.</summary>
    public static BackgroundColour Find(string? name) =>
        name is null or "white" ? White
        : Colours.FirstOrDefault(colour => colour.Name == name)
            ?? throw new ArgumentException($"No background colour '{name}'.", nameof(name));
}
