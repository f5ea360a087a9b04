namespace Datum.Providers.Conformance;

/// <summary>CK-155 to CK-164: handles, restarts, records of other versions.</summary>
[CaseGroup(KitGroup.Restart)]
internal static class RestartCases
{
    [Case(155, "A handle is good for any host: the work goes on in a new session by it", "DC-80 DC-81", Needs = [typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task Handle_in_another_session(KindRun run)
    {
        var resource = await StartedAsync(run);
        if (resource.Handle is null)
            throw new NotApplicableException("The platform's work is followed without a handle.");
        run.Run.Use(await run.Run.OpenAsync());
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(seen.Error is null && (seen.InProgress is not null || seen.Presence == Presence.Present), $"With the handle, in a new session, the work is {seen} (DC-80).");
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After the handle went to another session");
    }

    [Case(156, "A handle that is lost doesn't lose the resource: it is found again and made once", "DC-81 L1", Needs = [typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task Handle_lost(KindRun run)
    {
        var resource = (await StartedAsync(run)).Forget();
        run.Run.Use(await run.Run.OpenAsync());
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After the handle was lost");
    }

    [Case(157, "Handles that are unknown, garbage or of another version count as none: no exception, no absence of what is there", "DC-80", Needs = [typeof(ICensus)])]
    public static async Task Foreign_handles(KindRun run)
    {
        var built = await run.BuiltAsync();
        var without = (await (await run.VerbsAsync()).ObserveAsync(built.Identity, built.Spec)).ToString();
        foreach (var handle in Handles(run))
        {
            var seen = await (await run.VerbsAsync()).ObserveAsync(built.Identity, built.Spec, handle);
            KindRun.Expect(seen.ToString() == without, $"With the handle {Cut(handle.Data)} the look is {seen}, without one {without} (DC-80).");
        }

        await run.ExpectExactlyRecordedAsync(built, "After looks with foreign handles");
    }

    [Case(158, "With such handles what was never built is Absent with its first step", "DC-21 DC-80")]
    public static async Task Foreign_handles_of_nothing(KindRun run)
    {
        var resource = await run.PrepareAsync();
        var without = (await (await run.VerbsAsync()).ObserveAsync(resource.Identity, resource.Spec)).ToString();
        foreach (var handle in Handles(run))
        {
            var seen = await (await run.VerbsAsync()).ObserveAsync(resource.Identity, resource.Spec, handle);
            KindRun.Expect(seen.ToString() == without, $"With the handle {Cut(handle.Data)} what was never built is {seen}, without one {without} (DC-80).");
        }
    }

    [Case(159, "A handle that has expired counts as none, also while the work goes on", "DC-80 DC-81", Needs = [typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task Expired_handle(KindRun run)
    {
        var resource = await StartedAsync(run);
        if (resource.Handle is not { } handle)
            throw new NotApplicableException("The platform's work is followed without a handle.");
        resource.Handle = handle with { ExpiresAt = run.World.Time.GetUtcNow() - TimeSpan.FromSeconds(1) };
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(seen.Error is null, $"With a handle that has expired the look fails: {seen} (DC-80).");
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After the handle expired");
    }

    [Case(160, "A record with parts that this version doesn't know neither breaks a verb nor is anything else touched for it", "DC-32 DC-80 L3", Needs = [typeof(ICensus)])]
    public static async Task Unknown_parts(KindRun run)
    {
        var bystander = await run.BuiltAsync();
        var built = await run.BuiltAsync();
        var old = built.Identity with
        {
            Parts = [.. built.Identity.Parts, new Part { Name = "of-another-version", Id = bystander.Identity.Parts[0].Id }],
            Resolved = built.Identity.Resolved.Add("of-another-version", "value"),
        };
        var verbs = await run.VerbsAsync();
        var seen = await verbs.ObserveAsync(old, built.Spec);
        KindRun.Expect(seen.Error is null or { Code: not ErrorCode.Bug } && seen.Presence != Presence.Absent, $"With an unknown part in the record the look is {seen} (DC-32).");
        var deleting = await verbs.ObserveAsync(old, null);
        for (var i = 0; i < 20 && deleting.Next is { } step; i++)
        {
            await verbs.DeleteAsync(step, built.TokenOf(step), old);
            await run.World.PassAsync(TimeSpan.FromSeconds(5));
            deleting = await verbs.ObserveAsync(old, null);
        }

        await run.ExpectExactlyRecordedAsync(bystander, "After a record named another resource's object under a part that this version doesn't know,");
    }

    [Case(161, "Operations that the platform forgot don't lose what they made, and nothing is made twice", "DC-80 DC-81 L1", Needs = [typeof(IOperationFailure), typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task Forgotten_operations(KindRun run)
    {
        var resource = await StartedAsync(run);
        await run.Run.Need<IOperationFailure>().ForgetOperationsAsync();
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(seen.Error is null && seen.Failure is null, $"The platform forgot the operation, its work goes on, and the look says {seen} (DC-80).");
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "After the platform forgot its operations");
    }

    [Case(162, "An operation's failure is seen also by a host that was started since, from the record alone", "DC-28 DC-81", Needs = [typeof(IOperationFailure), typeof(ISlowOperations)])]
    public static async Task Failure_after_restart(KindRun run)
    {
        var failure = await LateFailure.SeenAsync(run, lateStockout: false, async _ => run.Run.Use(await run.Run.OpenAsync()));
        KindRun.Expect(failure.Code is not (ErrorCode.Unknown or ErrorCode.Bug or ErrorCode.Timeout or ErrorCode.Throttled), $"An operation that failed is told as {Show.Of(failure)} (DC-48).");
    }

    [Case(163, "A failure that only the operation knows isn't told again once the handle is gone", "DC-28", Needs = [typeof(IOperationFailure), typeof(ISlowOperations)])]
    public static async Task Failure_told_once(KindRun run)
    {
        Resource? failed = null;
        await LateFailure.SeenAsync(run, lateStockout: false, afterwards: r => failed = r);
        if (failed is null)
            throw new NotApplicableException("The failure is told by the request itself.");
        failed.Handle = null;
        var seen = await run.ObserveAsync(failed);
        KindRun.Expect(seen.Failure is null || seen.State == Lifecycle.Failed, $"The handle is gone and no object is there to tell it, and the failure is told again: {seen} (DC-28).");
    }

    [Case(164, "A host that dies at the worst moment of a deletion is followed by one that ends it from the record alone", "DC-12 DC-65 DC-81 L6", Needs = [typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task Half_deleted(KindRun run)
    {
        var clean = await run.BuiltAsync();
        var from = clean.Steps.Count;
        await run.TakeDownAsync(clean);
        var steps = clean.Steps.Count - from;
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            await run.Run.Need<ISlowOperations>().SetDurationAsync(TimeSpan.FromSeconds(20));
            var resource = await run.BuiltAsync();
            var killAt = resource.Steps.Count + stop;
            await run.TakeDownAsync(resource, new LoopHooks { StopAfter = n => n == killAt });
            var next = resource.Forget();
            run.Run.Use(await run.Run.OpenAsync());
            await run.TakeDownAsync(next);
            var left = await run.CountAsync(next);
            KindRun.Expect(left.IsEmpty, $"After a kill behind delete step {stop} absence was reported while {string.Join(", ", left.Select(o => o.Id))} is there (L6).");
        }
    }

    /// <summary>A resource whose last step the platform still works at.</summary>
    private static async Task<Resource> StartedAsync(KindRun run)
    {
        await run.Run.Need<ISlowOperations>().SetDurationAsync(TimeSpan.FromSeconds(20));
        var last = (await run.BuiltAsync()).Steps.FindLastIndex(s => s.Step.Verb == StepVerb.Create);
        var (resource, step, verbs) = await Sweep.UpToAsync(run, last) ?? throw new CaseFailedException("A second resource needs fewer steps than the first.");
        // The intent is stored first, as the host does.
        var now = run.World.Time.GetUtcNow();
        resource.Intent = new Intent(step.Part, step.Class, now, now + run.World.CallTimeout);
        var result = await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
        KindRun.Expect(result.Error is null, $"{step.Verb} {step.Part} failed on a healthy platform: {result}");
        if (result.Progress is null)
            throw new NotApplicableException("The platform answers with the finished object.");
        resource.Record(result.Parts, result.Resolved);
        if (result.Parts.Any(p => p.Name == step.Part))
            resource.Intent = null;
        resource.Handle = result.Progress.Handle;
        return resource;
    }

    private static ImmutableArray<Handle> Handles(KindRun run) =>
    [
        new() { Data = "?" },
        new() { Data = "0" },
        new() { Data = ":::" },
        new() { Data = "v99:operation/1/2/3" },
        new() { Data = "../../../../etc/passwd" },
        new() { Data = "{\"operation\":null}" },
        new() { Data = "\u0000\r\nX-Injected: 1" },
        new() { Data = "日本語 \U0001F4A5" },
        new() { Data = new string('x', 1024) },
        new() { Data = new string('9', 1024), ExpiresAt = run.World.Time.GetUtcNow() + TimeSpan.FromHours(1) },
        new() { Data = "expired", ExpiresAt = DateTimeOffset.UnixEpoch },
        new() { Data = "for ever", ExpiresAt = DateTimeOffset.MaxValue },
    ];

    private static string Cut(string text) => text.Length > 40 ? text[..40] + "…" : text;
}
