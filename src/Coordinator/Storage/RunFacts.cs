using System.Text.Json;
using AlignProp.Adapters;

namespace AlignProp.Coordinator.Storage;

/// <summary>What is kept of a run besides its settings: <c>run.json</c>.</summary>
/// <param name="Started">When the run was begun, however often it was resumed.</param>
/// <param name="Port">Where its dashboard listened last, so that a page that was left open finds it again.</param>
public sealed record RunFacts(DateTimeOffset Started, int? Port = null)
{
    private sealed record Beginning(DateTimeOffset Time);

    /// <summary>Of a run of an older version: when its first event was, or its folder was made.</summary>
    public static RunFacts Of(RunDirectory directory) => Read<RunFacts>(directory.Facts, whole: true)
        ?? new RunFacts(Read<Beginning>(directory.Events, whole: false)?.Time
            ?? new DateTimeOffset(Directory.GetCreationTimeUtc(directory.Folder), TimeSpan.Zero));

    public void Save(RunDirectory directory) =>
        DurableFile.Replace(directory.Facts, stream => JsonSerializer.Serialize(stream, this, JsonSerializerOptions.Web));

    private static T? Read<T>(string path, bool whole) where T : class
    {
        try
        {
            var text = !File.Exists(path) ? null : whole ? File.ReadAllText(path) : File.ReadLines(path).FirstOrDefault();
            return text is null ? null : JsonSerializer.Deserialize<T>(text, JsonSerializerOptions.Web);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
