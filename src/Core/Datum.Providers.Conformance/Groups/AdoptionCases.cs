namespace Datum.Providers.Conformance;

/// <summary>CK-150 to CK-154: taking over and letting go.</summary>
[CaseGroup(KitGroup.Abilities)]
internal static class AdoptionCases
{
    private const int MostRounds = 200;

    private static readonly string Token = new('a', 32);

    [Case(150, "What is let go keeps existing, unmarked and unchanged; letting go twice is as once; it is then absent to us", "DC-111 DC-112 L3", Needs = [typeof(ICensus)])]
    public static async Task Release(KindRun run)
    {
        var (resource, verbs) = await BuiltAsync(run);
        var facts = (await verbs.InspectAsync(resource.Identity, MainId(resource))).Facts;
        for (var i = 0; i < 2; i++)
        {
            var released = await ReleaseAsync(run, verbs, resource.Identity);
            KindRun.Expect(released.Done, $"ReleaseAsync, time {i + 1}: {released} (DC-111, DC-112).");
        }

        KindRun.Expect((await run.CountAsync(resource)).IsEmpty, $"After the release the platform's objects still carry our mark: {string.Join(", ", (await run.CountAsync(resource)).Select(o => o.Id))} (DC-111).");
        var left = await verbs.InspectAsync(resource.Identity, MainId(resource));
        KindRun.Expect(left is { Error: null, Mark: MarkState.Missing }, $"What was let go is {left}; it keeps existing without a mark (DC-111).");
        KindRun.Expect(facts is null || left.Facts is null || Show.Json(facts) == Show.Json(left.Facts), $"Letting go changed the object: {Show.Json(facts!)} before, {Show.Json(left.Facts!)} after (DC-111).");
        var seen = await verbs.ObserveAsync(resource.Identity with { Parts = [] }, resource.Spec);
        KindRun.Expect(seen.Presence == Presence.Absent, $"After the release, without recorded ids, the look says {seen} (DC-111).");
    }

    [Case(151, "An unmarked object is adopted with all of its parts, twice as once; it is then observed, listed and taken down like our own", "DC-108 DC-110 DC-112 L1", Needs = [typeof(ICensus)])]
    public static async Task Adopt(KindRun run)
    {
        var (resource, verbs) = await ReleasedAsync(run);
        var other = await run.Run.PrepareAsync(run.Kind, build: false);
        var identity = other.Identity with { Incarnation = 3 };
        var found = await verbs.InspectAsync(identity, MainId(resource));
        KindRun.Expect(found is { Error: null, Mark: MarkState.Missing, Owner: null } && !found.Parts.IsEmpty, $"Before the adoption the object is {found} (DC-108).");
        for (var i = 0; i < 2; i++)
        {
            var adopted = await AdoptAsync(run, verbs, identity, MainId(resource));
            KindRun.Expect(adopted.Done, $"AdoptAsync, time {i + 1}: {adopted} (DC-112).");
            identity = identity with { Parts = adopted.Parts.IsEmpty ? identity.Parts : adopted.Parts };
        }

        KindRun.Expect(Same(identity.Parts, found.Parts), $"Adopted parts are {Show.Of(identity.Parts)}, inspected ones {Show.Of(found.Parts)} (DC-110).");
        var taken = new Resource { Kind = run.Kind, Sample = resource.Sample, Context = resource.Context, Identity = identity, Spec = resource.Spec };
        await run.ExpectExactlyRecordedAsync(taken, "After the adoption");
        foreach (var id in (Identity[])[identity, identity with { Parts = [] }])
        {
            await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
            var seen = await verbs.ObserveAsync(id, resource.Spec);
            KindRun.Expect(seen is { Presence: Presence.Present, Mark: MarkState.Ours, Incarnation: 0 or 3 } && Same(seen.Parts, identity.Parts), $"After the adoption the look says {seen} (DC-110).");
        }

        await ExpectListedAsync(run, verbs, identity.Name);
        await run.TakeDownAsync(taken);
        KindRun.Expect((await run.CountAsync(taken)).IsEmpty, "What was adopted can't be taken down.");
    }

