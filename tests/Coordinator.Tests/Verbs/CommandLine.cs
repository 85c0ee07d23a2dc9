using AlignProp.Cli.Commands;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>One command line in this process.</summary>
internal static class CommandLine
{
    public static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(arguments, output, error, interactive: false, CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }
}
