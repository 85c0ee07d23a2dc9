using AlignProp.Cli.Commands;
using AlignProp.Cli.Interactive;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>The console: lines, keys, completion, history.</summary>
public sealed class ConsoleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-console-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Lines_of_a_pipe_are_run_until_quit_and_a_wrong_one_does_not_end_it()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var lines = new Queue<string>(["", "# a comment", "presets --json", "trian", "alignprop rewards", "console", "quit",
            "presets"]);
        var code = await ConsoleCommand.RunAsync(() => lines.TryDequeue(out var line) ? line : null, output, error,
            interactive: false);
        Assert.Equal(2, code);
        Assert.Contains("\"name\": \"emoji-preference\"", output.ToString());
        Assert.Contains("colourfulness", output.ToString());
        Assert.Contains("did you mean train?", error.ToString());
        Assert.Contains("this is the console", error.ToString());
        Assert.Equal("presets", Assert.Single(lines));
    }

    [Fact]
    public void Keys_edit_complete_and_recall()
    {
        var history = new LineHistory(Path.Combine(_folder, "state", "history"));
        Assert.Equal("status",
            Type(history, "stauts", Key(ConsoleKey.Backspace), Key(ConsoleKey.Backspace), Key(ConsoleKey.Backspace), "tus"));
        Assert.Equal("history --json", Type(history, "hist", Key(ConsoleKey.Tab), "--js", Key(ConsoleKey.Tab)).TrimEnd());
        history.Add("runs");
        history.Add("status --token secret");
        history.Add("nodes");
        Assert.Equal("runs", Type(history, Key(ConsoleKey.UpArrow), Key(ConsoleKey.UpArrow)));
        Assert.Equal("unfinished", Type(history, "unfinished", Key(ConsoleKey.UpArrow), Key(ConsoleKey.DownArrow)));
        Assert.Equal("xab", Type(history, "ab", Key(ConsoleKey.Home), "x"));
        Assert.Equal("a ", Type(history, "a bc", Control(ConsoleKey.W)));
        Assert.Equal("", Type(history, "ab", Control(ConsoleKey.C)));
        Assert.Equal("ab", Type(history, "a😀", Key(ConsoleKey.Backspace), "b"));
        Assert.Equal("a", Type(history, "a👩‍🚀", Key(ConsoleKey.Backspace)));
        Assert.Equal("e", Type(history, "ee\u0301", Key(ConsoleKey.Backspace)));
        Assert.Equal("x😀", Type(history, "😀", Key(ConsoleKey.LeftArrow), "x"));
        Assert.Equal("b", Type(history, "😀b", Key(ConsoleKey.Home), Key(ConsoleKey.Delete)));
        Assert.Equal(["runs", "nodes"], new LineHistory(Path.Combine(_folder, "state", "history")).Lines);
    }

    [Fact]
    public void Completion_knows_verbs_options_and_words()
    {
        var completion = Completion();
        Assert.Equal(["pause", "presets", "prompts"], completion.Of("p"));
        Assert.Contains("compare", completion.Of("help com"));
        Assert.Contains("--lora-scale", completion.Of("sample cat --lora"));
        Assert.Contains("emoji-preference", completion.Of("train emoji-p"));
        Assert.Contains("jpeg-size", completion.Of("evaluate none --reward jp"));
        Assert.DoesNotContain(completion.Of("train "), w => w.StartsWith('-'));
        File.WriteAllText(Path.Combine(_folder, "lora.safetensors"), "");
        Assert.Equal([Path.Combine(_folder, "lora.safetensors")], completion.Of($"export {_folder}/lo"));
    }

    [Theory]
    [InlineData("abc", 3)]
    [InlineData("a😀", 3)]
    [InlineData("👩‍🚀", 2)]
    [InlineData("e\u0301", 1)]
    [InlineData("パンダ", 6)]
    [InlineData("❤️", 2)]
    public void What_a_terminal_draws_wide_is_counted_wide(string text, int columns) =>
        Assert.Equal(columns, TextColumns.Of(text));

    [Fact]
    public void Where_no_node_can_be_asked_for_drain_completes_nothing_and_no_files() =>
        Assert.Empty(Completion().Of($"drain --runs {_folder} "));

    private static Completion Completion() =>
        new(AlignPropCommand.Create(TextWriter.Null, TextWriter.Null, interactive: false, CancellationToken.None));

    /// <summary>What comes of keys, and texts typed letter by letter, before Enter.</summary>
    private static string Type(LineHistory history, params object[] keys)
    {
        var queue = new Queue<ConsoleKeyInfo>(keys.SelectMany(k => k is string text
            ? text.Select(c => new ConsoleKeyInfo(c, (ConsoleKey)0, false, false, false)) : [(ConsoleKeyInfo)k])
            .Append(Key(ConsoleKey.Enter)));
        return new LineEditor(TextWriter.Null, queue.Dequeue, () => 80, Completion(), history).Read("> ")!;
    }

    private static ConsoleKeyInfo Key(ConsoleKey key) => new('\0', key, false, false, false);

    private static ConsoleKeyInfo Control(ConsoleKey key) => new('\0', key, false, false, true);
}
