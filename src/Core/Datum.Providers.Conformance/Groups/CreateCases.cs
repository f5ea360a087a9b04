namespace Datum.Providers.Conformance;

/// <summary>CK-040 to CK-059: building, and building again.</summary>
[CaseGroup(KitGroup.Create)]
internal static class CreateCases
{
    [Case(40, "What is wished for is built, step by step, and then rests without drift or a next step", "DC-15 DC-26 DC-36 L1 L2", Needs = [typeof(ICensus)])]
    public static async Task Built_and_at_rest(KindRun run)
    {
        var built = await run.BuiltAsync();
        KindRun.Expect(built.Steps.Count > 0, "It was there before it was built.");
        KindRun.Expect(built.Last!.Drift.IsEmpty, $"What was just built drifts: {built.Last}");
        KindRun.Expect(built.Last.State is Lifecycle.Ready or Lifecycle.Degraded, $"What was just built is {built.Last.State}.");
        await run.ExpectExactlyRecordedAsync(built, "After building");
    }

    [Case(41, "Looking again at what is built finds the same, again and again", "DC-12 DC-26")]
    public static async Task Looks_repeat(KindRun run)
    {
        var built = await run.BuiltAsync();
        var first = (await run.ObserveAsync(built)).ToString();
        for (var i = 0; i < 3; i++)
            KindRun.Expect((await run.ObserveAsync(built)).ToString() == first, "A further look at the same state finds something else.");
    }

    [Case(42, "A first look before anything was built is Absent and names the same first step each time", "DC-21 DC-26 DC-31")]
    public static async Task First_look(KindRun run)
    {
        var resource = await run.PrepareAsync();
        var first = await run.ObserveAsync(resource);
        KindRun.Expect(first.Presence == Presence.Absent && first.InProgress is null, $"Before anything was built: {first}");
        KindRun.Expect(first.Next is { Verb: StepVerb.Create }, $"No first step of building is named: {first}");
        KindRun.Expect(first.ToString() == (await run.ObserveAsync(resource)).ToString(), "A second look names another step.");
    }

    [Case(43, "Each step does what it was named for: the part that it makes is in the answer or in the next look", "DC-15 DC-31 DC-36")]
    public static async Task Steps_make_their_parts(KindRun run)
    {
        var resource = await run.PrepareAsync();
        await run.BuildAsync(resource, new LoopHooks
        {
            After = (_, done) =>
            {
                KindRun.Expect(done.Result.Error is null, $"{done.Step.Verb} {done.Step.Part} failed on a healthy platform: {done.Result}");
                return Task.CompletedTask;
            },
        });
        foreach (var done in resource.Steps.Where(s => s.Step.Verb == StepVerb.Create && s.Step.Class != CreateClass.Repeatable))
            KindRun.Expect(resource.Identity.PartId(done.Step.Part) is not null, $"Step {done.Step.Part} of class {done.Step.Class} made no part of that name: {Show.Of(resource.Identity.Parts)}");
        var doubled = resource.Steps.GroupBy(s => s.Step.Part).FirstOrDefault(g => g.Count(s => s.Step.Verb == StepVerb.Create && s.Step.Class != CreateClass.Repeatable) > 1);
        KindRun.Expect(doubled is null, $"Part {doubled?.Key} was made twice.");
    }

    [Case(44, "No create step is of a weaker class than the kind declares", "DC-33")]
    public static async Task Classes_are_as_declared(KindRun run)
    {
        var built = await run.BuiltAsync();
        foreach (var step in built.Steps.Select(s => s.Step).Where(s => s.Verb == StepVerb.Create))
            KindRun.Expect(step.Class != CreateClass.Unknown && step.Class <= run.Descriptor.CreateClass, $"Step {step.Part} has class {step.Class}, weaker than {run.Descriptor.CreateClass}.");
    }

