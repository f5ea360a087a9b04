using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Testing;

/// <summary>Sessions of a driver at a double, and the least that a host does: it records parts and resolved values, and calls the step that was named.</summary>
internal abstract class DriverBench(string meter) : IDriverHost, IPayloadReader, ILogger, IDisposable
{
    public const string Installation = "inst1";

    private const int Rounds = 200;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IInfrastructureDriver> _sessions = [];
    private int _calls;

    public ManualScheduler Clock { get; } = new();

    public Dictionary<string, byte[]> Credentials { get; } = [];

    public Dictionary<string, string> Payloads { get; } = [];

    public ConcurrentQueue<string> Log { get; } = [];

    public ILogger Logger => this;

    public Meter Meter { get; } = new(meter);

    public TimeProvider Time => Clock;

    public abstract HttpMessageHandler HttpHandler { get; }

    protected abstract IDriverFactory Factory { get; }

    /// <summary>What the double saw that its description forbids.</summary>
    protected abstract IEnumerable<string> Violations { get; }

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) =>
        new(Credentials.TryGetValue(key, out var value) ? value : default(ReadOnlyMemory<byte>));

    public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) =>
        new(Payloads.TryGetValue(payload.Name, out var text) ? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("key", Encoding.UTF8.GetBytes(text)) : null);

    public async Task<IInfrastructureDriver> ConnectAsync(object? settings = null, Func<Connection, Connection>? change = null)
    {
        var connection = Connection(settings);
        var session = await Factory.ConnectAsync(this, change?.Invoke(connection) ?? connection, default);
        _sessions.Add(session);
        return session;
    }

    public Call Call() => new() { Cancellation = _stop.Token, Deadline = Clock.Now.AddSeconds(30), Id = string.Create(CultureInfo.InvariantCulture, $"call-{++_calls}"), Payloads = this };

    public Operation Operation(Identity id, Step step) => new() { Call = Call(), Step = step, Token = $"{id.Name[16..]}{id.Incarnation:x8}{(uint)step.Part.Aggregate(17, (h, c) => h * 31 + c):x8}" };

    public static Identity Id(ResourceKind kind, int number = 1, long incarnation = 1) =>
        new() { Installation = Installation, Kind = kind, Name = $"{(int)kind:x16}{number:x16}", Incarnation = incarnation };

    public static Reference Refer(Identity id) => new() { Name = id.Name, Parts = id.Parts };

    public async Task<Observation<TFacts>> Observe<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec? spec, Handle? handle = null)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var answer = await verbs.ObserveAsync(Call(), id, spec, handle);
        Assert.That(answer.Error?.Message, Is.Null);
        return answer.Value!;
    }

    /// <summary>Builds and updates until nothing is left to do; time passes where the platform is at work.</summary>
    public async Task<(Identity Id, Present<TFacts> Seen, List<string> Steps)> Build<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec spec)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        Handle? handle = null;
        var steps = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            var seen = await Observe(verbs, id, spec, handle);
            Assert.That(seen.Failure?.Message, Is.Null);
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            handle = null;
            if (seen is Present<TFacts> there)
                id = id with { Parts = [.. there.Parts, .. id.Parts.Where(p => there.Parts.All(o => o.Name != p.Name))], Resolved = id.Resolved.SetItems(there.Resolved) };
            var next = seen switch { Absent<TFacts> a => a.Next, Present<TFacts> p => p.Next, _ => null };
            if (next is null)
                return (id, (Present<TFacts>)seen, steps);
            steps.Add($"{next.Verb} {next.Part}");
            var operation = Operation(id, next);
            var outcome = next.Verb == StepVerb.Create ? await verbs.CreateAsync(operation, id, spec) : await verbs.UpdateAsync(operation, id, spec);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            id = Record(id, outcome);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            if (outcome is Running<TFacts> running)
                Clock.Advance(running.Progress.LookAgainAfter);
        }

        throw new AssertionException($"It isn't built after {Rounds} rounds: " + string.Join(", ", steps));
    }

    /// <summary>Deletes step by step; returns the parts in the order in which they went.</summary>
    public async Task<List<string>> TakeDown<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var order = new List<string>();
        Handle? handle = null;
        for (var round = 0; round < Rounds; round++)
        {
            var seen = await Observe(verbs, id, null, handle);
            if (seen is Absent<TFacts> { InProgress: null })
                return order;
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            var next = ((Present<TFacts>)seen).Next!;
            var outcome = await verbs.DeleteAsync(Operation(id, next), id);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            order.Add(next.Part);
        }

        throw new AssertionException($"It isn't gone after {Rounds} rounds: " + string.Join(", ", order));
    }

    public static Identity Record<TFacts>(Identity id, Outcome<TFacts> outcome) where TFacts : ResourceFacts => id with
    {
        Parts = [.. id.Parts.Where(p => outcome.Parts.All(o => o.Name != p.Name)), .. outcome.Parts],
        Resolved = id.Resolved.SetItems(outcome.Resolved),
    };

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Log.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
        foreach (var session in _sessions)
            session.DisposeAsync().AsTask().Wait();
        HttpHandler.Dispose();
        Meter.Dispose();
        _stop.Dispose();
        Assert.That(Violations, Is.Empty, "Something isn't as the platform's description says.");
        Close();
    }

    /// <summary>How the ProviderConfig's part of the connection looks; null settings are the usual ones.</summary>
    protected abstract Connection Connection(object? settings);

    /// <summary>Ends the double, after every session was closed.</summary>
    protected virtual void Close()
    {
    }

    /// <summary>The settings as the host gives them.</summary>
    protected static JsonElement Json(object settings) => JsonSerializer.SerializeToElement(settings);
}
