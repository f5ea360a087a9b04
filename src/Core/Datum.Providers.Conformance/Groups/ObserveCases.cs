namespace Datum.Providers.Conformance;

/// <summary>CK-090 to CK-099: what a look makes of ids, marks, handles and facts.</summary>
[CaseGroup(KitGroup.Observe)]
internal static class ObserveCases
{
    [Case(90, "A recorded id wins: beside a copy with our mark the recorded object is ours and nothing else", "DC-24 L3", Needs = [typeof(IForeignObjects)])]
    public static async Task Recorded_id_wins(KindRun run)
    {
        var built = await run.BuiltAsync();
        var clean = await run.ObserveAsync(built);
        foreach (var part in built.Identity.Parts)
            await run.Run.Need<IForeignObjects>().CopyAsync(run.Kind, part);
        await Listing.SettleAsync(run);
        var seen = await run.ObserveAsync(built);
        KindRun.Expect(seen.Presence == Presence.Present && seen.Mark == MarkState.Ours && Show.Of(seen.Parts) == Show.Of(clean.Parts),
            $"Recorded are {Show.Of(built.Identity.Parts)}; beside copies of them the look finds {seen} (DC-24).");
        KindRun.Expect(seen.Next is null && seen.Drift.IsEmpty, $"A copy that isn't ours makes work for us: {seen} (DC-24).");
    }

    [Case(91, "Without recorded ids, two objects that answer are Ambiguous with both as candidates, and no step is named", "DC-24 L3", Needs = [typeof(IForeignObjects)])]
    public static async Task Copies_are_ambiguous(KindRun run)
    {
        if (!run.Run.Need<IForeignObjects>().CopiesAnswer)
            throw new NotApplicableException("What isn't recorded is found by a name that one object only can have, so a copy never answers.");
        var parts = (await Searchable(run)).Identity.Parts;
        foreach (var part in parts)
        {
            var built = await run.BuiltAsync();
            var original = built.Identity.PartId(part.Name)!;
            var copy = await run.Run.Need<IForeignObjects>().CopyAsync(run.Kind, new Part { Name = part.Name, Id = original });
            await Listing.SettleAsync(run);
            foreach (var desired in (ResourceSpec?[])[built.Spec, null])
            {
                var seen = await (await run.VerbsAsync()).ObserveAsync(built.Identity with { Parts = [] }, desired);
                // What the main object names is told from a copy by that.
                if (part.Name != parts[0].Name && seen.Presence == Presence.Present && seen.Parts.Any(p => p.Name == part.Name && p.Id == original))
                    continue;
                KindRun.Expect(seen.Presence == Presence.Ambiguous, $"{original} and its copy {copy} both answer as {part.Name}, none is recorded, desired is {(desired is null ? "null" : "set")}: {seen}; a driver never picks one (DC-24).");
                KindRun.Expect(seen.Candidates.Any(c => c.Id == original) && seen.Candidates.Any(c => c.Id == copy), $"The candidates {Show.Of(seen.Candidates)} lack {original} or {copy} (DC-24).");
                KindRun.Expect(seen.Next is null, $"A step is named although it isn't known which object is ours: {seen} (DC-24).");
            }
        }
    }

    [Case(92, "A part whose mark was taken off is Present with mark Missing, and no step is named for it", "DC-25 DC-55 L3", Needs = [typeof(IMarkTampering)])]
    public static Task Stripped(KindRun run) => TamperedAsync(run, MarkState.Missing, part => run.Run.Need<IMarkTampering>().StripMarkAsync(run.Kind, part));

    [Case(93, "A part that carries another installation's mark is Present with mark Foreign, and no step is named for it", "DC-25 DC-55 L3", Needs = [typeof(IMarkTampering)])]
    public static Task Forged(KindRun run) => TamperedAsync(run, MarkState.Foreign, part => run.Run.Need<IMarkTampering>().ForgeMarkAsync(run.Kind, part, "conf2"));

