using System.Collections.Concurrent;
using Datum.Providers.Testing;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>One account at a platform that holds networks by name, and how it behaves now.</summary>
internal sealed class ScriptedAccount(string id, ManualScheduler time)
{
    private TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Id { get; set; } = id;

    /// <summary>Networks by name.</summary>
    public ConcurrentDictionary<string, Lifecycle> Objects { get; } = [];

    /// <summary>Every call that arrived.</summary>
    public ConcurrentQueue<(string Verb, string Name, DateTimeOffset At)> Calls { get; } = [];

    /// <summary>What a call is answered with; null: it succeeds.</summary>
    public Func<string, string, DriverError?>? Fails { get; set; }

    /// <summary>Creates go on at the platform instead of being done at once.</summary>
    public bool Slow { get; set; }

    /// <summary>No call returns before its deadline, as a platform that takes connections and says nothing.</summary>
    public bool Hangs
    {
        get;
        set
        {
            field = value;
            if (!value)
                Interlocked.Exchange(ref _released, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    public int InFlight;
    public int MostInFlight;

    public int Count(string verb) => Calls.Count(c => c.Verb == verb);

    public async ValueTask<DriverError?> CallAsync(string verb, string name, Call call)
    {
        Calls.Enqueue((verb, name, time.Now));
        var now = Interlocked.Increment(ref InFlight);
        MostInFlight = Math.Max(MostInFlight, now);
        try
        {
            if (Hangs)
            {
                var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await using var end = call.Cancellation.Register(() => over.TrySetResult());
                if (await Task.WhenAny(over.Task, _released.Task) == over.Task)
                    return new DriverError { Code = ErrorCode.Timeout, Effect = Effect.NotApplied, Message = "no answer" };
            }
            return Fails?.Invoke(verb, name);
        }
        finally
        {
            Interlocked.Decrement(ref InFlight);
        }
    }
}

/// <summary>A session with a <see cref="ScriptedAccount"/>.</summary>
internal sealed class ScriptedDriver(ScriptedAccount account) : IInfrastructureDriver, IResourceDriver<NetworkSpec, NetworkFacts>
{
    public IResourceDriver<NetworkSpec, NetworkFacts> Networks => this;

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) =>
        await account.CallAsync("probe", "", call) is { } error ? error : new AccountFacts { AccountId = account.Id };

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) => new([]);

    public async ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle) =>
        await account.CallAsync("observe", id.Name, call) is { } error ? error : Look(id, desired is null);

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        if (await account.CallAsync("create", id.Name, operation.Call) is { } error)
            return new Failed<NetworkFacts> { Error = error };
        account.Objects[id.Name] = account.Slow ? Lifecycle.Creating : Lifecycle.Ready;
        return account.Slow
            ? new Running<NetworkFacts> { Progress = Work }
            : new Done<NetworkFacts> { Observation = Look(id, false), Parts = Parts(id) };
    }

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) => throw new NotSupportedException();

    public async ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (await account.CallAsync("delete", id.Name, operation.Call) is { } error)
            return new Failed<NetworkFacts> { Error = error };
        account.Objects.TryRemove(id.Name, out _);
        return new Done<NetworkFacts>();
    }

    public async ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor) =>
        await account.CallAsync("list", "", call) is { } error ? error : new ListPage<NetworkFacts>
        {
            Complete = true,
            Items = [.. account.Objects.Select(o => new Listed<NetworkFacts> { Name = o.Key, Incarnation = 1, Parts = [new Part { Name = "network", Id = o.Key }], State = o.Value, Facts = new NetworkFacts() })],
        };

    public ValueTask DisposeAsync() => default;

    private static Progress Work => new() { LookAgainAfter = TimeSpan.FromSeconds(5), WaitingFor = WaitingFor.Platform };

    private static ImmutableArray<Part> Parts(Identity id) => [new Part { Name = "network", Id = id.Name }];

    private Observation<NetworkFacts> Look(Identity id, bool takeDown) => account.Objects.TryGetValue(id.Name, out var state)
        ? new Present<NetworkFacts>
        {
            Facts = new NetworkFacts(), Parts = Parts(id), State = state, Mark = MarkState.Ours, Incarnation = 1,
            InProgress = state is Lifecycle.Creating ? Work : null,
            Next = takeDown ? new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable } : null,
        }
        : new Absent<NetworkFacts> { Next = takeDown ? null : new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named } };
}
