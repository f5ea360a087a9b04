using System.Globalization;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

/// <summary>One resource as the host would drive it: observe, do the step that is next, record parts, observe again.</summary>
internal sealed class Driven<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> kind, Identity id, IPayloadReader? payloads = null)
    where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public Identity Id { get; set; } = id;

    public Handle? Handle { get; private set; }

    /// <summary>Every step that was done, as <c>Create pod</c>.</summary>
    public List<string> Steps { get; } = [];

    public Call NewCall(TimeSpan? timeout = null) => Calls.New(timeout, payloads);

    public async Task<Observation<TFacts>> ObserveAsync(TSpec? desired)
    {
        var answer = await kind.ObserveAsync(NewCall(), Id, desired, Handle);
        Assert.That(answer.Error, Is.Null, () => $"observing failed: {answer.Error}");
        var observation = answer.Value!;
        if (observation is Present<TFacts> { Mark: MarkState.Ours } present)
            Record(present.Parts, present.Resolved);
        if (observation.InProgress is null && Handle is not null)
            Handle = null;
        return observation;
    }

    public async Task<Present<TFacts>> PresentAsync(TSpec? desired)
    {
        var observation = await ObserveAsync(desired);
        return observation as Present<TFacts> ?? throw new AssertionException($"present expected, found {observation}");
    }

    /// <summary>Does one step.</summary>
    public async Task<Outcome<TFacts>> DoAsync(Step step, TSpec? desired, TimeSpan? timeout = null)
    {
        Steps.Add($"{step.Verb} {step.Part}");
        var operation = new Operation { Call = NewCall(timeout), Step = step, Token = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture) };
        var outcome = step.Verb switch
        {
            StepVerb.Create => await kind.CreateAsync(operation, Id, desired!),
            StepVerb.Update => await kind.UpdateAsync(operation, Id, desired!),
            StepVerb.Delete => await kind.DeleteAsync(operation, Id),
            _ => throw new AssertionException($"step {step} has no verb"),
        };
        Record(outcome.Parts, outcome.Resolved);
        if (outcome is Running<TFacts> running)
            Handle = running.Progress.Handle;
        return outcome;
    }

    /// <summary>Steps until nothing is left and the state is Ready.</summary>
    public async Task<Present<TFacts>> DriveToReadyAsync(TSpec desired)
    {
        var last = await DriveAsync(desired, o => o is Present<TFacts> { State: Lifecycle.Ready, Next: null });
        return (Present<TFacts>)last;
    }

    /// <summary>Takes it down until it is observed absent.</summary>
    public async Task DriveToAbsentAsync() => await DriveAsync(null, o => o is Absent<TFacts>);

    public async Task<Observation<TFacts>> DriveAsync(TSpec? desired, Func<Observation<TFacts>, bool> until, Func<Outcome<TFacts>, bool>? tolerated = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        Observation<TFacts>? last = null;
        while (!patience.IsCancellationRequested)
        {
            last = await ObserveAsync(desired);
            if (until(last))
                return last;
            var next = last switch { Absent<TFacts> absent => absent.Next, Present<TFacts> present => present.Next, _ => null };
            if (last.InProgress is null && next is not null)
            {
                var outcome = await DoAsync(next, desired);
                if (outcome is Failed<TFacts> failed && tolerated?.Invoke(outcome) != true)
                    Assert.Fail($"step {next.Verb} {next.Part}: {failed.Error}");
                continue;
            }

            await Task.Delay(100);
        }

        throw new AssertionException($"not there after {Patience}: {last}; steps: {string.Join(", ", Steps)}");
    }

    private void Record(ImmutableArray<Part> parts, ImmutableDictionary<string, string> resolved)
    {
        foreach (var part in parts)
            Id = Id with { Parts = [.. Id.Parts.Where(p => p.Name != part.Name), part] };
        // What was resolved first stays.
        foreach (var (key, value) in resolved)
            if (!Id.Resolved.ContainsKey(key))
                Id = Id with { Resolved = Id.Resolved.Add(key, value) };
    }
}

internal static class Calls
{
    public static Call New(TimeSpan? timeout = null, IPayloadReader? payloads = null)
    {
        var time = timeout ?? TimeSpan.FromSeconds(30);
        return new Call
        {
            Cancellation = new CancellationTokenSource(time).Token,
            Deadline = TimeProvider.System.GetUtcNow() + time,
            Id = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture),
            Payloads = payloads,
        };
    }
}

/// <summary>Payloads of a test.</summary>
internal sealed class FixedPayloads(Dictionary<string, Dictionary<string, string>> contents) : IPayloadReader
{
    public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) =>
        new(contents.TryGetValue(payload.Name, out var keys)
            ? keys.ToImmutableDictionary(k => k.Key, k => (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(k.Value))
            : null);
}