    [Case(94, "The mark that is told is the worst of all parts: Foreign before Missing, whichever part has it", "DC-25", Needs = [typeof(IMarkTampering)])]
    public static async Task Worst_mark(KindRun run)
    {
        var parts = (await run.BuiltAsync()).Identity.Parts;
        if (parts.Length < 2)
            throw new NotApplicableException("The kind has one part.");
        foreach (var foreign in parts)
        {
            var built = await run.BuiltAsync();
            foreach (var part in built.Identity.Parts)
            {
                if (part.Name == foreign.Name)
                    await run.Run.Need<IMarkTampering>().ForgeMarkAsync(run.Kind, part, "conf2");
                else
                    await run.Run.Need<IMarkTampering>().StripMarkAsync(run.Kind, part);
            }

            var seen = await run.ObserveAsync(built);
            KindRun.Expect(seen.Presence == Presence.Present && seen.Mark == MarkState.Foreign, $"{foreign.Name} carries another's mark, all other parts carry none: {seen}; mark Foreign is right (DC-25).");
        }
    }

    [Case(95, "A foreign object under the name that we would choose isn't taken for ours, nor touched by any verb", "DC-25 DC-47 L3", Needs = [typeof(IForeignObjects), typeof(IObjectReader)])]
    public static async Task Foreign_name(KindRun run)
    {
        var resource = await run.PrepareAsync();
        var verbs = await run.VerbsAsync();
        var step = (await run.ObserveAsync(resource)).Next ?? throw new CaseFailedException("Nothing is there, and no first step is named (DC-26).");
        var id = await run.Run.Need<IForeignObjects>().MakeForeignAsync(resource.Identity, step.Part);
        await Listing.SettleAsync(run);
        var foreign = new Part { Name = step.Part, Id = id };
        var before = await ReadAsync(run, foreign);
        foreach (var desired in (ResourceSpec?[])[resource.Spec, null])
        {
            var seen = await verbs.ObserveAsync(resource.Identity, desired);
            KindRun.Expect(seen.Presence is Presence.Absent || seen is { Presence: Presence.Present, Mark: MarkState.Foreign or MarkState.Missing, Next: null },
                $"{id} isn't ours, it only has our name: {seen}; Absent, or Present with mark Missing or Foreign and no step is right (DC-25).");
        }

        var made = await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
        KindRun.Expect(made.Error is null or { Code: ErrorCode.Conflict, Effect: Effect.NotApplied }, $"Creating under a name that is taken by {id}: {made}; Conflict and NotApplied is right (DC-47).");
        KindRun.Expect(made.Parts.All(p => p.Id != id), $"The create claims {id}, which isn't ours: {made} (DC-47).");
        KindRun.Expect(made.Error is not null || !made.Parts.IsEmpty || made.Progress is not null || !made.Resolved.IsEmpty, $"Nothing was made, but the create is Done: {made} (DC-47).");
        if (made.Error is not null)
            await verbs.DeleteAsync(new Step { Part = step.Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "delete" }, resource.TokenOf(step), resource.Identity);
        var after = await ReadAsync(run, foreign);
        KindRun.Expect(before is not null && after == before, $"{id} isn't ours, but it was changed: {before} to {(after is null ? "gone" : after)} (L3).");
    }

