namespace AlignProp.Pretraining.Data;

/// <summary>
/// The file of an <see cref="EmojiDataset"/>, little endian: magic, version, size, count; the concepts (name, animal, split);
/// the styles; concept and style of each image; the pixels. Strings are length-prefixed UTF-8.
/// </summary>
internal static class EmojiDatasetFile
{
    private const uint Magic = 0x4A4F4D45; // "EMOJ"
    private const int Version = 1;

    public static void Write(EmojiDataset dataset, string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
        }

        var temporary = path + ".tmp";
        using (var writer = new BinaryWriter(File.Create(temporary)))
        {
            WriteHeader(writer, dataset);
            for (var image = 0; image < dataset.Count; image++)
            {
                writer.Write(dataset.ConceptIndex[image]);
                writer.Write(dataset.StyleIndex[image]);
            }

            writer.Write(dataset.Pixels);
        }

        File.Move(temporary, path, overwrite: true);
    }

    public static EmojiDataset Read(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        if (reader.ReadUInt32() != Magic || reader.ReadInt32() != Version)
        {
            throw new InvalidDataException($"{path} is not an emoji dataset of version {Version}.");
        }

        var size = reader.ReadInt32();
        var count = reader.ReadInt32();
        var concepts = new Concept[reader.ReadInt32()];
        for (var i = 0; i < concepts.Length; i++)
        {
            concepts[i] = new Concept(reader.ReadString(), reader.ReadBoolean(), (ConceptSplit)reader.ReadByte());
        }

        var styles = new string[reader.ReadInt32()];
        for (var i = 0; i < styles.Length; i++)
        {
            styles[i] = reader.ReadString();
        }

        var conceptIndex = new int[count];
        var styleIndex = new int[count];
        for (var image = 0; image < count; image++)
        {
            conceptIndex[image] = reader.ReadInt32();
            styleIndex[image] = reader.ReadInt32();
        }

        var pixels = new byte[checked(count * size * size * EmojiDataset.Channels)];
        reader.BaseStream.ReadExactly(pixels);
        return new EmojiDataset(size, pixels, conceptIndex, styleIndex, concepts, styles);
    }

    private static void WriteHeader(BinaryWriter writer, EmojiDataset dataset)
    {
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(dataset.Size);
        writer.Write(dataset.Count);
        writer.Write(dataset.Concepts.Count);
        foreach (var concept in dataset.Concepts)
        {
            writer.Write(concept.Name);
            writer.Write(concept.IsAnimal);
            writer.Write((byte)concept.Split);
        }

        writer.Write(dataset.Styles.Count);
        foreach (var style in dataset.Styles)
        {
            writer.Write(style);
        }
    }
}
