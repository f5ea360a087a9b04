namespace Datum.Providers.Conformance;

/// <summary>CK-185 to CK-194: cancellation and deadlines, at every await.</summary>
[CaseGroup(KitGroup.Cancellation)]
internal static class CancellationCases
{
    [Case(185, "A call that is cancelled before it begins sends no mutation and ends at once", "DC-11 DC-13")]
    public static Task Cancelled_before(KindRun run) => ExpectNothingSentAsync(run, new CallShape { Cancelled = true }, "was cancelled before it began");

    [Case(186, "A call whose deadline has passed before it begins sends no mutation and is Timeout", "DC-13")]
    public static Task Deadline_before(KindRun run) => ExpectNothingSentAsync(run, new CallShape { Left = TimeSpan.FromSeconds(-1) }, "had no time left when it began");

    [Case(187, "Cancelled at each request of building, before the platform acted: it ends promptly, claims nothing, sends nothing more, and is then built once", "DC-11 DC-13 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Create_before(KindRun run) => EachAsync(run, FaultKind.CancelBefore, delete: false);

    [Case(188, "Cancelled at each request of building, after the platform acted: it ends promptly, claims nothing, sends nothing more, and nothing is doubled", "DC-11 DC-13 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Create_after(KindRun run) => EachAsync(run, FaultKind.CancelAfter, delete: false);

    [Case(189, "Cancelled while each answer of building still arrives: no further mutation is sent, and nothing is doubled", "DC-11 DC-13 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Create_answered(KindRun run) => EachAsync(run, FaultKind.CancelAnswered, delete: false);

    [Case(190, "Cancelled at each request of deleting, before and after the platform acted: it ends promptly and then in absence", "DC-11 DC-13 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Delete(KindRun run)
    {
        await EachAsync(run, FaultKind.CancelBefore, delete: true);
        await EachAsync(run, FaultKind.CancelAfter, delete: true);
    }

    [Case(191, "A look or listing that is cancelled at any of its requests ends promptly and reports neither absence nor a page", "DC-11 DC-13 DC-21", Fault = true)]
    public static Task Looks_cancelled(KindRun run) => EachLookAsync(run, FaultKind.CancelBefore);

    [Case(192, "A look or listing whose deadline passes at any of its requests is Timeout and reports neither absence nor a page", "DC-13 DC-21 DC-45", Fault = true)]
    public static Task Looks_timed_out(KindRun run) => EachLookAsync(run, FaultKind.TimeoutBefore);

    [Case(193, "A payload whose reading is cancelled ends the step without effect, and it is then built once", "DC-11 DC-13 DC-85 L1", Needs = [typeof(ICensus)])]
    public static async Task Payload_cancelled(KindRun run)
    {
        var cancelled = 0;
        var resource = await run.PrepareAsync();
        await run.BuildAsync(resource, new LoopHooks
        {
            Before = (number, _) =>
            {
                if (cancelled == 0)
                {
                    run.Run.Shape = new CallShape
                    {
                        OnPayload = async (frame, token) =>
                        {
                            cancelled++;
                            await frame.CancelAsync();
                            token.ThrowIfCancellationRequested();
                            run.Faults.Violate("A payload is read with another token than the call's (DC-13).");
                        },
                    };
                }

                return Task.CompletedTask;
            },
            After = (_, done) =>
            {
                if (cancelled == 1)
                    KindRun.Expect(done.Result.Error?.Code == ErrorCode.Timeout && done.Mutations == 0, $"Reading a payload was cancelled; {done.Step.Verb} {done.Step.Part} sent {done.Mutations} mutations and says {done.Result} (DC-11).");
                cancelled += cancelled == 1 ? 1 : 0;
                run.Run.Shape = new CallShape();
                return Task.CompletedTask;
            },
        });
        if (cancelled == 0)
            throw new NotApplicableException("Nothing of this kind reads a payload.");
        await run.ExpectExactlyRecordedAsync(resource, "After reading a payload was cancelled");
    }

    [Case(194, "Many resources are built and taken down at once while calls are cancelled at random: nothing is doubled and nothing left", "DC-5 DC-11 L1 L2 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Storm(KindRun run)
    {
        var resources = new List<Resource>();
        for (var i = 0; i < 6; i++)
            resources.Add(await run.PrepareAsync());
        var random = new Random(17);
        // Asked under the plan's lock. What is sent outside of any call, at a session's end, has nothing that could be cancelled.
        foreach (var kind in (FaultKind[])[FaultKind.CancelAfter, FaultKind.CancelBefore, FaultKind.CancelAnswered])
            run.Faults.Arm(new Fault { Kind = kind, MutationsOnly = false, Times = 12, Match = r => r.Verb.Length > 0 && random.Next(8) == 0 });
        await Task.WhenAll(resources.Select(r => Task.Run(() => run.BuildAsync(r))));
        foreach (var resource in resources)
            await run.ExpectExactlyRecordedAsync(resource, "After calls were cancelled at random");
        await Task.WhenAll(resources.Select(r => Task.Run(() => run.TakeDownAsync(r))));
        foreach (var resource in resources)
        {
            var left = await run.CountAsync(resource);
            KindRun.Expect(left.IsEmpty, $"Absence was reported while {string.Join(", ", left.Select(o => o.Id))} is there (L6).");
        }

        run.Faults.Disarm();
    }

    private static Task EachAsync(KindRun run, FaultKind kind, bool delete) =>
        Sweep.EachRequestAsync(run, new Fault { Kind = kind, MutationsOnly = false }, delete, (hit, done) =>
        {
            if (Sweep.After(run.Run, hit).FirstOrDefault(r => r.Mutation) is { } more)
                return $"{more.Method} {more.Uri.AbsolutePath} was sent after the call had been cancelled (DC-13)";
            if (done.Result.Error is not { } error)
                return kind == FaultKind.CancelAnswered ? null : "the request was cancelled, so the step isn't done";
            if (hit.Mutation && error.Effect == Effect.NotApplied)
                return "the request may have gone out, so the effect isn't NotApplied (DC-11)";
            return error.Code == ErrorCode.Timeout ? null : "a call that was cancelled ends with Timeout or OperationCanceledException (DC-11)";
        });

    private static async Task ExpectNothingSentAsync(KindRun run, CallShape shape, string why)
    {
        var built = await run.BuiltAsync();
        var (fresh, step, verbs) = await Sweep.UpToAsync(run, 0) ?? throw new CaseFailedException("Before anything was built there is no first step (DC-26).");
        var delete = (await run.ObserveAsync(built, desired: false)).Next ?? throw new CaseFailedException("What is built has no delete step (DC-27).");
        var before = run.Faults.Mutations;
        run.Run.Shape = shape;
        Judge("CreateAsync", (await verbs.CreateAsync(step, fresh.TokenOf(step), fresh.Identity, fresh.Spec)).Error);
        Judge("DeleteAsync", (await verbs.DeleteAsync(delete, built.TokenOf(delete), built.Identity)).Error);
        if (run.Faults.Requests.IsEmpty)
            return;
        Judge("ObserveAsync", (await run.ObserveAsync(fresh)).Error);
        Judge("ListAsync", (await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation })).Error);
        run.Run.Shape = new CallShape();
        var seen = await run.ObserveAsync(built);
        KindRun.Expect(seen.Presence == Presence.Present, $"After calls that did nothing, what was built is {seen}.");

        void Judge(string verb, DriverError? error)
        {
            KindRun.Expect(run.Faults.Mutations == before, $"{verb} {why} and sent a mutation all the same (DC-13).");
            KindRun.Expect(error?.Code == ErrorCode.Timeout, $"{verb} {why} and says {(error is null ? "success" : Show.Of(error))}, not Timeout (DC-11).");
        }
    }

    private static async Task EachLookAsync(KindRun run, FaultKind kind)
    {
        var built = await run.BuiltAsync();
        var verbs = await run.VerbsAsync();
        var query = new ListQuery { Installation = run.World.Connection.Installation };
        foreach (var recorded in (bool[])[true, false])
        {
            var identity = recorded ? built.Identity : built.Identity with { Parts = [] };
            await EachAsync("ObserveAsync", async () =>
            {
                var seen = await verbs.ObserveAsync(identity, built.Spec);
                return (seen.Error, seen.ToString());
            });
        }

        await EachAsync("ListAsync", async () =>
        {
            var page = await verbs.ListAsync(query);
            return (page.Error, page.ToString());
        });

        async Task EachAsync(string verb, Func<Task<(DriverError? Error, string Said)>> look)
        {
            var start = run.Faults.Requests.Length;
            await look();
            var count = run.Faults.Requests.Length - start;
            for (var nth = 1; nth <= count; nth++)
            {
                run.Faults.Arm(new Fault { Kind = kind, MutationsOnly = false, Nth = nth });
                var (error, said) = await look();
                run.Faults.Disarm();
                KindRun.Expect(error?.Code == ErrorCode.Timeout, $"{verb} ended by {kind} at request {nth} of {count} and says {said}, not Timeout (DC-13, DC-21).");
            }
        }
    }
}
