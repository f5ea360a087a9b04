namespace Datum.Providers.Conformance;

/// <summary>CK-080 to CK-089: parts and the order of steps.</summary>
[CaseGroup(KitGroup.Parts)]
internal static class PartsCases
{
    [Case(80, "A create step that isn't needed any more is Done or PreconditionFailed and changes nothing, whoever calls it", "DC-12 DC-15", Needs = [typeof(ICensus)])]
    public static async Task Steps_that_are_done(KindRun run)
    {
        var built = await run.BuiltAsync();
        var other = (await run.Run.OpenAsync()).Of(run.Kind);
        var before = await Listing.ObjectsAsync(run);
        foreach (var done in built.Steps.Where(s => s.Step.Verb == StepVerb.Create).ToList())
        {
            var again = await other.CreateAsync(done.Step, done.Token, built.Identity, built.Spec);
            KindRun.Expect(again.Error is null or { Code: ErrorCode.PreconditionFailed }, $"Step {done.Step.Part}, which isn't needed any more, is neither Done nor PreconditionFailed: {again} (DC-15).");
            var changes = Listing.Difference(before, await Listing.ObjectsAsync(run));
            KindRun.Expect(changes.Length == 0, $"Create {done.Step.Part}, which wasn't needed any more, changed the platform: {changes} (DC-12, DC-15).");
        }
    }

    [Case(81, "Each step can be done by another host, which knows what was recorded and nothing else", "DC-4 DC-12 DC-81 L1", Needs = [typeof(ICensus)])]
    public static async Task Each_step_by_another_host(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        var resource = await run.PrepareAsync();
        for (var at = 0; at <= steps; at++)
        {
            // The session ends with its host: what it kept in memory is lost with it.
            var old = await run.Run.SessionAsync();
            run.Run.Use(await run.Run.OpenAsync());
            await old.DisposeAsync();
            resource = resource.Forget();
            await run.BuildAsync(resource, new LoopHooks { StopAfter = _ => true });
            await Listing.SettleAsync(run);
        }

        KindRun.Expect(resource.Steps.Count == 0, $"After {steps} steps by as many hosts, which are enough for one host, there is a further one: {resource.Last} (DC-12).");
        await run.ExpectExactlyRecordedAsync(resource, "After each step was done by another host");
    }

    [Case(82, "A step whose parts aren't there yet is PreconditionFailed or NotReadyYet, not applied, and makes nothing", "DC-15 DC-30", Needs = [typeof(ICensus)])]
    public static async Task Steps_out_of_turn(KindRun run)
    {
        var clean = await run.BuiltAsync();
        var creates = clean.Steps.Where(s => s.Step.Verb == StepVerb.Create).ToList();
        if (creates.Count < 2)
            throw new NotApplicableException("The kind has one part.");
        var resource = await run.PrepareAsync();
        var last = creates[^1].Step;
        var early = await (await run.VerbsAsync()).CreateAsync(last, resource.TokenOf(last), resource.Identity, resource.Spec);
        KindRun.Expect(early.Error is { Code: ErrorCode.PreconditionFailed or ErrorCode.NotReadyYet, Effect: Effect.NotApplied },
            $"Create {last.Part} before {string.Join(", ", creates[..^1].Select(s => s.Step.Part))}: {early}; PreconditionFailed and NotApplied is right (DC-15).");
        var made = await run.CountAsync(resource);
        KindRun.Expect(made.IsEmpty, $"Create {last.Part}, called before its turn, made {string.Join(", ", made.Select(o => o.Id))} (DC-15).");
    }

