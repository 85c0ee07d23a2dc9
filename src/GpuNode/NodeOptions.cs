namespace AlignProp.GpuNode;

/// <summary><c>--name value</c> options; a name may repeat.</summary>
public sealed class NodeOptions
{
    private readonly List<(string Name, string Value)> _values = [];

    /// <exception cref="ArgumentException">A name without a value, or a value without a name.</exception>
    public NodeOptions(IReadOnlyList<string> arguments)
    {
        for (var i = 0; i < arguments.Count; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == arguments.Count)
            {
                throw new ArgumentException($"{arguments[i]}: expected --name value");
            }
            _values.Add((arguments[i][2..], arguments[i + 1]));
        }
    }

    /// <exception cref="ArgumentException">An option that is none of these: a typing error must not mean the default.</exception>
    public NodeOptions Only(params string[] names) =>
        _values.FirstOrDefault(v => !names.Contains(v.Name)) is { Name: { } unknown }
        ? throw new ArgumentException($"--{unknown}: no such option; expected one of --{string.Join(", --", names)}")
        : this;

    public string Required(string name) => First(name) ?? throw new ArgumentException($"--{name} is missing");

    public string Get(string name, string otherwise) => First(name) ?? otherwise;

    public double Number(string name, double otherwise) => First(name) is not { } text
        ? otherwise
        : double.TryParse(text, out var value) ? value : throw new ArgumentException($"--{name} {text}: expected a number");

    private string? First(string name) => All(name) is [var first, ..] ? first : null;

    public IReadOnlyList<string> All(string name, params string[] otherwise)
    {
        var found = _values.Where(v => v.Name == name).Select(v => v.Value).ToList();
        return found.Count > 0 ? found : otherwise;
    }
}
