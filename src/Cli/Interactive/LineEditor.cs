namespace AlignProp.Cli.Interactive;

/// <summary>
/// One line of input with completion and history, in a terminal that understands ANSI. No well-kept package for this could be
/// restored where the project builds.
/// </summary>
/// <param name="key">The next key pressed.</param>
/// <param name="width">Columns of the terminal.</param>
internal sealed class LineEditor(TextWriter terminal, Func<ConsoleKeyInfo> key, Func<int> width, Completion completion,
    LineHistory history)
{
    private readonly System.Text.StringBuilder _text = new();
    private int _cursor;
    private int _back;
    private string _unfinished = "";

    /// <returns>Null at Ctrl-D on an empty line; an empty line after Ctrl-C.</returns>
    public string? Read(string prompt)
    {
        _text.Clear();
        (_cursor, _back) = (0, 0);
        Draw(prompt);
        while (true)
        {
            var pressed = key();
            switch (pressed.Key, pressed.Modifiers.HasFlag(ConsoleModifiers.Control))
            {
                case (ConsoleKey.Enter, _):
                    terminal.Write("\r\n");
                    return _text.ToString();
                case (ConsoleKey.C, true):
                    terminal.Write("^C\r\n");
                    return "";
                case (ConsoleKey.D, true) when _text.Length == 0:
                    terminal.Write("\r\n");
                    return null;
                case (ConsoleKey.Tab, _):
                    Complete(prompt);
                    break;
                case (ConsoleKey.UpArrow, _) or (ConsoleKey.P, true):
                    Recall(+1);
                    break;
                case (ConsoleKey.DownArrow, _) or (ConsoleKey.N, true):
                    Recall(-1);
                    break;
                default:
                    Edit(pressed);
                    break;
            }
            if (_cursor == 0 || !char.IsHighSurrogate(_text[_cursor - 1]))
            {
                // An emoji comes as two keys: half of one cannot be drawn.
                Draw(prompt);
            }
        }
    }

    private void Edit(ConsoleKeyInfo pressed)
    {
        var control = pressed.Modifiers.HasFlag(ConsoleModifiers.Control);
        switch (pressed.Key)
        {
            case ConsoleKey.LeftArrow when control:
                _cursor = WordBefore();
                break;
            case ConsoleKey.RightArrow when control:
                _cursor = WordAfter();
                break;
            case ConsoleKey.LeftArrow:
                _cursor = Before();
                break;
            case ConsoleKey.RightArrow:
                _cursor = After();
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                _cursor = 0;
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                _cursor = _text.Length;
                break;
            case ConsoleKey.Backspace when _cursor > 0:
                var begin = Before();
                _text.Remove(begin, _cursor - begin);
                _cursor = begin;
                break;
            case ConsoleKey.Delete or ConsoleKey.D when _cursor < _text.Length && (control || pressed.Key == ConsoleKey.Delete):
                _text.Remove(_cursor, After() - _cursor);
                break;
            case ConsoleKey.W when control:
                var from = WordBefore();
                _text.Remove(from, _cursor - from);
                _cursor = from;
                break;
            case ConsoleKey.U when control:
                _text.Remove(0, _cursor);
                _cursor = 0;
                break;
            case ConsoleKey.K when control:
                _text.Length = _cursor;
                break;
            case ConsoleKey.L when control:
                terminal.Write("\u001b[2J\u001b[H");
                break;
            default:
                if (!char.IsControl(pressed.KeyChar))
                {
                    _text.Insert(_cursor++, pressed.KeyChar);
                }
                break;
        }
    }

    private void Complete(string prompt)
    {
        var before = _text.ToString(0, _cursor);
        var word = before[(before.LastIndexOf(' ') + 1)..];
        var words = completion.Of(before);
        var common = Completion.Common(words);
        if (common.Length > word.Length || words.Count == 1)
        {
            var more = common[word.Length..] + (words.Count == 1 && !common.EndsWith('/') ? " " : "");
            _text.Insert(_cursor, more);
            _cursor += more.Length;
        }
        else if (words.Count > 1)
        {
            Draw(prompt);
            terminal.Write("\r\n");
            Columns(words);
        }
    }

    private void Columns(IReadOnlyList<string> words)
    {
        var each = words.Max(w => w.Length) + 2;
        foreach (var row in words.Chunk(Math.Max(1, width() / each)))
        {
            terminal.Write(string.Concat(row.Select(w => w.PadRight(each))).TrimEnd() + "\r\n");
        }
    }

    private void Recall(int step)
    {
        var target = Math.Clamp(_back + step, 0, history.Lines.Count);
        if (target == _back)
        {
            return;
        }
        _unfinished = _back == 0 ? _text.ToString() : _unfinished;
        _back = target;
        _text.Clear().Append(target == 0 ? _unfinished : history.Lines[^target]);
        _cursor = _text.Length;
    }

    /// <summary>Where the character before the cursor begins: what people see as one, however many code units it has.</summary>
    private int Before() => TextColumns.Starts(_text.ToString()).LastOrDefault(s => s < _cursor);

    private int After() => TextColumns.Starts(_text.ToString()).Append(_text.Length).First(s => s > _cursor || s == _text.Length);

    private int WordBefore()
    {
        var at = _cursor;
        while (at > 0 && _text[at - 1] == ' ')
        {
            at--;
        }
        while (at > 0 && _text[at - 1] != ' ')
        {
            at--;
        }
        return at;
    }

    private int WordAfter()
    {
        var at = _cursor;
        while (at < _text.Length && _text[at] == ' ')
        {
            at++;
        }
        while (at < _text.Length && _text[at] != ' ')
        {
            at++;
        }
        return at;
    }

    /// <summary>The line in one row: of a long one the part around the cursor.</summary>
    private void Draw(string prompt)
    {
        var room = Math.Max(10, width() - prompt.Length - 1);
        var (text, starts) = (_text.ToString(), TextColumns.Starts(_text.ToString()));
        var from = starts.Append(text.Length).First(s => s >= _cursor || TextColumns.Of(text[s.._cursor]) <= room);
        var to = starts.Append(text.Length).Last(s => s <= from || TextColumns.Of(text[from..s]) <= room);
        var column = prompt.Length + TextColumns.Of(text[from.._cursor]);
        terminal.Write($"\r\u001b[K{prompt}{text[from..to]}\r\u001b[{column}C");
        terminal.Flush();
    }
}
