namespace AlignProp.Pretraining.Data;

/// <summary>Which package draws which style.</summary>
public static class EmojiFamilies
{
    /// <summary>The families of an npm folder, in the order of <see cref="EmojiStyles.Names"/>.</summary>
    public static IReadOnlyList<IEmojiFamily> Open(string npmFolder)
    {
        var modules = Path.Combine(npmFolder, "node_modules");
        return
        [
            new EmojiFileFamily(Path.Combine(modules, "@lobehub", "fluent-emoji-3d", "assets"), "webp"),
            new EmojiFileFamily(Path.Combine(modules, "@lobehub", "fluent-emoji-flat", "assets"), "svg"),
            new IconifyFamily(Path.Combine(modules, "@iconify-json", "noto")),
            new IconifyFamily(Path.Combine(modules, "@iconify-json", "twemoji")),
            new IconifyFamily(Path.Combine(modules, "@iconify-json", "fluent-emoji-high-contrast")),
        ];
    }
}