    [Case(83, "A step that the driver doesn't know in this place is PreconditionFailed and touches nothing, in each verb", "DC-15", Needs = [typeof(ICensus)])]
    public static async Task Unknown_steps(KindRun run)
    {
        var built = await run.BuiltAsync();
        var verbs = await run.VerbsAsync();
        var before = await Listing.ObjectsAsync(run);
        foreach (var verb in (StepVerb[])[StepVerb.Create, StepVerb.Update, StepVerb.Delete])
        {
            var step = new Step { Part = "conformance-none", Verb = verb, Class = CreateClass.Repeatable, Description = "a step that no version names" };
            var token = built.TokenOf(step);
            var result = verb switch
            {
                StepVerb.Create => await verbs.CreateAsync(step, token, built.Identity, built.Spec),
                StepVerb.Update => await verbs.UpdateAsync(step, token, built.Identity, built.Spec),
                _ => await verbs.DeleteAsync(step, token, built.Identity),
            };
            KindRun.Expect(result.Error is { Code: ErrorCode.PreconditionFailed, Effect: Effect.NotApplied }, $"{verb} of a part that the resource doesn't have: {result}; PreconditionFailed and NotApplied is right (DC-15).");
            var changes = Listing.Difference(before, await Listing.ObjectsAsync(run));
            KindRun.Expect(changes.Length == 0, $"{verb} of a part that the resource doesn't have did something: {changes} (DC-15).");
        }
    }