    [Case(45, "A create that is repeated with the same token makes no second object (classes Repeatable, Token, Named)", "DC-12 DC-40 L1", Needs = [typeof(ICensus)])]
    public static async Task Same_token_again(KindRun run)
    {
        var repeated = 0;
        var resource = await run.PrepareAsync();
        var verbs = await run.VerbsAsync();
        await run.BuildAsync(resource, new LoopHooks
        {
            After = async (_, done) =>
            {
                if (done.Step.Verb != StepVerb.Create || done.Step.Class is not (CreateClass.Repeatable or CreateClass.Token or CreateClass.Named))
                    return;
                repeated++;
                // As after a kill between the answer and its record: the identity doesn't know the part.
                var again = await verbs.CreateAsync(done.Step, done.Token, done.Identity, resource.Spec);
                KindRun.Expect(again.Error is null or { Code: ErrorCode.NotReadyYet or ErrorCode.PreconditionFailed or ErrorCode.Throttled },
                    $"The same step with the same token ends otherwise: {again}");
                foreach (var part in again.Parts)
                    KindRun.Expect(done.Result.Parts.All(p => p.Name != part.Name || p.Id == part.Id), $"The repetition names another {part.Name}: {Show.Of(again.Parts)}, first {Show.Of(done.Result.Parts)}");
            },
        });
        if (repeated == 0)
            throw new NotApplicableException("No step of this kind may simply be repeated.");
        await run.ExpectExactlyRecordedAsync(resource, "After every create was repeated");
    }

    [Case(46, "A create of a part that is recorded already makes no second one", "DC-12 DC-16 L3", Needs = [typeof(ICensus)])]
    public static async Task Recorded_part_again(KindRun run)
    {
        var built = await run.BuiltAsync();
        var verbs = await run.VerbsAsync();
        foreach (var done in built.Steps.Where(s => s.Step.Verb == StepVerb.Create).ToList())
        {
            var again = await verbs.CreateAsync(done.Step, done.Token, built.Identity, built.Spec);
            KindRun.Expect(again.Error is null or { Code: ErrorCode.PreconditionFailed }, $"Step {done.Step.Part}, no longer needed, isn't Done or PreconditionFailed: {again} (DC-15)");
        }

        await run.ExpectExactlyRecordedAsync(built, "After create was called for parts that are there");
    }

    [Case(47, "Two resources with the same wish are two: each has its own parts, and looks tell them apart", "DC-34 DC-55 L3", Needs = [typeof(ICensus)])]
    public static async Task Twins_are_two(KindRun run)
    {
        var first = await run.BuiltAsync();
        var second = await run.BuiltAsync();
        KindRun.Expect(!first.Identity.Parts.Any(p => second.Identity.Parts.Any(q => q.Id == p.Id)), $"Two identities share a part: {Show.Of(first.Identity.Parts)} and {Show.Of(second.Identity.Parts)}");
        await run.ExpectExactlyRecordedAsync(first, "Beside a twin");
        await run.ExpectExactlyRecordedAsync(second, "Beside a twin");
        var blind = await (await run.VerbsAsync()).ObserveAsync(first.Identity with { Parts = [] }, first.Spec);
        KindRun.Expect(blind.Presence == Presence.Present && blind.Parts.All(p => first.Identity.PartId(p.Name) == p.Id), $"Without recorded ids the first twin is seen as {blind}");
    }

    [Case(48, "Two resources that are built at the same time in one session don't mix", "DC-5 L1", Needs = [typeof(ICensus)])]
    public static async Task Concurrent_twins(KindRun run)
    {
        var first = await run.PrepareAsync();
        var second = await run.PrepareAsync();
        await run.Run.SessionAsync();
        await Task.WhenAll(Task.Run(() => run.BuildAsync(first)), Task.Run(() => run.BuildAsync(second)));
        KindRun.Expect(!first.Identity.Parts.Any(p => second.Identity.Parts.Any(q => q.Id == p.Id)), "Two resources that were built at once share a part.");
        await run.ExpectExactlyRecordedAsync(first, "Built at the same time as another,");
        await run.ExpectExactlyRecordedAsync(second, "Built at the same time as another,");
    }

