namespace AlignProp.Adapters;

/// <summary>What the first bytes of a file say it is.</summary>
internal enum FileKind
{
    Safetensors,
    Zip,
    OldPickle,
    OldTar,
    LfsPointer,
    Gguf,
    Hdf5,
    Html,
    Picture,
}

/// <summary>Tells files of weights, and what is often found in their place, by content.</summary>
internal static class FileSignature
{
    private const int TarMagic = 257;

    /// <summary>Whatever has no signature is taken for safetensors, whose reader says what is wrong with it.</summary>
    internal static FileKind Of(MappedBytes bytes)
    {
        var head = bytes.Span(0, (int)Math.Min(bytes.Length, 512));
        return head switch
        {
            _ when head.StartsWith("PK"u8) => FileKind.Zip,
            _ when head.StartsWith("version https://git-lfs"u8) => FileKind.LfsPointer,
            _ when head.StartsWith("GGUF"u8) => FileKind.Gguf,
            _ when head.StartsWith(new byte[] { 0x89, (byte)'H', (byte)'D', (byte)'F' }) => FileKind.Hdf5,
            _ when head.StartsWith(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' })
                || head.StartsWith(new byte[] { 0xff, 0xd8, 0xff }) => FileKind.Picture,
            _ when head.StartsWith("<!DOCTYPE"u8) || head.StartsWith("<html"u8) => FileKind.Html,
            _ when head.Length > TarMagic + 5 && head[TarMagic..].StartsWith("ustar"u8) => FileKind.OldTar,
            // PROTO n: no safetensors header starts so, for byte 8 of one is the brace of its JSON.
            _ when head.Length > 2 && head[0] == 0x80 && head[1] is >= 1 and <= 5
                && !(head.Length > 8 && head[8] == '{') => FileKind.OldPickle,
            _ => FileKind.Safetensors,
        };
    }

    /// <summary>What to do about a file that is not read.</summary>
    internal static string WhyNot(FileKind kind) => kind switch
    {
        FileKind.OldPickle or FileKind.OldTar =>
            "is in PyTorch's old format (before 1.6), which is not read; convert it once in Python: torch.save(torch.load(FILE, "
                + "weights_only=True), NEW_FILE)",
        FileKind.LfsPointer => "is a Git LFS pointer, not the weights; fetch them with: git lfs pull",
        FileKind.Gguf => "is a GGUF file; expected safetensors or a PyTorch zip file",
        FileKind.Hdf5 => "is an HDF5 file (Keras); expected safetensors or a PyTorch zip file",
        FileKind.Html => "is a web page, not weights: the download went wrong (does the model ask for a login?)",
        FileKind.Picture => "is a picture; expected safetensors or a PyTorch zip file",
        _ => "is neither safetensors nor a PyTorch zip file",
    };
}
