using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// Sees the ends of this process that its own code can see. An exception that nobody caught is told by its frames. A call of
/// Environment.Exit by another thread shows only that somebody made it: the handlers run on a thread of the runtime. Where the runtime
/// writes crash reports, the process then ends with one, and the next start finds the caller's thread in it.
/// </summary>
internal sealed partial class CrashWatch : IDisposable
{
    private readonly CrashBook _book;
    private readonly ILogger _logger;
    private readonly CancellationTokenRegistration _registration;
    private volatile bool _stopping;

    public CrashWatch(CrashBook book, ILogger logger, CancellationToken stopping)
    {
        (_book, _logger) = (book, logger);
        _registration = stopping.Register(() => _stopping = true);
        AppDomain.CurrentDomain.UnhandledException += OnUnhandled;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        if (!WritesReports)
            LogNoReports(logger, book.Folder);
        else if (Path.GetDirectoryName(Environment.GetEnvironmentVariable("DOTNET_DbgMiniDumpName")) != book.Folder)
            LogElsewhere(logger, book.Folder);
    }

    /// <summary>Whether the runtime was started so that a crash leaves a report.</summary>
    private static bool WritesReports => IsSet("DOTNET_DbgEnableMiniDump") && (IsSet("DOTNET_EnableCrashReport") || IsSet("DOTNET_EnableCrashReportOnly"));

    public void Dispose()
    {
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandled;
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        _registration.Dispose();
    }

    /// <summary>The driver whose code an exception came from, and where; null when it is nobody's.</summary>
    internal static (string Driver, string What)? Origin(Exception exception)
    {
        // Whoever asks for the last byte isn't the one who took the others.
        if (exception is OutOfMemoryException)
            return null;
        var inner = exception;
        while (inner.InnerException is { } next)
            inner = next;
        for (var e = inner; e is not null; e = ReferenceEquals(e, exception) ? null : exception)
        {
            foreach (var frame in new StackTrace(e, fNeedFileInfo: false).GetFrames())
            {
                if (frame.GetMethod() is not { } method)
                    continue;
                var assembly = method.Module.Assembly;
                if (DriverLoadContext.DriverOf(assembly) is { } driver && !IsNeutral(assembly))
                    return (driver, $"{e.GetType().FullName} in {method.DeclaringType?.FullName}.{method.Name}");
                if (!IsNeutral(assembly))
                    return null;
            }
        }

        return DriverLoadContext.DriverOf(inner.GetType().Assembly) is { } owner ? (owner, inner.GetType().FullName!) : null;
    }

    /// <summary>Ends the process so that the runtime reports all its threads. Its name stands in the report and says what kind of end it was.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    internal static void EndWithReport() =>
        Environment.FailFast("Environment.Exit was called while the host runs, and not by the host. Its caller is in the crash report, and is named at the next start.");

    private static bool IsNeutral(Assembly assembly) =>
        assembly.GetName().Name is { } name && (SharedAssemblies.IsFramework(name) || SharedAssemblies.Find(name) is not null);

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) == "1";

    private void OnUnhandled(object sender, UnhandledExceptionEventArgs args)
    {
        if (args.IsTerminating && args.ExceptionObject is Exception e && Origin(e) is { } origin)
            _book.TryWrite(() => _book.Add(origin.Driver, CrashKind.UnhandledException, origin.What));
    }

    private void OnExit(object? sender, EventArgs args)
    {
        if (_stopping)
            return;
        LogExit(_logger, Environment.ExitCode);
        if (WritesReports)
            EndWithReport();
    }

    [LoggerMessage(EventId = 1210, Level = LogLevel.Critical, Message = "The process is ended by a call of Environment.Exit({Code}), which the host doesn't make: a driver does")]
    private static partial void LogExit(ILogger logger, int code);

    [LoggerMessage(EventId = 1212, Level = LogLevel.Information, Message = "The runtime writes no crash reports, so that only unhandled exceptions are told of a driver. To have the others: DOTNET_DbgEnableMiniDump=1 DOTNET_EnableCrashReportOnly=1 DOTNET_DbgMiniDumpName={Folder}/crash.%p.%t")]
    private static partial void LogNoReports(ILogger logger, string folder);

    [LoggerMessage(EventId = 1213, Level = LogLevel.Warning, Message = "The runtime's crash reports don't go to {Folder}, where they are looked for: set DOTNET_DbgMiniDumpName={Folder}/crash.%p.%t")]
    private static partial void LogElsewhere(ILogger logger, string folder);
}
