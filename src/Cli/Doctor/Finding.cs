namespace AlignProp.Cli.Doctor;

/// <param name="Level">ok, warning, error.</param>
/// <param name="Todo">What to do about it, or null.</param>
internal sealed record Finding(string What, string Level, string Detail, string? Todo = null)
{
    public static Finding Ok(string what, string detail) => new(what, "ok", detail);

    public static Finding Warning(string what, string detail, string todo) => new(what, "warning", detail, todo);

    public static Finding Error(string what, string detail, string todo) => new(what, "error", detail, todo);
}