    [Case(49, "The same step sent at once by two sessions, one of them of a host that lost its lease, makes one object (classes Token, Named)", "DC-12 DC-40 L1 L5", Needs = [typeof(ICensus)])]
    public static async Task Same_step_from_two_hosts(KindRun run)
    {
        var other = (await run.Run.OpenAsync()).Of(run.Kind);
        var resource = await run.PrepareAsync();
        var raced = 0;
        Task<StepResult>? rival = null;
        await run.BuildAsync(resource, new LoopHooks
        {
            Before = (_, step) =>
            {
                rival = null;
                if (step.Verb != StepVerb.Create || step.Class is not (CreateClass.Token or CreateClass.Named))
                    return Task.CompletedTask;
                raced++;
                var (token, identity) = (resource.TokenOf(step), resource.Identity);
                rival = Task.Run(() => other.CreateAsync(step, token, identity, resource.Spec));
                return Task.CompletedTask;
            },
            After = async (_, _) =>
            {
                if (rival is not null)
                    await rival;
            },
        });
        if (raced == 0)
            throw new NotApplicableException("No step of this kind may be sent twice.");
        await run.ExpectExactlyRecordedAsync(resource, "After two hosts sent every step at once");
    }

    [Case(50, "The same token with another wish makes no second object", "DC-40 L1", Needs = [typeof(ICensus)])]
    public static async Task Same_token_other_wish(KindRun run)
    {
        if (run.Sample.Replacement is not { } replacement)
            throw new NotApplicableException("The sample has no other wish.");
        var asked = 0;
        var resource = await run.PrepareAsync();
        var other = replacement(resource.Context);
        var verbs = await run.VerbsAsync();
        await run.BuildAsync(resource, new LoopHooks
        {
            After = async (_, done) =>
            {
                if (done.Step is not { Verb: StepVerb.Create, Class: CreateClass.Token or CreateClass.Named })
                    return;
                asked++;
                var again = await verbs.CreateAsync(done.Step, done.Token, done.Identity, other);
                if (again.Error is { Code: ErrorCode.Conflict } conflict)
                    KindRun.Expect(conflict.Effect != Effect.NotApplied || done.Step.Class != CreateClass.Token,
                        $"The platform knows the token, so something was applied under it; the effect is Unknown, not NotApplied: {Show.Of(conflict)}");
                else
                    KindRun.Expect(again.Error is null or { Code: ErrorCode.NotReadyYet or ErrorCode.PreconditionFailed }, $"Same token, other wish: {again}; Conflict or the first result is right.");
            },
        });
        if (asked == 0)
            throw new NotApplicableException("No step of this kind is told by token or name.");
        await run.ExpectExactlyRecordedAsync(resource, "After the same token came with another wish");
    }

    [Case(51, "The token is sent as it is, and stays the same over repetitions of one attempt (class Token)", "DC-40")]
    public static async Task Token_is_sent(KindRun run)
    {
        var resource = await run.PrepareAsync();
        var tokens = 0;
        await run.BuildAsync(resource, new LoopHooks
        {
            After = (_, done) =>
            {
                if (done.Step is not { Verb: StepVerb.Create, Class: CreateClass.Token } || run.World.Transport is null)
                    return Task.CompletedTask;
                tokens++;
                KindRun.Expect(run.Faults.Requests.Where(r => r.Verb == "create" && r.Mutation).Any(r => Carries(r, done.Token)), $"No request of step {done.Step.Part} carries the token.");
                return Task.CompletedTask;
            },
        });
        if (tokens == 0)
            throw new NotApplicableException("No step of this kind has class Token.");
    }