    [Case(96, "Without a desired state there is no drift, and a delete step as long as something is there, also when half-built or changed", "DC-27", Needs = [typeof(IDriftMaker)])]
    public static async Task Desired_null(KindRun run)
    {
        var never = await run.PrepareAsync();
        var absent = await run.ObserveAsync(never, desired: false);
        KindRun.Expect(absent is { Presence: Presence.Absent, Next: null, InProgress: null }, $"Nothing was built and nothing is desired: {absent} (DC-27).");
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            var at = stop;
            var resource = await run.PrepareAsync();
            await run.BuildAsync(resource, new LoopHooks { StopAfter = n => n == at });
            await Listing.SettleAsync(run);
            if (at == steps - 1)
                foreach (var part in resource.Identity.Parts)
                    await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, part);
            var seen = await run.ObserveAsync(resource, desired: false);
            // A step that only chose a name or a number has made nothing (DC-37, DC-38).
            if (resource.Identity.Parts.IsEmpty && resource.Steps[^1].Result is { Done: true, Resolved.IsEmpty: false })
                continue;
            // What is still being made under a chosen id may not tell whose it is: it is in progress, and nothing of it can be deleted now (DC-38).
            if (resource.Identity.Parts.IsEmpty && resource.Steps[^1].Result is { Done: false, Error: null } && seen is { Presence: Presence.Absent, InProgress: not null, Next: null })
                continue;
            KindRun.Expect(seen.Presence == Presence.Present && seen.Drift.IsEmpty, $"Built up to step {at}, desired null: {seen}; Present without drift is right (DC-27).");
            KindRun.Expect(seen.Next is { Verb: StepVerb.Delete } || seen.InProgress is not null, $"Built up to step {at}, desired null, nothing is in progress, and no delete step is named: {seen} (DC-27).");
        }
    }

    [Case(97, "A handle that is unknown, of another version or expired counts as none", "DC-80")]
    public static async Task Handles_that_say_nothing(KindRun run)
    {
        var built = await run.BuiltAsync();
        var never = await run.PrepareAsync();
        var verbs = await run.VerbsAsync();
        var soon = run.World.Time.GetUtcNow() + TimeSpan.FromHours(1);
        var handles = new List<Handle>
        {
            new() { Data = "conformance-version-9:operation/1" },
            new() { Data = "conformance-version-9:operation/1", ExpiresAt = soon },
            new() { Data = "{\"v\":99,\"op\":\"x\"}" },
            new() { Data = new string('z', 1024) },
            new() { Data = "../%2e%2e/?a=b#c\u00fc" },
        };
        // Handles of this version: of an operation that nobody knows, and one that has expired.
        foreach (var real in built.Steps.Select(s => s.Result.Progress?.Handle).OfType<Handle>())
        {
            handles.Add(real with { Data = real.Data + "0" });
            handles.Add(real with { ExpiresAt = run.World.Time.GetUtcNow() - TimeSpan.FromSeconds(1) });
        }

        foreach (var (identity, spec) in (ImmutableArray<(Identity, ResourceSpec)>)[(built.Identity, built.Spec), (never.Identity, never.Spec)])
        {
            var clean = await verbs.ObserveAsync(identity, spec);
            foreach (var handle in handles)
            {
                var seen = await verbs.ObserveAsync(identity, spec, handle);
                KindRun.Expect(seen.ToString() == clean.ToString(), $"With handle '{handle.Data}' (expires {handle.ExpiresAt:u}) the look finds {seen}, without one {clean} (DC-80).");
            }
        }
    }

    [Case(98, "A failure that only an operation knows is told by the look with its handle, and not again without it", "DC-28 DC-51", Needs = [typeof(IOperationFailure)])]
    public static async Task Failures_are_told_once(KindRun run)
    {
        // What lasts for a while has an operation that can fail.
        if (run.World is ISlowOperations slow)
            await slow.SetDurationAsync(TimeSpan.FromSeconds(10));
        foreach (var stockout in (bool[])[false, true])
        {
            if (stockout && run.Kind != ResourceKind.Instance)
                continue;
            var resource = await run.PrepareAsync();
            await run.Run.Need<IOperationFailure>().FailNextCreateAsync(run.Kind, stockout);
            var told = 0;
            await run.BuildAsync(resource, new LoopHooks
            {
                After = async (_, done) =>
                {
                    var verbs = await run.VerbsAsync();
                    if (done.Result.Error is { Effect: Effect.NotApplied })
                        told++;
                    if (done.Result.Progress is not { } progress)
                        return;
                    var handle = progress.Handle;
                    Seen? seen = null;
                    for (var i = 0; i < 100; i++)
                    {
                        await run.World.PassAsync(progress.LookAgainAfter);
                        seen = await verbs.ObserveAsync(resource.Identity, resource.Spec, handle);
                        if (seen.InProgress is null || seen.Failure is not null)
                            break;
                        handle = seen.InProgress.Handle;
                    }

                    if (seen?.Failure is not { } failure)
                        return;
                    told++;
                    KindRun.Expect(failure.Code == (stockout ? ErrorCode.CapacityUnavailable : ErrorCode.Failed), $"The operation failed {(stockout ? "for lack of room" : "without a reason that can be known")}, the look says {Show.Of(failure)} (DC-48, DC-51).");
                    var again = await verbs.ObserveAsync(resource.Identity, resource.Spec);
                    KindRun.Expect(again.Failure is null || again.Presence == Presence.Present, $"The failure was told, its handle is gone and so is the object, but it is told again: {again} (DC-28).");
                },
                StopAfter = _ => told > 0,
            });
            KindRun.Expect(told > 0, $"A create failed after it was accepted, and no look with its handle told so; steps: {string.Join("; ", resource.Steps.Select(s => s.Result))}; last look: {resource.Last} (DC-28).");
        }
    }

    [Case(99, "Power, guest health and addresses are told apart", "DC-29 DC-78", Kinds = [ResourceKind.Instance], Needs = [typeof(IGuestControl), typeof(IDriftMaker)])]
    public static async Task Facts_apart(KindRun run)
    {
        var built = await run.BuiltAsync();
        var spec = (InstanceSpec)built.Spec;
        var main = built.Identity.Parts[0];
        var guest = run.Run.Need<IGuestControl>();
        await Expect(PowerState.Running, null, "built");
        foreach (var nic in spec.Interfaces)
            KindRun.Expect((await FactsAsync()).Interfaces.Any(i => i.Name == nic.Name && !i.NetworkAddresses.IsDefaultOrEmpty), $"The facts lack an address of {nic.Name}: {Show.Json(await FactsAsync())} (DC-29).");
        await guest.SetGuestReadyAsync(main, true);
        await Expect(PowerState.Running, GuestHealth.Ready, "on, and its guest is well");
        await guest.SetGuestReadyAsync(main, false);
        await Expect(PowerState.Running, GuestHealth.NotReady, "on, and its guest isn't well");
        KindRun.Expect(built.Last!.State == Lifecycle.Degraded, $"An instance whose guest isn't well is {built.Last.State}, not Degraded.");
        await guest.SetGuestReadyAsync(main, null);
        await Expect(PowerState.Running, GuestHealth.Unknown, "on, and its guest says nothing");
        await guest.SetGuestReadyAsync(main, true);
        if (await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, main) == "suspended")
        {
            var off = await FactsAsync();
            KindRun.Expect(off.Power is PowerState.Stopped or PowerState.Stopping, $"It was switched off, its power is {off.Power} (DC-29).");
        }

        async Task<InstanceFacts> FactsAsync()
        {
            built.Last = await run.ObserveAsync(built);
            return built.Last.Facts as InstanceFacts ?? throw new CaseFailedException($"The look has no facts: {built.Last} (DC-29).");
        }

        async Task Expect(PowerState power, GuestHealth? health, string what)
        {
            var facts = await FactsAsync();
            KindRun.Expect(facts.Power == power, $"It is {what}, its power is told as {facts.Power}, not {power} (DC-29).");
            KindRun.Expect(health is null || facts.Guest == health, $"It is {what}, its health is told as {facts.Guest}, not {health} (DC-29).");
        }
    }

    /// <summary>A built resource of a kind whose parts can be found without ids.</summary>
    internal static async Task<Resource> Searchable(KindRun run) => run.Descriptor.CreateClass == CreateClass.Manual
        ? throw new NotApplicableException("Parts of class Manual can't be searched for.")
        : await run.BuiltAsync();

    internal static ValueTask<CensusObject?> ReadAsync(KindRun run, Part part) => run.Run.Need<IObjectReader>().ReadAsync(run.Kind, part);

    private static async Task TamperedAsync(KindRun run, MarkState expected, Func<Part, ValueTask> tamper)
    {
        foreach (var (name, _) in (await run.BuiltAsync()).Identity.Parts.Select(p => (p.Name, p.Id)))
        {
            var built = await run.BuiltAsync();
            await tamper(new Part { Name = name, Id = built.Identity.PartId(name)! });
            foreach (var desired in (bool[])[true, false])
            {
                var seen = await run.ObserveAsync(built, desired);
                KindRun.Expect(seen.Presence == Presence.Present && seen.Mark == expected, $"The mark of {name} isn't ours any more, desired is {(desired ? "set" : "null")}: {seen}; Present with mark {expected} is right (DC-25).");
                KindRun.Expect(seen.Next is null || seen.Next.Part != name, $"A step is named for {name}, whose mark isn't ours: {seen} (L3).");
            }
        }
    }
}
