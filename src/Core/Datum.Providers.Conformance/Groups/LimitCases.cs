namespace Datum.Providers.Conformance;

/// <summary>CK-175 to CK-184: throttling, quota, capacity.</summary>
[CaseGroup(KitGroup.Limits)]
internal static class LimitCases
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(9);

    private static Fault Throttle => new() { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = Wait, MutationsOnly = false };

    [Case(175, "429 at any request of a look, a listing or a probe: Throttled for the account, with its delay, and nothing more is sent in that call", "DC-10 DC-48 DC-49 DC-89", Fault = true)]
    public static async Task Looks_throttled(KindRun run)
    {
        var built = await run.BuiltAsync();
        var session = await run.Run.SessionAsync();
        var verbs = session.Of(run.Kind);
        await EachAsync("ObserveAsync", async () => (await verbs.ObserveAsync(built.Identity, built.Spec)).Error);
        await EachAsync("ListAsync", async () => (await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation })).Error);
        await EachAsync("ProbeAsync", async () => (await session.ProbeAsync()).Error);

        async Task EachAsync(string verb, Func<Task<DriverError?>> call)
        {
            var start = run.Faults.Requests.Length;
            await call();
            var count = run.Faults.Requests.Length - start;
            for (var nth = 1; nth <= count; nth++)
            {
                var fault = Throttle with { Nth = nth };
                run.Faults.Arm(fault);
                var error = await call();
                run.Faults.Disarm();
                KindRun.Expect(Wrong(error) is null, $"{verb} was throttled at request {nth} of {count}: {Wrong(error)}; it says {(error is null ? "success" : Show.Of(error))}.");
                KindRun.Expect(error!.Scope == ErrorScope.Account, $"{verb}: throttling concerns the account, but the scope is {error.Scope} (DC-49).");
                var more = Sweep.After(run.Run, run.Faults.Requests.Last(r => ReferenceEquals(r.Fault, fault)));
                KindRun.Expect(more.IsEmpty, $"{verb} went on after 429 within the call: {string.Join("; ", more)}; the host repeats, not the driver (DC-89).");
            }
        }
    }

    [Case(176, "429 at any request of building: Throttled with its delay, nothing more is sent in that call, and it is then built once", "DC-10 DC-45 DC-89 L1", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Create_throttled(KindRun run) => EachStepAsync(run, delete: false);

    [Case(177, "429 at any request of deleting: Throttled with its delay, nothing more is sent in that call, and it then ends in absence", "DC-10 DC-45 DC-89 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Delete_throttled(KindRun run) => EachStepAsync(run, delete: true);

    [Case(178, "429 in the middle of a listing in pages: Throttled, and the listing goes on from the same cursor without loss", "DC-56 DC-59 DC-48", Fault = true, Needs = [typeof(IPageControl)])]
    public static async Task Paging_throttled(KindRun run)
    {
        await run.Run.Need<IPageControl>().SetPageSizeAsync(1);
        var built = new List<Resource>();
        for (var i = 0; i < 3; i++)
            built.Add(await run.BuiltAsync());
        await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
        var verbs = await run.VerbsAsync();
        var query = new ListQuery { Installation = run.World.Connection.Installation, PageSize = 1 };
        var found = new HashSet<string>(StringComparer.Ordinal);
        string? cursor = null;
        var pages = 0;
        do
        {
            if (pages > 0)
            {
                run.Faults.Arm(Throttle);
                var refused = await verbs.ListAsync(query, cursor);
                run.Faults.Disarm();
                KindRun.Expect(Wrong(refused.Error) is null, $"Page {pages + 1} was throttled: {Wrong(refused.Error)}; it says {refused}.");
            }

            var page = await verbs.ListAsync(query, cursor);
            KindRun.Expect(page.Error is null, $"Page {pages + 1} after throttling: {page}");
            found.UnionWith(page.Items.Select(i => i.Name));
            cursor = page.Next;
        }
        while (cursor is not null && ++pages < 200);
        KindRun.Expect(pages > 0, "Three objects came on one page although the platform gives one a page.");
        foreach (var resource in built)
            KindRun.Expect(found.Contains(resource.Identity.Name), $"{resource.Identity.Name} is missing from a listing that was throttled between its pages (DC-56).");
    }

    [Case(179, "The platform's own throttling answer is recognised, with its delay", "DC-48", Needs = [typeof(IThrottleControl)])]
    public static async Task Own_answer(CaseRun run)
    {
        var session = await run.SessionAsync();
        await session.ProbeAsync();
        await run.Need<IThrottleControl>().SetThrottledAsync(Wait);
        var error = (await session.ProbeAsync()).Error;
        CaseRun.Expect(Wrong(error) is null, $"The platform throttles: {Wrong(error)}; the probe says {(error is null ? "an account" : Show.Of(error))}.");
        await run.Need<IThrottleControl>().SetThrottledAsync(null);
        CaseRun.Expect((await session.ProbeAsync()).Error is null, "After throttling ended, the probe still fails.");
    }

    [Case(180, "A quota that is used up: QuotaExceeded for the account, not applied; once it is lifted the same resource is built", "DC-49 DC-51 L1", Needs = [typeof(IQuotaControl), typeof(ICensus)])]
    public static async Task Quota(KindRun run)
    {
        var quota = run.Run.Need<IQuotaControl>();
        var resource = await run.PrepareAsync();
        await quota.SetQuotaAsync(run.Kind, 0);
        var error = await BuildToErrorAsync(run, resource);
        KindRun.Expect(error.Code == ErrorCode.QuotaExceeded && error.Effect == Effect.NotApplied && error.Scope == ErrorScope.Account, $"A quota of 0 is {Show.Of(error)}, not QuotaExceeded, NotApplied, Account (DC-49, DC-51).");
        await quota.SetQuotaAsync(run.Kind, null);
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After the quota was lifted");
    }

    [Case(181, "A place that is full: CapacityUnavailable for the zone, not applied; once there is room the same resource is built", "DC-49 DC-51 L1", Kinds = [ResourceKind.Instance], Needs = [typeof(ICapacityControl), typeof(ICensus)])]
    public static async Task Capacity(KindRun run)
    {
        var capacity = run.Run.Need<ICapacityControl>();
        var resource = await run.PrepareAsync();
        await capacity.SetFullAsync(true);
        var error = await BuildToErrorAsync(run, resource);
        KindRun.Expect(error.Code == ErrorCode.CapacityUnavailable && error.Effect == Effect.NotApplied && error.Scope is ErrorScope.Zone or ErrorScope.Account, $"A full zone is {Show.Of(error)}, not CapacityUnavailable, NotApplied, Zone (DC-49, DC-51).");
        await capacity.SetFullAsync(false);
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After there was room again");
    }

    [Case(182, "A lack of room that only the operation knows is CapacityUnavailable for the zone too", "DC-28 DC-49 DC-51", Kinds = [ResourceKind.Instance], Needs = [typeof(IOperationFailure), typeof(ISlowOperations)])]
    public static async Task Late_stockout(KindRun run)
    {
        var failure = await LateFailure.SeenAsync(run, lateStockout: true);
        KindRun.Expect(failure.Code == ErrorCode.CapacityUnavailable && failure.Scope is ErrorScope.Zone or ErrorScope.Account, $"An operation that failed for lack of room is told as {Show.Of(failure)}, not CapacityUnavailable for the zone (DC-51).");
    }

    [Case(183, "A create that fails is sent once in its call, whatever the failure: the host repeats, not the driver", "DC-10 DC-89 L5", Fault = true)]
    public static async Task No_retry_inside(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var fault in (Fault[])
        [
            new() { Kind = FaultKind.Refuse, Times = 50 },
            new() { Kind = FaultKind.ResetBefore, Times = 50 },
            new() { Kind = FaultKind.StatusBefore, Status = 429, Times = 50 },
            new() { Kind = FaultKind.StatusBefore, Status = 500, Times = 50 },
            new() { Kind = FaultKind.StatusBefore, Status = 503, RetryAfter = TimeSpan.Zero, Times = 50 },
        ])
        {
            for (var at = 0; at < steps; at++)
            {
                if (await Sweep.UpToAsync(run, at) is not var (resource, step, verbs))
                    continue;
                var sent = run.Faults.Requests.Length;
                run.Faults.Arm(fault);
                await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
                run.Faults.Disarm();
                var tries = run.Faults.Requests.Skip(sent).Where(r => ReferenceEquals(r.Fault, fault)).ToList();
                KindRun.Expect(tries.Count <= 1, $"{fault}: {step.Verb} {step.Part} sent {tries.Count} mutations in one call: {string.Join("; ", tries)} (DC-89).");
            }
        }
    }

    [Case(184, "A Retry-After that is no time (negative, a word, enormous) neither breaks the call nor becomes a negative delay", "DC-11 DC-48", Fault = true)]
    public static async Task Odd_retry_after(CaseRun run)
    {
        var session = await run.SessionAsync();
        await session.ProbeAsync();
        foreach (var value in (string[])["-5", "soon", "99999999999999999999", "", "0", "Wed, 32 Foo 2030 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
        {
            run.Faults.Arm(new Fault { Kind = FaultKind.StatusBefore, Status = 429, MutationsOnly = false, Headers = [new("Retry-After", value)] });
            var error = (await session.ProbeAsync()).Error;
            run.Faults.Disarm();
            CaseRun.Expect(error?.Code == ErrorCode.Throttled, $"429 with Retry-After '{value}' is {(error is null ? "an account" : Show.Of(error))}, not Throttled.");
            CaseRun.Expect(error!.RetryAfter is null || error.RetryAfter >= TimeSpan.Zero, $"Retry-After '{value}' became {error.RetryAfter}.");
        }
    }

    private static Task EachStepAsync(KindRun run, bool delete) => Sweep.EachRequestAsync(run, Throttle, delete, (hit, done) =>
        (ReadAfterDone(done.Result.Error, hit, run.Faults) ? null : Wrong(done.Result.Error, hit, run.Faults)) ?? (Sweep.After(run.Run, hit) is { IsEmpty: false } more ? $"the call went on with {string.Join("; ", more)}; the host repeats, not the driver (DC-89)" : null));

    // What was refused only looked at what the call had made: Done is right then.
    private static bool ReadAfterDone(DriverError? error, RequestRecord hit, FaultPlan plan) =>
        error is null && !hit.Mutation && plan.Requests.Any(r => r.CallId == hit.CallId && r.Number < hit.Number && r.Mutation && r.Status is >= 200 and < 300);

    private static string? Wrong(DriverError? error, RequestRecord? hit = null, FaultPlan? plan = null) =>
        error?.Code != ErrorCode.Throttled ? "429 is Throttled (DC-48)"
        : error.RetryAfter != Wait ? $"Retry-After of {Wait.TotalSeconds:0} seconds belongs into RetryAfter"
        : error.Effect != Effect.NotApplied && plan?.Requests.Any(r => r.CallId == hit!.CallId && r.Number < hit.Number && r.Mutation) != true ? "a throttled request wasn't applied (DC-45)"
        : null;

    private static async Task<DriverError> BuildToErrorAsync(KindRun run, Resource resource)
    {
        DriverError? error = null;
        await run.BuildAsync(resource, new LoopHooks
        {
            After = (_, done) =>
            {
                error = done.Result.Error;
                return Task.CompletedTask;
            },
            StopAfter = _ => error is not null,
        });
        return error ?? throw new CaseFailedException("It was built although the platform had to refuse it.");
    }
}

/// <summary>Failures that only an operation knows.</summary>
internal static class LateFailure
{
    /// <summary>Builds with an operation that fails after it was accepted, and gives back what the driver tells of it.</summary>
    public static async Task<DriverError> SeenAsync(KindRun run, bool lateStockout, Func<Resource, Task>? beforeLooking = null, Action<Resource>? afterwards = null)
    {
        await run.Run.Need<ISlowOperations>().SetDurationAsync(TimeSpan.FromSeconds(20));
        var steps = (await run.BuiltAsync()).Steps;
        var last = steps.FindLastIndex(s => s.Step.Verb == StepVerb.Create);
        var (resource, step, verbs) = await Sweep.UpToAsync(run, last) ?? throw new CaseFailedException("A second resource needs fewer steps than the first.");
        await run.Run.Need<IOperationFailure>().FailNextCreateAsync(run.Kind, lateStockout);
        var result = await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
        if (result.Error is { } atOnce)
            return atOnce;
        resource.Record(result.Parts, result.Resolved);
        resource.Handle = result.Progress?.Handle;
        if (beforeLooking is not null)
            await beforeLooking(resource);
        verbs = await run.VerbsAsync();
        for (var round = 0; round < 100; round++)
        {
            var seen = await verbs.ObserveAsync(resource.Identity, resource.Spec, resource.Handle);
            KindRun.Expect(seen.Error is null, $"The look at an operation that fails fails itself: {seen}");
            if (seen.Failure is { } failure)
            {
                afterwards?.Invoke(resource);
                return failure;
            }

            KindRun.Expect(seen.InProgress is not null, $"The operation failed, and nothing tells why: {seen} (DC-28).");
            resource.Handle = seen.InProgress!.Handle ?? resource.Handle;
            await run.World.PassAsync(seen.InProgress.LookAgainAfter);
        }

        throw new CaseFailedException("An operation that failed stays in progress for 100 looks.");
    }
}