    [Case(52, "Names, marks and tokens don't depend on the hint", "DC-34")]
    public static async Task Hint_decides_nothing(KindRun run)
    {
        var built = await run.BuiltAsync();
        var renamed = built.Identity with { Parts = [], Hint = "another/hint entirely" };
        var seen = await (await run.VerbsAsync()).ObserveAsync(renamed, built.Spec);
        KindRun.Expect(seen.Presence == Presence.Present && seen.Parts.All(p => built.Identity.PartId(p.Name) == p.Id), $"With another hint it is seen as {seen}");
        var without = await (await run.VerbsAsync()).ObserveAsync(renamed with { Hint = null }, built.Spec);
        KindRun.Expect(without.Presence == Presence.Present, $"Without a hint it is seen as {without}");
    }

    [Case(53, "Everything that is built carries our mark with the incarnation", "DC-35 DC-55 L3", Needs = [typeof(ICensus)])]
    public static async Task Marked(KindRun run)
    {
        var built = await run.BuiltAsync();
        KindRun.Expect(built.Last!.Mark == MarkState.Ours, $"Mark is {built.Last.Mark}.");
        KindRun.Expect(built.Last.Incarnation is 0 or 1, $"Incarnation in the mark is {built.Last.Incarnation}, not 1.");
        foreach (var item in await run.CountAsync(built))
            KindRun.Expect(item.Kind == run.Kind && item.Incarnation is 0 or 1, $"{item.Id} is marked as {item.Kind}, incarnation {item.Incarnation}.");
    }

    [Case(54, "Nothing is made by the first look, and nothing but its own part by the first step", "DC-15 DC-20 L4", Needs = [typeof(ICensus)])]
    public static async Task One_step_at_a_time(KindRun run)
    {
        var resource = await run.PrepareAsync();
        await run.ObserveAsync(resource);
        KindRun.Expect((await run.CountAsync(resource)).IsEmpty, "A look made something.");
        await run.BuildAsync(resource, new LoopHooks { StopAfter = n => n == 0 });
        var made = await run.CountAsync(resource);
        KindRun.Expect(made.Length <= 1, $"The first step made {made.Length} objects: {string.Join(", ", made.Select(m => m.Id))} (DC-30).");
    }

    [Case(55, "A host that is killed after any step goes on with what was recorded and makes nothing twice", "DC-12 DC-81 L1", Needs = [typeof(ICensus)])]
    public static async Task Killed_after_any_step(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            var killAt = stop;
            var resource = await run.PrepareAsync();
            await run.BuildAsync(resource, new LoopHooks { StopAfter = n => n == killAt });
            var next = resource.Forget();
            run.Run.Use(await run.Run.OpenAsync());
            await run.BuildAsync(next);
            await run.ExpectExactlyRecordedAsync(next, $"After a kill behind step {killAt}");
        }
    }

    [Case(56, "A host that is killed before any result is recorded finds what was made and makes nothing twice", "DC-12 DC-81 L1 L4 L5", Needs = [typeof(ICensus)])]
    public static async Task Killed_before_the_record(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            var killAt = stop;
            var resource = await run.PrepareAsync();
            Identity? before = null;
            Intent? intent = null;
            await run.BuildAsync(resource, new LoopHooks
            {
                After = (_, done) =>
                {
                    (before, intent) = (done.Identity, resource.Intent);
                    return Task.CompletedTask;
                },
                StopAfter = n => n == killAt,
            });
            var next = resource.Forget();
            next.Identity = before!;
            next.Intent = intent;
            await run.BuildAsync(next);
            await run.ExpectExactlyRecordedAsync(next, $"After a kill before step {killAt} was recorded");
        }
    }

    private static bool Carries(RequestRecord request, string token)
    {
        // A platform may want the 32 digits as a UUID.
        var uuid = Guid.ParseExact(token, "N").ToString("D");
        return Has(token) || Has(uuid);

        bool Has(string text) =>
            request.Headers.Any(h => h.Value.Contains(text, StringComparison.OrdinalIgnoreCase))
            || request.Uri.OriginalString.Contains(text, StringComparison.OrdinalIgnoreCase)
            || System.Text.Encoding.UTF8.GetString(request.Body.Span).Contains(text, StringComparison.OrdinalIgnoreCase);
    }
}
