using System.Runtime.CompilerServices;
using Serilog;

namespace AlignProp.Coordinator.Tests;

internal static class TestLog
{
    /// <summary>Akka's warnings into the test output.</summary>
    [ModuleInitializer]
    internal static void Start() => Log.Logger = new LoggerConfiguration().WriteTo.Console().CreateLogger();
}
