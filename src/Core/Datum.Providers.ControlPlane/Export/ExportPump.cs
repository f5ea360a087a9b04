using System.Collections.Concurrent;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>A policy of one of the two groups that the kind is served in.</summary>
internal readonly record struct PolicyKey(string Group, ObjectKey Key);

/// <summary>Takes a sample of every series once a period and gives each sink what it selects. Every sink sends by itself.</summary>
internal sealed partial class ExportPump(IReadOnlyList<ISeriesSource> sources, HttpMessageInvoker http, IScheduler scheduler, TimeSpan period, ILogger<ExportPump> logger) : IDisposable
{
    private readonly ConcurrentDictionary<(PolicyKey Policy, string Uid, string Sink), Running> _sinks = new();
    private readonly Lock _lock = new();
    private CancellationToken _running = new(canceled: true);

    /// <summary>Called with a policy one of whose sinks sends with another outcome than before.</summary>
    public Action<PolicyKey>? Told { get; set; }

    /// <summary>Sets what a policy sends; an empty list stops all of it. A sink that stays keeps what waits.</summary>
    public void Apply(PolicyKey policy, string uid, IReadOnlyList<SinkSettings> sinks)
    {
        lock (_lock)
        {
            foreach (var (key, running) in _sinks.Where(s => s.Key.Policy == policy).ToList())
            {
                if (key.Uid != uid || !sinks.Any(s => s.Name == key.Sink))
                {
                    _sinks.TryRemove(key, out _);
                    running.Stop.Cancel();
                    running.Stop.Dispose();
                }
            }

            foreach (var settings in sinks)
            {
                if (_sinks.TryGetValue((policy, uid, settings.Name), out var known))
                    known.Sender.Settings = settings;
                else if (!_running.IsCancellationRequested)
                    Start(policy, uid, settings);
            }
        }
    }

    public Delivery LastOf(PolicyKey policy, string uid, string sink) => _sinks.TryGetValue((policy, uid, sink), out var running) ? running.Sender.Last : Delivery.Unknown;

    /// <summary>Runs until cancelled; sinks stop with it.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        lock (_lock)
            _running = cancellation;
        try
        {
            while (true)
            {
                await scheduler.Delay(period, cancellation);
                try
                {
                    Round();
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // A source that fails once must not end the export of everything.
                    LogRound(logger, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopped; so are the sinks.
        }
    }

    /// <summary>One sample of everything that somebody selects.</summary>
    internal void Round()
    {
        var sinks = _sinks.ToArray();
        if (sinks.Length == 0)
            return;
        var now = scheduler.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var byNamespace = sinks.GroupBy(s => s.Key.Policy.Key.Namespace ?? "", StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Select(s => (s.Value.Sender, s.Value.Sender.Settings.Selectors, Picked: new List<Sample>())).ToList(), StringComparer.Ordinal);
        foreach (var source in sources)
            source.Collect(byNamespace.Keys.ToHashSet(StringComparer.Ordinal), Take);
        foreach (var (_, running) in sinks)
            running.Sender.Counters.Collect(Take);
        foreach (var (sender, _, picked) in byNamespace.Values.SelectMany(s => s))
        {
            if (picked.Count > 0)
                sender.Offer(picked);
        }

        void Take(string ns, Series series, double value)
        {
            if (!byNamespace.TryGetValue(ns, out var interested))
                return;
            foreach (var (_, selectors, picked) in interested)
            {
                foreach (var selector in selectors)
                {
                    if (selector.Matches(series))
                        picked.Add(new Sample(series, value, now));
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var running in _sinks.Values)
            {
                running.Stop.Cancel();
                running.Stop.Dispose();
            }

            _sinks.Clear();
        }
    }

    private void Start(PolicyKey policy, string uid, SinkSettings settings)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_running);
        var sender = new SinkSender(settings, new SinkCounters(policy.Key, settings.Name), http, scheduler, () => Told?.Invoke(policy));
        _sinks[(policy, uid, settings.Name)] = new Running(sender, stop);
        var token = stop.Token;
        _ = scheduler.Run(() => GuardAsync(sender, token));
    }

    /// <summary>A failure of ours in one sink is told, and the sink goes on after a pause.</summary>
    private async Task GuardAsync(SinkSender sender, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await sender.RunAsync(cancellation);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogSink(logger, sender.Settings.Name, e);
                try
                {
                    await scheduler.Delay(period, cancellation);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private sealed record Running(SinkSender Sender, CancellationTokenSource Stop);

    [LoggerMessage(EventId = 2601, Level = LogLevel.Error, Message = "A round of export policies failed and is left out")]
    private static partial void LogRound(ILogger logger, Exception error);

    [LoggerMessage(EventId = 2602, Level = LogLevel.Error, Message = "Sink {Sink} of an export policy failed in the host itself; it goes on")]
    private static partial void LogSink(ILogger logger, string sink, Exception error);
}
