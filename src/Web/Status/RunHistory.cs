using System.Text.Json;
using System.Text.Json.Serialization;
using AlignProp.Adapters;
using AlignProp.Coordinator.Storage;

namespace AlignProp.Web.Status;

/// <summary>
/// What the dashboard shows of a run whose coordinator is gone: events.jsonl (a line an entry) and status.json (the newest
/// status) in the run's folder.
/// </summary>
public sealed class RunHistory(RunDirectory directory)
{
    /// <summary>Entries of earlier sittings that are read back.</summary>
    public const int Kept = 500;

    /// <summary>camelCase; numbers that are none as texts, as in metrics.jsonl.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        // Nothing of it is put into HTML: texts stay readable in the files.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <exception cref="IOException">The disk is full.</exception>
    public void Append(EventEntry entry) => File.AppendAllText(directory.Events, JsonSerializer.Serialize(entry, Json) + "\n");

    /// <exception cref="IOException">The disk is full.</exception>
    public void Save(LiveStatus status) =>
        DurableFile.Replace(directory.Status, stream => JsonSerializer.Serialize(stream, status with { Events = [] }, Json));

    /// <summary>The newest entries, numbered anew.</summary>
    public IReadOnlyList<EventEntry> Events() => !File.Exists(directory.Events) ? []
        : [.. File.ReadLines(directory.Events).TakeLast(Kept).Select(Read<EventEntry>).OfType<EventEntry>()
            .Select((e, i) => e with { Number = i + 1 })];

    public LiveStatus? Status() => File.Exists(directory.Status) ? Read<LiveStatus>(File.ReadAllText(directory.Status)) : null;

    /// <summary>Null for what a crash tore.</summary>
    private static T? Read<T>(string text) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
