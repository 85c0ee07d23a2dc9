using System.CommandLine;
using System.Text.Json;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Display;

/// <summary>
/// <c>--json</c>: one JSON document on standard output, camelCase, numbers that are none as texts; everything else goes to
/// standard error.
/// </summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions Options = new(RunHistory.Json)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    public static Option<bool> Option() => new("--json") { Description = "One JSON document on standard output, for scripts." };

    public static void Write<T>(TextWriter output, T value) => output.WriteLine(JsonSerializer.Serialize(value, Options));
}
