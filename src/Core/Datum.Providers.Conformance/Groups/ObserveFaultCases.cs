namespace Datum.Providers.Conformance;

/// <summary>CK-300 to CK-308: a look of which a read breaks is an error, never an absence.</summary>
[CaseGroup(KitGroup.Observe)]
internal static class ObserveFaultCases
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(11);

    [Case(300, "A connection that breaks or is refused during a look: Unavailable, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static async Task Connection_breaks(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.ResetAfter }, Breaking.Read(ErrorCode.Unavailable));
        await EachReadAsync(run, new Fault { Kind = FaultKind.Refuse }, Breaking.Read(ErrorCode.Unavailable));
    }

    [Case(301, "5xx and a gateway's page during a look: Unavailable with the wish to wait, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static async Task Status_5xx(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 500 }, Breaking.Read(ErrorCode.Unavailable));
        await EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 502, ContentType = "text/html", Body = "<html><h1>Bad Gateway</h1></html>" }, Breaking.Read(ErrorCode.Unavailable));
        await EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 503, RetryAfter = Wait }, e =>
            Breaking.Read(ErrorCode.Unavailable)(e) ?? (e.RetryAfter != Wait ? "Retry-After of 11 seconds belongs into RetryAfter" : null));
    }

    [Case(302, "A look that rights forbid: Forbidden or Unauthenticated, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static async Task Rights(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 403, Body = """{"message":"no"}""" }, Breaking.Read(ErrorCode.Forbidden));
        await EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 401, Body = """{"message":"who are you"}""" }, Breaking.Read(ErrorCode.Unauthenticated));
    }

    [Case(303, "A look that is throttled: Throttled with the platform's own delay, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static Task Throttled(KindRun run) => EachReadAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = Wait }, e =>
        Breaking.Read(ErrorCode.Throttled)(e) ?? (e.RetryAfter != Wait ? "Retry-After of 11 seconds belongs into RetryAfter" : null));

    [Case(304, "An answer to a look that is garbage or ends in the middle is an error, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static async Task Broken_answers(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.GarbageBody }, Breaking.Read());
        await EachReadAsync(run, new Fault { Kind = FaultKind.TruncatedBody }, Breaking.Read());
    }

    [Case(305, "An answer to a look that is empty or has no end is an error, never Absent", "DC-21 DC-48 L6", Fault = true)]
    public static async Task Empty_and_endless(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.EmptyBody }, Breaking.Read());
        await EachReadAsync(run, new Fault { Kind = FaultKind.OversizedBody }, Breaking.Read());
    }

    [Case(306, "A look that gets no answer by its deadline, or half of one: Timeout, never Absent", "DC-13 DC-21 L6", Fault = true)]
    public static async Task No_answer(KindRun run)
    {
        await EachReadAsync(run, new Fault { Kind = FaultKind.TimeoutBefore }, e => e.Code == ErrorCode.Timeout ? null : "it is Timeout");
        await EachReadAsync(run, new Fault { Kind = FaultKind.EndlessBody }, e => e.Code == ErrorCode.Timeout ? null : "it is Timeout");
    }

    [Case(307, "A search that a part of the platform didn't answer is an error, never Absent", "DC-21 L6", Needs = [typeof(IPartitionControl)])]
    public static async Task Incomplete_search(KindRun run)
    {
        var built = await ObserveCases.Searchable(run);
        var never = await run.PrepareAsync();
        await Listing.SettleAsync(run);
        await run.Run.Need<IPartitionControl>().SetUnreachableAsync(true);
        var verbs = await run.VerbsAsync();
        foreach (var (what, identity) in (ImmutableArray<(string, Identity)>)[("what is there", built.Identity with { Parts = [] }), ("what never was", never.Identity)])
        {
            foreach (var desired in (ResourceSpec?[])[built.Spec, null])
            {
                var seen = await verbs.ObserveAsync(identity, desired);
                KindRun.Expect(seen.Presence != Presence.Absent, $"A search for {what} while a zone doesn't answer says {seen}; from an incomplete search nothing follows (DC-21).");
            }
        }

        await run.Run.Need<IPartitionControl>().SetUnreachableAsync(false);
        var found = await verbs.ObserveAsync(built.Identity with { Parts = [] }, built.Spec);
        KindRun.Expect(found.Presence == Presence.Present, $"The zone answers again: {found}.");
    }

    [Case(308, "A look changes nothing at the platform: no object and no revision, whatever it finds", "DC-20", Needs = [typeof(ICensus), typeof(IDriftMaker)])]
    public static async Task Looks_change_nothing(KindRun run)
    {
        var built = await run.BuiltAsync();
        var drifted = await run.BuiltAsync();
        foreach (var part in drifted.Identity.Parts)
            await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, part);
        var half = await run.PrepareAsync();
        await run.BuildAsync(half, new LoopHooks { StopAfter = n => n == 0 });
        var never = await run.PrepareAsync();
        await Listing.SettleAsync(run);
        if (run.World is ISlowOperations)
            await run.World.PassAsync(TimeSpan.FromMinutes(1));
        var before = await Listing.ObjectsAsync(run);
        foreach (var resource in (Resource[])[built, drifted, half, never])
        {
            foreach (var desired in (bool[])[true, false])
            {
                var seen = await run.ObserveAsync(resource, desired);
                await (await run.VerbsAsync()).ObserveAsync(resource.Identity with { Parts = [] }, desired ? resource.Spec : null);
                var changes = Listing.Difference(before, await Listing.ObjectsAsync(run));
                KindRun.Expect(changes.Length == 0, $"A look that found {seen.Presence} changed the platform: {changes} (DC-20).");
            }
        }
    }

    /// <summary>Breaks each request of looks, and all that follow it: of what is built (by id, by search, with desired null) and of what never was.</summary>
    private static async Task EachReadAsync(KindRun run, Fault fault, Func<DriverError, string?> judge)
    {
        var built = await run.BuiltAsync();
        var half = await run.PrepareAsync();
        await run.BuildAsync(half, new LoopHooks { StopAfter = n => n == 0 });
        var never = await run.PrepareAsync();
        var verbs = await run.VerbsAsync();
        await Listing.SettleAsync(run);
        foreach (var (what, identity, desired, handle) in (ImmutableArray<(string, Identity, ResourceSpec?, Handle?)>)
        [
            ("by recorded ids", built.Identity, built.Spec, null),
            ("by search", built.Identity with { Parts = [] }, built.Spec, null),
            ("by recorded ids with desired null", built.Identity, null, null),
            ("by search with desired null", built.Identity with { Parts = [] }, null, null),
            ("at what is half-built", half.Identity, half.Spec, half.Handle),
            ("at what never was", never.Identity, never.Spec, null),
        ])
        {
            var sent = run.Faults.Requests.Length;
            var clean = await verbs.ObserveAsync(identity, desired, handle);
            KindRun.Expect(clean.Error is null, $"A look {what} at a healthy platform: {clean}");
            var reads = run.Faults.Requests.Skip(sent).Count(r => r.Verb == "observe");
            for (var nth = 1; nth <= reads; nth++)
            {
                var hits = run.Faults.Hits;
                run.Faults.Arm(fault with { MutationsOnly = false, Verb = "observe", Nth = nth, Times = Breaking.Always });
                var seen = await verbs.ObserveAsync(identity, desired, handle);
                run.Faults.Disarm();
                if (run.Faults.Hits == hits)
                    continue;
                if (seen.Error is { } error)
                    KindRun.Expect(judge(error) is null, $"{fault} at request {nth} of a look {what}: {judge(error)}; the driver says {Show.Of(error)} (DC-48).");
                else
                    KindRun.Expect(seen.Presence == Presence.Present && Show.Of(seen.Parts) == Show.Of(clean.Parts) && seen.Mark == clean.Mark,
                        $"{fault} at request {nth} of a look {what}: without that answer the driver says {seen}, with it {clean}; an error is right (DC-21).");
            }
        }
    }
}
