using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Datum.Providers.Host.Tests.Drivers;

/// <summary>Records its last call and answers as the test says.</summary>
internal sealed class RecordingResource : IResourceDriver<NetworkSpec, NetworkFacts>
{
    public string? Verb { get; private set; }

    public object?[] Arguments { get; private set; } = [];

    public Func<object?> Read { get; init; } = () => null;

    public Func<Task<Outcome<NetworkFacts>>> Mutate { get; init; } = () => Task.FromResult<Outcome<NetworkFacts>>(new Done<NetworkFacts>());

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired)
    {
        Record([call, desired]);
        _ = Read();
        return ValueTask.FromResult(ImmutableArray<Finding>.Empty);
    }

    public ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle)
    {
        Record([call, id, desired, handle]);
        return ValueTask.FromResult((Answer<Observation<NetworkFacts>>)Read()!);
    }

    public ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        Record([operation, id, desired]);
        return new(Mutate());
    }

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        Record([operation, id, desired]);
        return new(Mutate());
    }

    public ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        Record([operation, id]);
        return new(Mutate());
    }

    public ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        Record([call, query, cursor]);
        return ValueTask.FromResult((Answer<ListPage<NetworkFacts>>)Read()!);
    }

    private void Record(object?[] arguments, [CallerMemberName] string verb = "")
    {
        Verb = verb;
        Arguments = arguments;
    }
}

/// <summary>A session without any kind, whose probe is wrong.</summary>
internal sealed class EmptySession : IInfrastructureDriver
{
    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "" });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A session with networks only.</summary>
internal sealed class OneKind(RecordingResource networks, IChangeFeed? changes = null) : IInfrastructureDriver, IChangeFeed
{
    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks => networks;

    public IAsyncEnumerable<Change> WatchAsync(Call call) => changes!.WatchAsync(call);

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "one" });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>Yields one change, then what the test says.</summary>
internal sealed class Feed(Func<Change> next) : IChangeFeed
{
    public async IAsyncEnumerable<Change> WatchAsync(Call call)
    {
        yield return new Change { Kind = ResourceKind.Network };
        await Task.Yield();
        yield return next();
    }
}

/// <summary>Answers every property with a proxy of its type, so that a new kind is in the test at once.</summary>
public class EverythingProxy : DispatchProxy
{
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var type = targetMethod!.ReturnType;
        return type.IsInterface
            ? typeof(DispatchProxy).GetMethods().Single(m => m.Name == nameof(Create) && m.GetGenericArguments().Length == 2)
                .MakeGenericMethod(type, typeof(EverythingProxy)).Invoke(null, null)
            : null;
    }
}

/// <summary>Answers every look as the test says for the identity.</summary>
internal sealed class Scripted(Func<Identity, ValueTask<Answer<Observation<NetworkFacts>>>> look) : IResourceDriver<NetworkSpec, NetworkFacts>
{
    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) => throw new NotSupportedException();

    public ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle) => look(id);

    public ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired) => throw new NotSupportedException();

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) => throw new NotSupportedException();

    public ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id) => throw new NotSupportedException();

    public ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => throw new NotSupportedException();
}

/// <summary>A session with scripted networks.</summary>
internal sealed class ScriptedSession(Scripted networks) : IInfrastructureDriver
{
    public IResourceDriver<NetworkSpec, NetworkFacts> Networks => networks;

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "scripted" });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