    [Case(84, "A read that breaks within a step: before the change nothing was applied, behind it the new id is told all the same", "DC-36 DC-45 L1", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Reads_within_steps(KindRun run)
    {
        await BreakReadsAsync(run, run.PrepareAsync, (r, h) => run.BuildAsync(r, h));
        if (run.Sample.InPlace is { } inPlace)
        {
            await BreakReadsAsync(run, run.BuiltAsync, (r, h) =>
            {
                r.Spec = inPlace(r.Context);
                return run.BuildAsync(r, h);
            });
        }

        await BreakReadsAsync(run, run.BuiltAsync, (r, h) => run.TakeDownAsync(r, h));
    }

    [Case(85, "A step's class is true: after each step the part is found again without its id, and only that one", "DC-31 DC-33 DC-35", Needs = [typeof(ICensus)])]
    public static async Task Classes_are_true(KindRun run)
    {
        var resource = await run.PrepareAsync();
        var verbs = await run.VerbsAsync();
        var searched = 0;
        await run.BuildAsync(resource, new LoopHooks
        {
            After = async (_, done) =>
            {
                if (done.Step is not { Verb: StepVerb.Create, Class: CreateClass.Token or CreateClass.Named or CreateClass.Marked })
                    return;
                await Listing.SettleAsync(run);
                searched++;
                var seen = await verbs.ObserveAsync(resource.Identity with { Parts = [] }, resource.Spec);
                // While the platform makes what has a chosen number, it may not tell whose it is (DC-38).
                for (var i = 0; i < 100 && seen is { Presence: Presence.Absent, InProgress: { } progress } && !resource.Identity.Resolved.IsEmpty; i++)
                {
                    await run.World.PassAsync(progress.LookAgainAfter);
                    seen = await verbs.ObserveAsync(resource.Identity with { Parts = [] }, resource.Spec);
                }

                // What is still being made under a chosen id isn't told before it shows our mark (DC-38): what the search finds is it then, and nothing else.
                var recorded = resource.Identity.PartId(done.Step.Part);
                var id = recorded ?? (done.Result is { Done: false, Error: null } ? seen.Parts.FirstOrDefault(p => p.Name == done.Step.Part)?.Id : null);
                if (recorded is null && id is not null)
                {
                    var known = resource.Identity.Parts.Select(p => p.Id).ToHashSet(StringComparer.Ordinal);
                    var there = (await run.CountAsync(resource)).Where(o => !o.Attached && !known.Contains(o.Id)).Select(o => o.Id).ToList();
                    KindRun.Expect(there.SequenceEqual([id]), $"{done.Step.Part} is found as {id}, and the platform holds {string.Join(", ", there)} (DC-33, DC-38).");
                }

                KindRun.Expect(seen.Presence == Presence.Present && id is not null && seen.Parts.Any(p => p.Name == done.Step.Part && p.Id == id),
                    $"{done.Step.Part} was made with class {done.Step.Class}, but without its id it isn't found again as {id} once the window has passed: {seen} (DC-33, DC-35).");
            },
        });
        if (searched == 0)
            throw new NotApplicableException("No create of this kind is found by token, name or mark.");
    }

    [Case(86, "Part names are the same in every resource of a wish, in answers, looks and sessions", "DC-23 DC-32")]
    public static async Task Part_names_are_stable(KindRun run)
    {
        var first = await run.BuiltAsync();
        run.Run.Use(await run.Run.OpenAsync());
        var second = await run.BuiltAsync();
        var names = Names(first.Identity.Parts);
        KindRun.Expect(names == Names(second.Identity.Parts), $"Two resources of one wish have parts {names} and {Names(second.Identity.Parts)} (DC-32).");
        foreach (var part in first.Identity.Parts)
            KindRun.Expect(part.Name.Length is > 0 and <= 40 && part.Name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'), $"The part name '{part.Name}' isn't 1 to 40 of [a-z0-9-] (DC-32).");
        var seen = await run.ObserveAsync(first);
        KindRun.Expect(Names(seen.Parts) == names && seen.Parts[0] == first.Last!.Parts[0], $"A look from another session names parts {Show.Of(seen.Parts)}, the first one {Show.Of(first.Last!.Parts)} (DC-23, DC-32).");
        foreach (var done in first.Steps.Where(s => s.Step.Verb == StepVerb.Create && s.Step.Class != CreateClass.Repeatable))
            KindRun.Expect(first.Identity.PartId(done.Step.Part) is not null, $"The step {done.Step.Part} made no part of its name: {names} (DC-31).");
    }

    [Case(87, "The next step is the same for every look at the same state, from every session, at each stage of building and taking down", "DC-26 DC-27")]
    public static async Task Next_is_deterministic(KindRun run)
    {
        var other = (await run.Run.OpenAsync()).Of(run.Kind);
        var resource = await run.PrepareAsync();
        var desired = true;
        var hooks = new LoopHooks
        {
            Before = async (_, step) =>
            {
                for (var i = 0; i < 2; i++)
                {
                    foreach (var verbs in (KindVerbs[])[other, await run.VerbsAsync()])
                    {
                        var seen = await verbs.ObserveAsync(resource.Identity, desired ? resource.Spec : null, resource.LastHandle);
                        KindRun.Expect(seen.Next is { } next && (next.Verb, next.Part, next.Class) == (step.Verb, step.Part, step.Class),
                            $"A look named {step.Verb} {step.Part} ({step.Class}) next, a further look at the same state finds {seen} (DC-26).");
                    }
                }
            },
        };
        await run.BuildAsync(resource, hooks);
        desired = false;
        await run.TakeDownAsync(resource, hooks);
    }

    [Case(88, "What a resource depends on is found by its references alone: a session that never saw it builds on it", "DC-4 DC-18", Needs = [typeof(ICensus)])]
    public static async Task References_are_enough(KindRun run)
    {
        if (run.Sample.Needs.IsEmpty && run.Sample.NeedsOwn.IsEmpty)
            throw new NotApplicableException("The sample refers to nothing.");
        var old = await run.Run.SessionAsync();
        var resource = await run.PrepareAsync();
        run.Run.Use(await run.Run.OpenAsync());
        await old.DisposeAsync();
        await run.BuildAsync(resource);
        await run.ExpectExactlyRecordedAsync(resource, "Built by a session that never saw what it depends on");
        KindRun.Expect(resource.Last!.Drift.IsEmpty, $"A session that never saw what it depends on finds drift: {resource.Last} (DC-18).");
    }

    [Case(89, "A step makes or removes its own part and nothing beside it", "DC-15 DC-30 DC-66 L3", Needs = [typeof(ICensus)])]
    public static async Task Nothing_beside_the_step(KindRun run)
    {
        var neighbour = await run.BuiltAsync();
        var resource = await run.PrepareAsync();
        var before = await Listing.ObjectsAsync(run);
        // What nobody records goes with some step of its own resource.
        var attached = new HashSet<string>(StringComparer.Ordinal);
        var hooks = new LoopHooks
        {
            Before = async (_, _) =>
            {
                attached = (await run.CountAsync(resource)).Where(o => o.Attached).Select(o => o.Id).ToHashSet(StringComparer.Ordinal);
                before = await Listing.ObjectsAsync(run);
            },
            After = async (_, done) =>
            {
                var after = await Listing.ObjectsAsync(run);
                var made = after.Keys.Except(before.Keys).ToList();
                var gone = before.Keys.Except(after.Keys).ToList();
                KindRun.Expect(done.Step.Verb == StepVerb.Create || made.Count == 0, $"{done.Step.Verb} {done.Step.Part} made {string.Join(", ", made)} (DC-15).");
                KindRun.Expect(made.Count <= 1, $"{done.Step.Verb} {done.Step.Part} made several objects: {string.Join(", ", made)} (DC-30).");
                KindRun.Expect(made.Count == 0 || resource.Identity.PartId(done.Step.Part) is not { } own || made[0] == own, $"{done.Step.Verb} {done.Step.Part} made {made.FirstOrDefault()}, its part is {resource.Identity.PartId(done.Step.Part)} (DC-31).");
                KindRun.Expect(gone.Count <= 1 && gone.All(g => done.Step.Verb == StepVerb.Delete && (g == resource.Identity.PartId(done.Step.Part) || attached.Contains(g))), $"{done.Step.Verb} {done.Step.Part} ({resource.Identity.PartId(done.Step.Part)}) removed {string.Join(", ", gone)} (DC-15, DC-66).");
            },
        };
        await run.BuildAsync(resource, hooks);
        if (run.Sample.InPlace is { } inPlace)
        {
            resource.Spec = inPlace(resource.Context);
            await run.BuildAsync(resource, hooks);
        }

        await run.TakeDownAsync(resource, hooks);
        await run.ExpectExactlyRecordedAsync(neighbour, "After its neighbour was built, changed and taken down");
    }

    private static string Names(ImmutableArray<Part> parts) => string.Join(", ", parts.Select(p => p.Name).Order(StringComparer.Ordinal));

    /// <summary>Breaks each reading request of each step, one a resource.</summary>
    private static async Task BreakReadsAsync(KindRun run, Func<Task<Resource>> start, Func<Resource, LoopHooks?, Task> go)
    {
        var reads = new List<int>();
        var seen = 0;
        var clean = await start();
        var from = clean.Steps.Count;
        await go(clean, new LoopHooks
        {
            Before = (_, _) => Do(() => seen = run.Faults.Requests.Length),
            After = (_, done) => Do(() => reads.Add(run.Faults.Requests.Skip(seen).Count(r => !r.Mutation))),
        });
        foreach (var (at, nth) in run.Run.BreakPoints.Choose(reads.SelectMany((count, at) => Enumerable.Range(1, count).Select(nth => (at, nth)))))
        {
            var resource = await start();
            var target = resource.Steps.Count + at;
            var fault = new Fault { Kind = FaultKind.ResetBefore, MutationsOnly = false, Match = r => !r.Mutation, Nth = nth };
            await go(resource, new LoopHooks
            {
                Before = (n, _) => Do(() => { if (n == target) run.Faults.Arm(fault); }),
                After = (n, done) => Do(() =>
                {
                    if (n != target)
                        return;
                    run.Faults.Disarm();
                    Judge(resource, done);
                }),
            });
            if (!resource.Identity.Parts.IsEmpty && resource.Steps[^1].Step.Verb != StepVerb.Delete)
                await run.ExpectExactlyRecordedAsync(resource, $"After read {nth} of step {clean.Steps[from + at].Step.Part} broke");
        }

        void Judge(Resource resource, DoneStep done)
        {
            var what = $"{done.Step.Verb} {done.Step.Part}, of which a read broke";
            if (done.Mutations == 0 && done.Result.Error is { } error)
                KindRun.Expect(error.Effect == Effect.NotApplied, $"{what} before anything was sent: {Show.Of(error)}; NotApplied is right (DC-45).");
            KindRun.Expect(done.Mutations > 0 || !done.Result.Done, $"{what} before anything was sent is Done: {done.Result} (DC-45).");
            if (done.Step is { Verb: StepVerb.Create } && done.Mutations > 0)
                KindRun.Expect(done.Result.Parts.Any(p => p.Name == done.Step.Part), $"{what} behind the answer with the new id, doesn't tell that id: {done.Result} (DC-36).");
        }

        static Task Do(Action action)
        {
            action();
            return Task.CompletedTask;
        }
    }
}
