using System.Collections.Immutable;
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
    /// <summary>Entries that are kept in memory, steps not counted.</summary>
    public const int Kept = 500;

    /// <summary>Steps among them: many steps do not drive out what happened.</summary>
    public const int KeptSteps = 200;

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

    /// <summary>
    /// The newest entries, numbered by their place in the file: a page that was left open goes on where it was, although the
    /// coordinator is another one.
    /// </summary>
    public IReadOnlyList<EventEntry> Events() => !File.Exists(directory.Events) ? []
        : File.ReadLines(directory.Events).Select(Read<EventEntry>).OfType<EventEntry>()
            .Select((e, i) => e with { Number = i + 1 }).Aggregate(ImmutableList<EventEntry>.Empty, With);

    /// <summary>With one more, and without the oldest of its sort where there are too many.</summary>
    public static ImmutableList<EventEntry> With(ImmutableList<EventEntry> events, EventEntry entry)
    {
        var step = entry.Kind == EventEntry.StepKind;
        var alike = events.Count(e => e.Kind == EventEntry.StepKind == step);
        return (alike < (step ? KeptSteps : Kept) ? events
            : events.RemoveAt(events.FindIndex(e => e.Kind == EventEntry.StepKind == step))).Add(entry);
    }

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
