namespace AlignProp.GpuNode.Compute;

/// <summary>
/// The native libraries beside the node, which a build may link into the builder's own package folder: another user who may not
/// read it would be told of a type initializer, and of nothing that helps.
/// </summary>
internal static class NativeFiles
{
    /// <exception cref="IOException">One cannot be read; the message names it and where it leads.</exception>
    public static void RequireReadable(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "lib*.so*").Order(StringComparer.Ordinal))
        {
            try
            {
                using var _ = File.OpenRead(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                var target = new FileInfo(file).LinkTarget is { } link ? $" -> {link}" : "";
                throw new IOException($"{file}{target}: cannot be read by user {Environment.UserName} ({e.Message}); let this "
                    + "user read it, or build as this user", e);
            }
        }
    }
}
