using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using Serilog;
using Serilog.Events;
using LogEvent = Akka.Event.LogEvent;

namespace AlignProp.Clustering;

/// <summary>Akka's log events into Serilog.</summary>
public sealed class SerilogLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    public SerilogLogger()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        // A process that went away is membership's business: it is reported there, once and in words.
        Receive<LogEvent>(e => e.Cause?.GetType().Name == "EndpointDisassociatedException", _ => { });
        Receive<LogEvent>(e => Log.ForContext("SourceContext", e.LogSource)
            .Write(Level(e.LogLevel()), e.Cause, "{Message:l}", e.Message));
    }

    private static LogEventLevel Level(LogLevel level) => level switch
    {
        LogLevel.DebugLevel => LogEventLevel.Debug,
        LogLevel.InfoLevel => LogEventLevel.Information,
        LogLevel.WarningLevel => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };
}
