using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>Everything that was logged, by event id.</summary>
internal sealed class LogLines : ILoggerFactory
{
    private readonly ConcurrentQueue<(int Id, string Line)> _lines = new();

    /// <summary>What is kept at least. Default Information.</summary>
    public LogLevel Least { get; set; } = LogLevel.Information;

    public IEnumerable<string> All => _lines.Select(l => l.Line);

    public IReadOnlyList<string> Of(int id) => [.. _lines.Where(l => l.Id == id).Select(l => l.Line)];

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Logger(LogLines lines, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= lines.Least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                lines._lines.Enqueue((eventId.Id, $"{logLevel} {category.Split('.')[^1]}[{eventId.Id}] {formatter(state, exception)} {exception?.Message}"));
        }
    }
}
