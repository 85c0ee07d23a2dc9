using System.Buffers;

namespace AlignProp.Adapters.Configurations;

/// <summary>
/// Python's json writes NaN, Infinity and -Infinity bare (lambda_min_clipped of every DPMSolver configuration), which JSON does
/// not have: here they become strings.
/// </summary>
internal static class PythonJson
{
    public static ReadOnlyMemory<byte> Standard(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("NaN"u8) < 0 && json.IndexOf("Infinity"u8) < 0)
        {
            return json.ToArray();
        }
        var output = new ArrayBufferWriter<byte>(json.Length + 64);
        var inString = false;
        for (var i = 0; i < json.Length;)
        {
            var rest = json[i..];
            var word = inString ? 0 : rest.StartsWith("-Infinity"u8) ? 9 : rest.StartsWith("Infinity"u8) ? 8
                : rest.StartsWith("NaN"u8) ? 3 : 0;
            if (word > 0)
            {
                output.Write("\""u8);
                output.Write(rest[..word]);
                output.Write("\""u8);
                i += word;
                continue;
            }
            var length = inString && rest[0] == '\\' && rest.Length > 1 ? 2 : 1;
            inString ^= rest[0] == '"';
            output.Write(rest[..length]);
            i += length;
        }
        return output.WrittenMemory;
    }
}
