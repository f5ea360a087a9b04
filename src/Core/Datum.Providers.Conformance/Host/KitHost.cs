using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Conformance;

/// <summary>What the kit lends to sessions in place of the host. Everything that a driver puts out here is kept for the leak check.</summary>
internal sealed class KitHost : IDriverHost, IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly FaultHandler? _handler;
    private readonly NoTransport _none = new();
    private readonly ConformanceWorld _world;
    private int _credentialReads;

    public KitHost(ConformanceWorld world)
    {
        _world = world;
        Clock = new KitClock(world.Time, () => Skew);
        Logger = new CapturingLogger(Output);
        Meter = new Meter("conformance-" + Guid.NewGuid().ToString("n"));
        _handler = world.Transport is { } transport ? new FaultHandler(transport, Faults, world) : null;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == Meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>(Measured);
        _listener.SetMeasurementEventCallback<int>(Measured);
        _listener.SetMeasurementEventCallback<double>(Measured);
        _listener.SetMeasurementEventCallback<float>(Measured);
        _listener.SetMeasurementEventCallback<decimal>(Measured);
        _listener.SetMeasurementEventCallback<short>(Measured);
        _listener.SetMeasurementEventCallback<byte>(Measured);
        _listener.Start();
    }

    public FaultPlan Faults { get; } = new();

    public OutputLog Output { get; } = new();

    public CallLedger Calls { get; } = new();

    public ILogger Logger { get; }

    public Meter Meter { get; }

    public TimeProvider Time => Clock;

    /// <summary>The driver's clock; counts its timers.</summary>
    public KitClock Clock { get; }

    public HttpMessageHandler HttpHandler => (HttpMessageHandler?)_handler ?? _none;

    public bool HandlerWasDisposed => _handler?.Disposed == true || _none.Disposed;

    public int CredentialReads => _credentialReads;

    /// <summary>Comes before each read of a credential.</summary>
    public Func<CancellationToken, Task>? OnCredential { get; set; }

    /// <summary>Credentials that are given out in place of the world's; null for the world's.</summary>
    public ImmutableDictionary<string, ReadOnlyMemory<byte>>? Credentials { get; set; }

    /// <summary>Moves the driver's clock against the platform's.</summary>
    public TimeSpan Skew { get; set; }

    public async ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _credentialReads);
        if (OnCredential is { } before)
            await before(cancellation);
        return (Credentials ?? _world.Credentials).GetValueOrDefault(key);
    }

    /// <summary>Observable instruments report when they are asked.</summary>
    public void Collect() => _listener.RecordObservableInstruments();

    public void Dispose()
    {
        _listener.Dispose();
        Meter.Dispose();
    }

    private void Measured<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var text = new StringBuilder(instrument.Name).Append(' ').Append(instrument.Description).Append(' ').Append(Convert.ToString(value, CultureInfo.InvariantCulture));
        foreach (var (key, tag) in tags)
            text.Append(' ').Append(key).Append('=').Append(Convert.ToString(tag, CultureInfo.InvariantCulture));
        Output.Add("metric", text.ToString());
    }

    private sealed class NoTransport : HttpMessageHandler
    {
        public bool Disposed { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new HttpRequestException(HttpRequestError.ConnectionError, "The world of this run lends no transport.");

        protected override void Dispose(bool disposing)
        {
            Disposed = true;
            base.Dispose(disposing);
        }
    }
}

/// <summary>The world's clock as the driver sees it: moved by what the case says, with its timers counted.</summary>
internal sealed class KitClock(TimeProvider inner, Func<TimeSpan> ahead) : TimeProvider
{
    private int _live;

    /// <summary>Timers that were made and not disposed.</summary>
    public int LiveTimers => Volatile.Read(ref _live);

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + ahead();

    public override long GetTimestamp() => inner.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _live);
        return new Counted(inner.CreateTimer(callback, state, dueTime, period), this);
    }

    private sealed class Counted(ITimer timer, KitClock clock) : ITimer
    {
        private int _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
                Interlocked.Decrement(ref clock._live);
            timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
                Interlocked.Decrement(ref clock._live);
            return timer.DisposeAsync();
        }
    }
}

/// <summary>Everything that came out of the driver, as text. Thread-safe.</summary>
internal sealed class OutputLog
{
    private readonly Lock _gate = new();
    private readonly List<(string Where, string Text)> _entries = [];

    public ImmutableArray<(string Where, string Text)> Entries { get { lock (_gate) return [.. _entries]; } }

    public void Add(string where, string text) { lock (_gate) _entries.Add((where, text)); }
}

/// <summary>Calls by verb. Thread-safe.</summary>
internal sealed class CallLedger
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _calls = new(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, long> ByVerb { get { lock (_gate) return _calls.ToImmutableSortedDictionary(StringComparer.Ordinal); } }

    public void Count(string verb) { lock (_gate) _calls[verb] = _calls.GetValueOrDefault(verb) + 1; }
}

/// <summary>Keeps every level, with values, scopes and exceptions.</summary>
internal sealed class CapturingLogger(OutputLog output) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull
    {
        output.Add("log scope", Show(state));
        return null;
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        output.Add($"log {logLevel}", $"{formatter(state, exception)} {Show(state)} {exception}");

    private static string Show<TState>(TState state) => state is IEnumerable<KeyValuePair<string, object?>> pairs
        ? string.Join(' ', pairs.Select(p => $"{p.Key}={Convert.ToString(p.Value, CultureInfo.InvariantCulture)}"))
        : Convert.ToString(state, CultureInfo.InvariantCulture) ?? "";
}
