using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Datum.Providers.Host.Composition;

/// <summary>Logs to standard error, so that standard output holds results only; metrics and traces to an OpenTelemetry collector when OTEL_EXPORTER_OTLP_ENDPOINT names one.</summary>
internal static class Telemetry
{
    public static ILoggerFactory CreateLogging() => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(Enum.TryParse<LogLevel>(Environment.GetEnvironmentVariable("DATUM_LOG_LEVEL"), true, out var level) ? level : LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = Console.IsErrorRedirected ? LoggerColorBehavior.Disabled : LoggerColorBehavior.Default;
        });
    });

    /// <summary>Dispose the result at the end: it flushes what was collected.</summary>
    public static IDisposable Create()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")))
            return new Providers([]);
        var meters = Sdk.CreateMeterProviderBuilder()
            .AddMeter("Datum.Providers.*", "datum.*", "System.Runtime", "System.Net.Http")
            .AddOtlpExporter().Build();
        var traces = Sdk.CreateTracerProviderBuilder().AddSource("Datum.Providers.*", "System.Net.Http").AddOtlpExporter().Build();
        return new Providers([meters, traces]);
    }

    private sealed class Providers(IDisposable[] all) : IDisposable
    {
        public void Dispose()
        {
            foreach (var provider in all)
                provider.Dispose();
        }
    }
}
