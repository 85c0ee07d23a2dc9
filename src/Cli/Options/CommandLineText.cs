using System.Text;
using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Options;

/// <summary>
/// Whether the words of the command line are text. .NET puts a replacement character where bytes are not UTF-8; the bytes
/// themselves say whether that is what was typed.
/// </summary>
internal static class CommandLineText
{
    private const char Replacement = '�';

    /// <exception cref="ConfigException">A word is not UTF-8.</exception>
    public static void Require(IReadOnlyList<string> words)
    {
        if (words.Any(w => w.Contains(Replacement)) && File.Exists("/proc/self/cmdline"))
        {
            Require(words, File.ReadAllBytes("/proc/self/cmdline"));
        }
    }

    /// <param name="bytes">The process's words, each with a zero byte after it; the program's own are the last.</param>
    internal static void Require(IReadOnlyList<string> words, byte[] bytes)
    {
        List<byte[]> all = [];
        for (int start = 0, end; start < bytes.Length; start = end + 1)
        {
            end = Array.IndexOf(bytes, (byte)0, start) is >= 0 and var found ? found : bytes.Length;
            all.Add(bytes[start..end]);
        }
        foreach (var (word, raw) in words.Zip(all.TakeLast(words.Count)))
        {
            if (Utf8Text.Problem(raw) is { } problem)
            {
                throw new ConfigException(
                    $"\"{word}\": {problem["line 1: ".Length..]} of this word; expected UTF-8 on the command line");
            }
        }
    }
}
