namespace Datum.Providers.Conformance;

/// <summary>One call of the contract while it runs: found by the handler through the flow of execution.</summary>
internal sealed class CallFrame : IDisposable
{
    private static readonly AsyncLocal<CallFrame?> Flow = new();
    private readonly ConformanceWorld _world;
    private readonly TimeSpan _skew;
    private readonly CancellationTokenSource _stop = new();

    public CallFrame(ConformanceWorld world, string verb, string id, TimeSpan timeout, KitPayloads? payloads, TimeSpan skew = default)
    {
        _world = world;
        _skew = skew;
        Verb = verb;
        Payloads = payloads;
        Call = new Call { Cancellation = _stop.Token, Deadline = world.Time.GetUtcNow() + skew + timeout, Id = id, Payloads = payloads };
    }

    public static CallFrame? Current => Flow.Value;

    public string Verb { get; }

    public Call Call { get; }

    public KitPayloads? Payloads { get; }

    public bool Cancelled => _stop.IsCancellationRequested;

    /// <summary>Makes this the current call of the flow that follows.</summary>
    public void Enter() => Flow.Value = this;

    /// <summary>Lets time pass to the deadline and cancels, as the host does.</summary>
    public async Task ExpireAsync()
    {
        var left = Call.Deadline - _skew - _world.Time.GetUtcNow();
        if (left > TimeSpan.Zero)
            await _world.PassAsync(left);
        await _stop.CancelAsync();
    }

    /// <summary>Cancels before the deadline, as a host that stops does.</summary>
    public Task CancelAsync() => _stop.CancelAsync();

    public void Dispose() => _stop.Dispose();
}

/// <summary>How calls are made where that isn't as usual.</summary>
internal sealed record CallShape
{
    /// <summary>The call is cancelled already when it begins.</summary>
    public bool Cancelled { get; init; }

    /// <summary>What is left until the deadline when the call begins; null for the world's own.</summary>
    public TimeSpan? Left { get; init; }

    /// <summary>Comes before each read of a payload.</summary>
    public Func<CallFrame, CancellationToken, Task>? OnPayload { get; init; }

    /// <summary>Asked before each read of a payload: true says that it doesn't exist.</summary>
    public Func<bool>? Missing { get; init; }

    /// <summary>When set, each value that is given out is a copy of its own, followed here.</summary>
    public List<WeakReference>? Copies { get; init; }
}

/// <summary>Reads payloads for one call: what the spec names and nothing else, and nothing after the call.</summary>
internal sealed class KitPayloads(ConformanceWorld world, ImmutableArray<PayloadReference> named, Action<string> violation) : IPayloadReader
{
    private volatile bool _ended;
    private int _reads;

    /// <summary>Comes before each read.</summary>
    public Func<CancellationToken, Task>? OnRead { get; set; }

    public CallShape Shape { get; set; } = new();

    public int Reads => _reads;

    public async ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation)
    {
        if (_ended)
        {
            violation("The driver read a payload after its call had ended (DC-85).");
            throw new InvalidOperationException("The call has ended.");
        }

        if (!named.Any(p => p.Name == payload.Name && p.Secret == payload.Secret))
        {
            violation($"The driver asked for the {(payload.Secret ? "secret" : "config map")} {payload.Name}, which the desired state doesn't name (DC-85).");
            throw new InvalidOperationException($"The desired state doesn't name {payload.Name}.");
        }

        cancellation.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _reads);
        if (OnRead is { } before)
            await before(cancellation);
        if (Shape.Missing?.Invoke() == true)
            return null;
        var values = world.Payloads.FirstOrDefault(p => p.Name == payload.Name && p.Secret == payload.Secret)?.Values;
        return Shape.Copies is null ? values : values?.ToImmutableDictionary(v => v.Key, v => Copy(v.Value));
    }

    private ReadOnlyMemory<byte> Copy(ReadOnlyMemory<byte> value)
    {
        var copy = value.ToArray();
        lock (Shape.Copies!)
            Shape.Copies.Add(new WeakReference(copy));
        return copy;
    }

    public void End() => _ended = true;

    /// <summary>Every payload that a wish names.</summary>
    public static ImmutableArray<PayloadReference> Of(ResourceSpec? spec)
    {
        var found = ImmutableArray.CreateBuilder<PayloadReference>();
        if (spec is SecretSpec secret)
            found.Add(secret.Payload);
        if (spec is InstanceSpec instance)
        {
            found.AddRange(instance.Volumes.Select(v => v.Files?.Payload).OfType<PayloadReference>());
            found.AddRange(instance.Sandbox?.PullSecrets ?? []);
            foreach (var variable in instance.Sandbox?.Containers.SelectMany(c => c.Environment) ?? [])
            {
                if (variable.From is { } from)
                    found.Add(from.Payload);
                if (variable.AllOf is { } all)
                    found.Add(all);
            }
        }

        return found.ToImmutable();
    }
}
