using System.Runtime.InteropServices;
using AlignProp.Cli.Commands;
using AlignProp.Cli.Options;
using AlignProp.Messages.Configuration;
using Serilog;

using var program = Interrupts.Begin(out var interrupted);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
var interactive = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("CI") is null;
Log.Logger = new LoggerConfiguration().MinimumLevel.Error()
    .WriteTo.Console(standardErrorFromLevel: Serilog.Events.LogEventLevel.Verbose).CreateLogger();
try
{
    CommandLineText.Require(args);
}
catch (ConfigException e)
{
    Console.Error.WriteLine($"alignprop: {e.Message}");
    return 2;
}
return await AlignPropCommand.InvokeAsync(args, Console.Out, Console.Error, interactive, interrupted);

static void Stop(PosixSignalContext signal)
{
    // The run stops in order: state is kept, nodes are told.
    signal.Cancel = true;
    Interrupts.Fire(all: signal.Signal != PosixSignal.SIGINT);
}
