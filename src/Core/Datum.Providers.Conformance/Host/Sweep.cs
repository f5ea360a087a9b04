namespace Datum.Providers.Conformance;

/// <summary>Does something to every single request of every step of building or deleting.</summary>
internal static class Sweep
{
    /// <summary>
    /// For each request of each step (mutations only, unless <see cref="Fault.MutationsOnly"/> is false): one resource of its own, the fault at that
    /// request, the judge on what the step said, and the host's loop to the end; then exactly what is recorded must be there, or nothing.
    /// </summary>
    public static async Task EachRequestAsync(KindRun run, Fault fault, bool delete, Func<RequestRecord, DoneStep, string?> judge)
    {
        var counts = new List<int>();
        var start = 0;
        var count = new LoopHooks
        {
            Before = (_, _) =>
            {
                start = run.Faults.Requests.Length;
                return Task.CompletedTask;
            },
            After = (_, _) =>
            {
                counts.Add(run.Faults.Requests.Skip(start).Count(r => r.Mutation || !fault.MutationsOnly));
                return Task.CompletedTask;
            },
        };
        var clean = await run.PrepareAsync();
        await run.BuildAsync(clean, delete ? null : count);
        if (delete)
            await run.TakeDownAsync(clean, count);
        foreach (var (at, nth) in run.Run.BreakPoints.Choose(counts.SelectMany((count, at) => Enumerable.Range(1, count).Select(nth => (at, nth)))))
        {
            var resource = delete ? await run.BuiltAsync() : await run.PrepareAsync();
            var hooks = At(run, fault with { Nth = nth }, resource.Steps.Count + at, judge);
            if (delete)
            {
                await run.TakeDownAsync(resource, hooks);
                var left = await run.CountAsync(resource);
                KindRun.Expect(left.IsEmpty, $"After {fault} at request {nth} of delete step {at}, absence was reported while {string.Join(", ", left.Select(o => o.Id))} is there (L6, DC-21).");
            }
            else
            {
                await run.BuildAsync(resource, hooks);
                await run.ExpectExactlyRecordedAsync(resource, $"After {fault} at request {nth} of create step {at}");
            }
        }
    }

    /// <summary>The fault during one step, and the judge on it. Nothing is judged when the request didn't come again.</summary>
    public static LoopHooks At(KindRun run, Fault fault, int at, Func<RequestRecord, DoneStep, string?> judge) => new()
    {
        Before = (number, _) =>
        {
            if (number == at)
                run.Faults.Arm(fault);
            return Task.CompletedTask;
        },
        After = (number, done) =>
        {
            if (number != at)
                return Task.CompletedTask;
            run.Faults.Disarm();
            if (run.Faults.Requests.LastOrDefault(r => ReferenceEquals(r.Fault, fault)) is { } hit && judge(hit, done) is { } wrong)
                throw new CaseFailedException($"{fault} at {hit.Method} {hit.Uri.AbsolutePath} during {done.Step.Verb} {done.Step.Part}: {wrong}; the driver says {done.Result}.");
            return Task.CompletedTask;
        },
    };

    /// <summary>What was sent in the same call after a request.</summary>
    public static ImmutableArray<RequestRecord> After(CaseRun run, RequestRecord hit) =>
        [.. run.Faults.Requests.Where(r => r.CallId == hit.CallId && r.Number > hit.Number)];

    /// <summary>A resource that is built up to a step, that step, and the verbs to do it with; null when building ends before it.</summary>
    public static async Task<(Resource Resource, Step Step, KindVerbs Verbs)?> UpToAsync(KindRun run, int at)
    {
        var resource = await run.PrepareAsync();
        if (at > 0)
            await run.BuildAsync(resource, new LoopHooks { StopAfter = n => n == at - 1 });
        var verbs = await run.VerbsAsync();
        for (var round = 0; round < 100; round++)
        {
            var seen = await run.ObserveAsync(resource);
            resource.Last = seen;
            resource.Record(seen.Parts, seen.Resolved);
            if (seen.InProgress is { } progress)
            {
                resource.Handle = progress.Handle;
                await run.World.PassAsync(progress.LookAgainAfter);
                continue;
            }

            resource.Handle = null;
            return seen.Next is { } step ? (resource, step, verbs) : null;
        }

        throw new CaseFailedException($"{run.Kind} stays in progress: {resource.Last}");
    }
}
