namespace AlignProp.Adapters;

/// <summary>
/// A model file is missing, damaged or of another shape. The message names the file, the key and what would be right.
/// </summary>
public sealed class ModelFileException : Exception
{
    public ModelFileException(string message) : base(message) { }

    public ModelFileException(string message, Exception inner) : base(message, inner) { }
}
