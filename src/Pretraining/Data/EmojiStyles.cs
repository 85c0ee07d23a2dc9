namespace AlignProp.Pretraining.Data;

/// <summary>The drawing styles, one for each emoji family; an image's style index points into <see cref="Names"/>.</summary>
public static class EmojiStyles
{
    /// <summary>The words captions use.</summary>
    public static IReadOnlyList<string> Names { get; } = ["3d render", "flat icon", "cartoon", "sticker", "line drawing"];
}
