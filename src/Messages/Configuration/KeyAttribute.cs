namespace AlignProp.Messages.Configuration;

/// <summary>
/// Makes a property a key of the run file: its row in <see cref="RunKeys"/>. The property's name in kebab case is the key's name,
/// its type the value's type, its initial value the default.
/// </summary>
/// <param name="meaning">
/// For people; what hocon/runs/defaults.conf says above the key, a blank line between paragraphs. The range is added.
/// </param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class KeyAttribute(string meaning) : Attribute
{
    public string Meaning { get; } = meaning;

    /// <summary>Smallest number allowed; NaN = no bound.</summary>
    public double Min { get; init; } = double.NaN;

    /// <summary>Largest number allowed; NaN = no bound.</summary>
    public double Max { get; init; } = double.NaN;

    /// <summary>The words allowed; empty = any. Of a list: words that may stand in its place.</summary>
    public string[] OneOf { get; init; } = [];

    /// <summary>A file or folder: looked for in the current folder, then beside the project.</summary>
    public bool IsPath { get; init; }

    /// <summary>The whole value must match it; <see cref="Allowed"/> says what it means.</summary>
    public string Pattern { get; init; } = "";

    /// <summary>The range in words, where bounds alone would say it badly; empty = made of the bounds.</summary>
    public string Allowed { get; init; } = "";
}
