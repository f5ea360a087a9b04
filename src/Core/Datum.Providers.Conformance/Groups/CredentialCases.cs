namespace Datum.Providers.Conformance;

/// <summary>CK-165 to CK-174: credentials and the account behind them.</summary>
[CaseGroup(KitGroup.Credentials)]
internal static class CredentialCases
{
    [Case(165, "Without credentials nobody gets in: Unauthenticated for the account, by DriverException or by the probe", "DC-2 DC-48 DC-49", Needs = [typeof(ICredentialControl)])]
    public static Task Missing(CaseRun run)
    {
        run.Host.Credentials = ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;
        return ExpectUnauthenticatedAsync(run, "no credentials are there");
    }

    [Case(166, "Wrong credentials are Unauthenticated for the account, by DriverException or by the probe", "DC-2 DC-48 DC-49", Needs = [typeof(ICredentialControl)])]
    public static Task Wrong(CaseRun run)
    {
        run.Host.Credentials = run.World.Credentials.ToImmutableDictionary(c => c.Key, c => (ReadOnlyMemory<byte>)"wrong-wrong-wrong-wrong"u8.ToArray());
        return ExpectUnauthenticatedAsync(run, "the credentials are wrong");
    }

    [Case(167, "Credentials that are revoked while a session runs: every verb is Unauthenticated and nothing is claimed, applied or lost", "DC-6 DC-21 DC-45 DC-48", Needs = [typeof(ICredentialControl), typeof(ICensus)])]
    public static async Task Revoked(KindRun run)
    {
        var built = await run.BuiltAsync();
        var delete = (await run.ObserveAsync(built, desired: false)).Next ?? throw new CaseFailedException("What is built has no delete step (DC-27).");
        var (fresh, step, verbs) = await Sweep.UpToAsync(run, 0) ?? throw new CaseFailedException("There is no first step (DC-26).");
        await run.Run.Need<ICredentialControl>().RevokeAsync();
        Judge("ObserveAsync by id", (await run.ObserveAsync(built)).Error);
        Judge("ObserveAsync", (await run.ObserveAsync(fresh)).Error);
        Judge("CreateAsync", (await verbs.CreateAsync(step, fresh.TokenOf(step), fresh.Identity, fresh.Spec)).Error);
        Judge("DeleteAsync", (await verbs.DeleteAsync(delete, built.TokenOf(delete), built.Identity)).Error);
        Judge("ListAsync", (await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation })).Error);
        await run.ExpectExactlyRecordedAsync(built, "After the credentials were revoked");
        KindRun.Expect((await run.CountAsync(fresh)).IsEmpty, "Something was made with credentials that aren't accepted.");

        static void Judge(string verb, DriverError? error) => KindRun.Expect(
            error is { Code: ErrorCode.Unauthenticated, Effect: Effect.NotApplied }, $"{verb} with revoked credentials says {(error is null ? "success" : Show.Of(error))}, not Unauthenticated and NotApplied.");
    }

    [Case(168, "Rotated credentials: the old session ends with Unauthenticated at worst, a new one works on at the same account with what was built", "DC-3 DC-6 L15", Needs = [typeof(ICredentialControl), typeof(ICensus)])]
    public static async Task Rotated(KindRun run)
    {
        var old = await run.Run.SessionAsync();
        var account = (await old.ProbeAsync()).Value?.AccountId;
        var built = await run.BuiltAsync();
        await run.Run.Need<ICredentialControl>().RotateAsync();
        foreach (var (key, value) in run.World.Credentials)
            run.Run.Leaks.Add("renewed credential " + key, value.Span);
        var drained = await run.ObserveAsync(built);
        KindRun.Expect(drained.Error is null or { Code: ErrorCode.Unauthenticated }, $"After the rotation the old session says {drained}.");
        KindRun.Expect(drained.Presence is Presence.Present or Presence.Unknown, $"After the rotation the old session says {drained}, though the object is there (DC-21).");
        run.Run.Use(await run.Run.OpenAsync());
        var probe = await (await run.Run.SessionAsync()).ProbeAsync();
        KindRun.Expect(probe.Value?.AccountId == account, $"The new session names account {probe.Value?.AccountId ?? Show.Of(probe.Error!)}, the old one {account} (DC-3).");
        var seen = await run.ObserveAsync(built);
        KindRun.Expect(seen is { Presence: Presence.Present, Next: null } && seen.Drift.IsEmpty, $"With the new credentials what was built is {seen}.");
        await run.TakeDownAsync(built);
        KindRun.Expect((await run.CountAsync(built)).IsEmpty, "With the new credentials it can't be taken down.");
    }

    [Case(169, "Session tokens that the platform forgot are renewed within the call, once, and the step is done once", "DC-6 L1", Needs = [typeof(ICredentialControl), typeof(ICensus)])]
    public static async Task Tokens_expire(KindRun run)
    {
        var control = run.Run.Need<ICredentialControl>();
        var resource = await run.PrepareAsync();
        await run.BuildAsync(resource, new LoopHooks
        {
            Before = async (_, _) => await control.ExpireTokensAsync(),
            After = (_, done) =>
            {
                KindRun.Expect(done.Result.Error is null, $"The session tokens had expired, the credentials hadn't, and {done.Step.Verb} {done.Step.Part} says {done.Result} (DC-6).");
                return Task.CompletedTask;
            },
        });
        await run.ExpectExactlyRecordedAsync(resource, "After session tokens expired before every step");
        await control.ExpireTokensAsync();
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(seen.Presence == Presence.Present, $"The session tokens had expired, the credentials hadn't, and the look says {seen} (DC-6).");
        await control.ExpireTokensAsync();
        var page = await (await run.VerbsAsync()).ListAsync(new ListQuery { Installation = run.World.Connection.Installation });
        KindRun.Expect(page.Error is null, $"The session tokens had expired, the credentials hadn't, and {page} (DC-6).");
    }

    [Case(170, "401 once at any request of building: either only that request is repeated, once, or the step is Unauthenticated and not applied; and it is built once", "DC-6 DC-45 L1", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Refused_once(KindRun run) => Sweep.EachRequestAsync(run, Refusal(401), delete: false, (hit, done) =>
    {
        // In a row: the same read later in the step, after other requests, is another one.
        bool Same(RequestRecord r) => r.Method == hit.Method && r.Uri == hit.Uri && r.Body.Span.SequenceEqual(hit.Body.Span);
        var again = Sweep.After(run.Run, hit).SkipWhile(r => !Same(r)).TakeWhile(Same).Count();
        return again > 1 ? $"the refused request was repeated {again} times (DC-6)"
            : done.Result.Error is null ? null
            : done.Result.Error.Code != ErrorCode.Unauthenticated ? "401 is Unauthenticated (DC-48)"
            : done.Result.Error.Effect == Effect.Unknown ? "a request that was refused with 401 did nothing (DC-45)" : null;
    });

    [Case(171, "401 for ever: Unauthenticated after at most one renewal and one repetition, in every verb", "DC-6 DC-48 DC-49", Fault = true)]
    public static async Task Refused_always(KindRun run)
    {
        var built = await run.BuiltAsync();
        var (fresh, step, verbs) = await Sweep.UpToAsync(run, 0) ?? throw new CaseFailedException("There is no first step (DC-26).");
        var fault = Refusal(401) with { Times = int.MaxValue };
        run.Faults.Arm(fault);
        await EachAsync("ObserveAsync", async () => (await run.ObserveAsync(built)).Error);
        await EachAsync("CreateAsync", async () => (await verbs.CreateAsync(step, fresh.TokenOf(step), fresh.Identity, fresh.Spec)).Error);
        await EachAsync("ListAsync", async () => (await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation })).Error);
        await EachAsync("ProbeAsync", async () => (await (await run.Run.SessionAsync()).ProbeAsync()).Error);
        run.Faults.Disarm();

        async Task EachAsync(string verb, Func<Task<DriverError?>> call)
        {
            var before = run.Faults.Requests.Length;
            var error = await call();
            KindRun.Expect(error is { Code: ErrorCode.Unauthenticated, Effect: Effect.NotApplied, Scope: ErrorScope.Account }, $"{verb} with 401 for ever says {(error is null ? "success" : Show.Of(error))}, not Unauthenticated, NotApplied, Account (DC-49).");
            var sent = run.Faults.Requests.Length - before;
            KindRun.Expect(sent <= 4, $"{verb} sent {sent} requests although each was refused with 401: one renewal and one repetition are allowed (DC-6).");
        }
    }

    [Case(172, "403 at any request: Forbidden, never absence; a step that is forbidden wasn't applied", "DC-21 DC-45 DC-48", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Forbidden(KindRun run)
    {
        await Sweep.EachRequestAsync(run, Refusal(403) with { MutationsOnly = true }, delete: false, (_, done) =>
            done.Result.Error?.Code != ErrorCode.Forbidden ? "403 is Forbidden (DC-48)" : done.Result.Error.Effect == Effect.Unknown ? "a request that is forbidden did nothing (DC-45)" : null);
        var built = await run.BuiltAsync();
        foreach (var identity in (Identity[])[built.Identity, built.Identity with { Parts = [] }])
        {
            var start = run.Faults.Requests.Length;
            await (await run.VerbsAsync()).ObserveAsync(identity, built.Spec);
            var count = run.Faults.Requests.Length - start;
            for (var nth = 1; nth <= count; nth++)
            {
                run.Faults.Arm(Refusal(403) with { Nth = nth });
                var seen = await (await run.VerbsAsync()).ObserveAsync(identity, built.Spec);
                run.Faults.Disarm();
                KindRun.Expect(seen.Error?.Code == ErrorCode.Forbidden, $"Request {nth} of a look was forbidden, and it says {seen}: what rights hide isn't absent (DC-21).");
            }
        }
    }

    [Case(173, "Another account behind the same endpoint and credentials shows in the probe, in old sessions or in new ones", "DC-3 L15", Needs = [typeof(IAccountSwap)])]
    public static async Task Another_account(CaseRun run)
    {
        var session = await run.SessionAsync();
        var before = (await session.ProbeAsync()).Value?.AccountId;
        CaseRun.Expect(!string.IsNullOrEmpty(before), "The probe names no account.");
        await run.Need<IAccountSwap>().SwapAccountAsync();
        var after = (await (await run.OpenAsync()).ProbeAsync()).Value?.AccountId;
        CaseRun.Expect(after is not null && after != before, $"Another account is behind the endpoint now, and a new session's probe still names {after ?? "none"} (DC-3, L15).");
        var old = await session.ProbeAsync();
        CaseRun.Expect(old.Error is not null || old.Value!.AccountId == after, $"The old session's probe still names {old.Value?.AccountId}: the driver keeps the account instead of asking (L15).");
    }

    [Case(174, "Closed sessions leave no sign-in behind, also after tokens were renewed and calls failed", "DC-7", Needs = [typeof(ISignInCount), typeof(ICredentialControl)])]
    public static async Task Sign_ins_end(CaseRun run)
    {
        var count = run.Need<ISignInCount>();
        var before = await count.CountSignInsAsync();
        for (var i = 0; i < 5; i++)
        {
            var session = await run.OpenAsync();
            await session.ProbeAsync();
            if (i == 2)
                await run.Need<ICredentialControl>().ExpireTokensAsync();
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => session.ProbeAsync()));
            await session.DisposeAsync();
        }

        var after = await count.CountSignInsAsync();
        CaseRun.Expect(after <= before, $"Before five sessions the platform held {before} sign-ins, after they were closed {after} (DC-7: platforms cap them).");
    }

    private static Fault Refusal(int status) => new() { Kind = FaultKind.StatusBefore, Status = status, MutationsOnly = false, Body = """{"note":"refused by the kit"}""" };

    private static async Task ExpectUnauthenticatedAsync(CaseRun run, string why)
    {
        DriverError? error;
        try
        {
            error = (await (await run.TryOpenAsync(run.World.Connection)).ProbeAsync()).Error;
        }
        catch (DriverException e)
        {
            error = e.Error;
        }

        CaseRun.Expect(error is { Code: ErrorCode.Unauthenticated, Effect: Effect.NotApplied, Scope: ErrorScope.Account },
            $"{char.ToUpperInvariant(why[0])}{why[1..]}, and the driver says {(error is null ? "success" : Show.Of(error))}, not Unauthenticated, NotApplied, Account (DC-48, DC-49).");
    }
}
