using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Remote;

namespace AlignProp.Cli.Commands;

/// <summary>
/// <c>pause</c>, <c>continue</c>, <c>stop</c> and <c>drain NODE</c>: what can be asked of a running coordinator.
/// </summary>
internal static class SteerCommands
{
    public static Command Pause(TextWriter output) =>
        Create(output, "pause", "Lets the step in work finish, then nothing new begins; nodes stay.", "alignprop pause");

    public static Command Continue(TextWriter output) =>
        Create(output, "continue", "Goes on after a pause.", "alignprop continue");

    public static Command Stop(TextWriter output) =>
        Create(output, "stop", "Ends the run after the step in work, with an evaluation; resume goes on later.",
            "alignprop stop --run RUN-ID");

    public static Command Drain(TextWriter output)
    {
        var node = new Argument<string>("node") { Description = "Name of the node, e.g. node-2 (alignprop nodes lists them)." };
        return Create(output, "drain", "Lets a node finish its shard and leave.", "alignprop drain node-2", node);
    }

    private static Command Create(TextWriter output, string verb, string description, string example,
        Argument<string>? node = null)
    {
        var (coordinator, json) = (new CoordinatorOption(), JsonOutput.Option());
        var command = new Verb(verb, description, example) { json };
        if (node is not null)
        {
            command.Add(node);
        }
        coordinator.AddTo(command);
        node?.CompletionSources.Add(context => NodeNames.Of(() => coordinator.Client(context.ParseResult)));
        command.SetAction(async (parsed, cancellation) =>
        {
            using var client = coordinator.Client(parsed);
            var reply = await client.PostAsync(node is null ? verb : $"{verb}/{Uri.EscapeDataString(parsed.GetValue(node)!)}",
                cancellation);
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, reply);
                return;
            }
            output.WriteLine(reply.Detail);
        });
        return command;
    }
}
