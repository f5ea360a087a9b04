using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>One row: the same call, made through more or less of what the host puts around a driver.</summary>
/// <param name="Group">The rows that are compared; the first of them is what the others are divided by.</param>
internal sealed record Caller(string Group, string Name, Func<int, Task> CallAsync);

/// <summary>Everything that is measured. Only calls are timed: frames, sessions and specs are made before.</summary>
internal static class Callers
{
    private static readonly Identity s_id = new()
    {
        Installation = "bench", Kind = ResourceKind.Network, Name = new string('1', 32), Incarnation = 1, Parts = [new Part { Name = "network", Id = "net-1" }],
    };

    private static readonly Call s_call = new() { Cancellation = CancellationToken.None, Deadline = DateTimeOffset.MaxValue.AddYears(-1), Id = "bench" };

    private static readonly Operation s_operation = new()
    {
        Call = s_call, Step = new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, Token = new string('a', 32),
    };

    public static IReadOnlyList<Caller> All()
    {
        var now = new PlainDriver(later: false);
        var later = new PlainDriver(later: true);
        var turn = new PoolTurn();
        return
        [
            .. Contract("a read that completes at once", now, ObserveAsync),
            new("a read that completes at once", "floor: a turn through the thread pool", n => TurnAsync(turn, n)),
            .. Contract("a read that completes later", later, ObserveAsync),
            .. Contract("a mutation that completes at once", now, DeleteAsync),
            .. Contract("a mutation that completes later", later, DeleteAsync),
            .. Engine("a read as the engine makes it", now, LookAsync),
            .. Engine("a mutation as the engine makes it", now, ApplyAsync),
            new("the frame that the engine makes for a call", "Calls.New and its end", FrameAsync),
        ];
    }

    private static IEnumerable<Caller> Contract(string group, PlainDriver driver, Func<IResourceDriver<NetworkSpec, NetworkFacts>, int, Task> call) =>
    [
        new(group, "direct", n => call(driver.Networks, n)),
        new(group, "through the guard", n => call(Guard(driver).Networks!, n)),
    ];

    // The engine reads kinds through one type, with specs and facts as JSON; what that costs is in "direct" too.
    private static IEnumerable<Caller> Engine(string group, PlainDriver driver, Func<KindVerbs, int, Task> call) =>
    [
        new(group, "kind erased, direct", n => call(KindVerbs.Of(driver, ResourceKind.Network)!, n)),
        new(group, "kind erased, with retries", n => call(new RetryingVerbs(KindVerbs.Of(driver, ResourceKind.Network)!, SystemScheduler.Instance), n)),
        new(group, "kind erased, with retries, through the guard: all of it", n => call(new RetryingVerbs(KindVerbs.Of(Guard(driver), ResourceKind.Network)!, SystemScheduler.Instance), n)),
    ];

    private static GuardedDriver Guard(PlainDriver driver) => GuardedDriver.Wrap(driver, new GuardOptions
    {
        DriverId = "plain", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance,
    });

    private static async Task ObserveAsync(IResourceDriver<NetworkSpec, NetworkFacts> verbs, int calls)
    {
        for (var i = 0; i < calls; i++)
            if ((await verbs.ObserveAsync(s_call, s_id, null, null).ConfigureAwait(false)).Error is { } error)
                throw new InvalidOperationException(error.Message);
    }

    private static async Task DeleteAsync(IResourceDriver<NetworkSpec, NetworkFacts> verbs, int calls)
    {
        for (var i = 0; i < calls; i++)
            if (await verbs.DeleteAsync(s_operation, s_id).ConfigureAwait(false) is not Done<NetworkFacts>)
                throw new InvalidOperationException("The delete isn't done.");
    }

    private static async Task LookAsync(KindVerbs verbs, int calls)
    {
        for (var i = 0; i < calls; i++)
            if ((await verbs.ObserveAsync(s_call, s_id, null, null, static _ => []).ConfigureAwait(false)).Error is { } error)
                throw new InvalidOperationException(error.Message);
    }

    private static async Task ApplyAsync(KindVerbs verbs, int calls)
    {
        for (var i = 0; i < calls; i++)
            if ((await verbs.ApplyAsync(s_operation, s_id, null, static _ => []).ConfigureAwait(false)).Error is { } error)
                throw new InvalidOperationException(error.Message);
    }

    private static async Task TurnAsync(PoolTurn turn, int calls)
    {
        for (var i = 0; i < calls; i++)
            await turn.TakeAsync().ConfigureAwait(false);
    }

    private static Task FrameAsync(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            using var scope = Calls.New(SystemScheduler.Instance, TimeSpan.FromSeconds(30), CancellationToken.None);
            if (scope.Call.Id.Length == 0)
                throw new InvalidOperationException("The call has no id.");
        }
        return Task.CompletedTask;
    }
}
