namespace AlignProp.Pretraining.Commands;

/// <summary>Options of a subcommand, <c>--name value</c> each; a name the command does not know is an error.</summary>
public sealed class CommandOptions
{
    private readonly Dictionary<string, string> _values = [];

    /// <summary>Parses the arguments after the subcommand's name.</summary>
    public CommandOptions(IReadOnlyList<string> arguments, params IReadOnlyList<string> known)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(known);
        for (var i = 0; i < arguments.Count; i += 2)
        {
            var name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : "";
            if (!known.Contains(name) || i + 1 == arguments.Count)
            {
                throw new ArgumentException(
                    $"Unknown option or value missing: {arguments[i]}. Options: --{string.Join(" --", known)}");
            }

            _values[name] = arguments[i + 1];
        }
    }

    /// <summary>A value that must be given.</summary>
    public string Required(string name) =>
        _values.GetValueOrDefault(name) ?? throw new ArgumentException($"--{name} is missing.");

    /// <summary>A value, or what holds without it.</summary>
    public string Get(string name, string otherwise) => _values.GetValueOrDefault(name, otherwise);

    /// <summary>A whole number, or what holds without it.</summary>
    public int Get(string name, int otherwise) => _values.TryGetValue(name, out var value) ? int.Parse(value) : otherwise;
}
