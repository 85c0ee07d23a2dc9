using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace AlignProp.Adapters;

/// <summary>Identity of everything a reward reads: its folder or file, and the image-text model its config.json names.</summary>
public static class RewardFingerprint
{
    /// <summary>Lower-case hex; the empty string for an empty path (a reward without files).</summary>
    /// <exception cref="DirectoryNotFoundException">The path, or the folder its config.json names, does not exist.</exception>
    public static string Of(string path)
    {
        if (path.Length == 0)
        {
            return "";
        }
        var own = ModelFingerprint.Of(path);
        return ClipFolder(path) is { } clip
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{own}\n{ModelFingerprint.Of(clip)}"))) : own;
    }

    /// <summary>The folder named by "clip" in config.json, where there is one and it lies outside.</summary>
    public static string? ClipFolder(string folder)
    {
        var config = Path.Combine(folder, "config.json");
        if (!File.Exists(config))
        {
            return null;
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(config));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("clip", out var clip)
                && clip.ValueKind == JsonValueKind.String && clip.GetString() is { Length: > 0 } name && name != "."
                ? Path.GetFullPath(Path.Combine(folder, name))
                : null;
        }
        catch (JsonException)
        {
            // Whoever loads the reward says what is wrong with it.
            return null;
        }
    }
}
