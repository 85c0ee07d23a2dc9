using System.Runtime.InteropServices;
using AlignProp.Coordinator.Commands;
using Serilog;

using var interrupted = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var interactive = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("CI") is null;
Log.Logger = new LoggerConfiguration().MinimumLevel.Error().WriteTo.Console(standardErrorFromLevel: Serilog.Events.LogEventLevel.Verbose).CreateLogger();
return await AlignPropCommand.InvokeAsync(args, Console.Out, Console.Error, interactive, interrupted.Token);

void Stop(PosixSignalContext signal)
{
    // The run stops in order: state is kept, nodes are told.
    signal.Cancel = true;
    interrupted.Cancel();
}