    [Case(152, "What carries another identity's or another installation's mark is refused with its owner's name and left as it is", "DC-108 DC-109 L3", Needs = [typeof(ICensus)])]
    public static async Task Adopt_foreign(KindRun run)
    {
        var (owned, verbs) = await BuiltAsync(run);
        var thief = (await run.Run.PrepareAsync(run.Kind, build: false)).Identity;
        await ExpectRefusedAsync(owned.Identity.Name);
        await run.ExpectExactlyRecordedAsync(owned, "After another identity wanted to adopt it");
        if (run.World is IMarkTampering marks)
        {
            foreach (var part in owned.Identity.Parts)
                await marks.ForgeMarkAsync(run.Kind, part, "elsewhere");
            await ExpectRefusedAsync("elsewhere");
            var found = await verbs.InspectAsync(thief, MainId(owned));
            KindRun.Expect(found is { Mark: MarkState.Foreign, Owner: { } owner } && owner.Contains("elsewhere", StringComparison.Ordinal), $"Another installation's object is inspected as {found} (DC-108).");
        }

        async Task ExpectRefusedAsync(string ownerName)
        {
            var mutations = run.Faults.Mutations;
            var refused = await verbs.AdoptAsync(Token, thief, MainId(owned));
            KindRun.Expect(refused.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied } error && error.BlockedBy.Any(b => b.Contains(ownerName, StringComparison.Ordinal)),
                $"Adopting what {ownerName} owns: {refused}; Conflict, NotApplied and BlockedBy with the owner is right (DC-109).");
            KindRun.Expect(run.Faults.Mutations == mutations, "An object that another owns was changed (DC-109).");
        }
    }

    [Case(153, "An adoption whose answers are lost, at any of its requests, comes to the same end when it is called again", "DC-109 DC-112 L1", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Adopt_with_lost_answers(KindRun run) => EachLostAnswerAsync(run, adopt: true);

    [Case(154, "A release whose answers are lost, at any of its requests, comes to the same end when it is called again", "DC-111 DC-112", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Release_with_lost_answers(KindRun run) => EachLostAnswerAsync(run, adopt: false);

    private static async Task EachLostAnswerAsync(KindRun run, bool adopt)
    {
        var (clean, verbs) = adopt ? await ReleasedAsync(run) : await BuiltAsync(run);
        var mutations = run.Faults.Mutations;
        var result = await CallAsync(clean.Identity, MainId(clean));
        KindRun.Expect(result.Done, $"{(adopt ? "AdoptAsync" : "ReleaseAsync")} on a healthy platform: {result}");
        var count = run.Faults.Mutations - mutations;
        foreach (var kind in (FaultKind[])[FaultKind.ResetBefore, FaultKind.ResetAfter, FaultKind.TimeoutAfter, FaultKind.CancelAfter])
        {
            for (var nth = 1; nth <= count; nth++)
            {
                (clean, verbs) = adopt ? await ReleasedAsync(run) : await BuiltAsync(run);
                run.Faults.Arm(new Fault { Kind = kind, Nth = nth });
                result = await CallAsync(clean.Identity, MainId(clean));
                run.Faults.Disarm();
                KindRun.Expect(result.Error is { } error ? error.Effect != Effect.NotApplied : kind == FaultKind.ResetAfter || result.Done, $"{kind} at request {nth}: {result}; the effect isn't known (DC-45).");
                result = await CallAsync(clean.Identity, MainId(clean));
                KindRun.Expect(result.Done, $"Called again after {kind} at request {nth}: {result} (DC-112).");
                if (adopt)
                    await run.ExpectExactlyRecordedAsync(clean, $"After an adoption with {kind} at request {nth}");
                else
                    KindRun.Expect((await run.CountAsync(clean)).IsEmpty, $"After a release with {kind} at request {nth}, marks are left (DC-111).");
            }
        }

        Task<StepResult> CallAsync(Identity id, string providerId) => adopt ? AdoptAsync(run, verbs, id with { Parts = [] }, providerId) : ReleaseAsync(run, verbs, id);
    }

    private static async Task<(Resource Resource, KindVerbs Verbs)> BuiltAsync(KindRun run)
    {
        if (!run.Descriptor.Adoptable)
            throw new NotApplicableException("The kind isn't adoptable.");
        return (await run.BuiltAsync(), await run.VerbsAsync());
    }

    private static async Task<(Resource Resource, KindVerbs Verbs)> ReleasedAsync(KindRun run)
    {
        var (resource, verbs) = await BuiltAsync(run);
        var released = await ReleaseAsync(run, verbs, resource.Identity);
        KindRun.Expect(released.Done, $"ReleaseAsync: {released} (DC-111).");
        await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
        return (resource, verbs);
    }

    private static Task<StepResult> AdoptAsync(KindRun run, KindVerbs verbs, Identity id, string providerId) => UntilDoneAsync(run, () => verbs.AdoptAsync(Token, id, providerId));

    private static Task<StepResult> ReleaseAsync(KindRun run, KindVerbs verbs, Identity id) => UntilDoneAsync(run, () => verbs.ReleaseAsync(Token, id));

    // Where a platform changes marks by an operation, the answer is Running, and the same call comes to the end.
    private static async Task<StepResult> UntilDoneAsync(KindRun run, Func<Task<StepResult>> call)
    {
        var result = await call();
        for (var round = 0; round < MostRounds && result is { Error: null, Done: false, Progress: { } progress }; round++)
        {
            await run.World.PassAsync(progress.LookAgainAfter);
            result = await call();
        }

        return result;
    }

    private static async Task ExpectListedAsync(KindRun run, KindVerbs verbs, string name)
    {
        if (run.Descriptor.ListQuality == ListQuality.None)
            return;
        string? cursor = null;
        do
        {
            var page = await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation }, cursor);
            KindRun.Expect(page.Error is null, $"After the adoption, {page}");
            if (page.Items.Any(i => i.Name == name))
                return;
            cursor = page.Next;
        }
        while (cursor is not null);
        throw new CaseFailedException("What was adopted isn't listed (DC-110).");
    }

    private static string MainId(Resource resource) => resource.Identity.Parts[0].Id;

    private static bool Same(ImmutableArray<Part> one, ImmutableArray<Part> other) => one.Select(p => $"{p.Name}={p.Id}").Order(StringComparer.Ordinal).SequenceEqual(other.Select(p => $"{p.Name}={p.Id}").Order(StringComparer.Ordinal));
}
