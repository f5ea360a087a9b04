namespace Datum.Providers.Conformance;

/// <summary>CK-115 to CK-126: taking down.</summary>
[CaseGroup(KitGroup.Delete)]
internal static class DeleteCases
{
    [Case(115, "What was never built is absent, and deleting it is Done without touching anything", "DC-67 L3", Needs = [typeof(ICensus)])]
    public static async Task Never_built(KindRun run)
    {
        var neighbour = await run.BuiltAsync();
        var never = await run.PrepareAsync();
        var steps = await DeleteStepsAsync(run);
        var before = await Listing.ObjectsAsync(run);
        foreach (var step in steps)
        {
            var result = await (await run.VerbsAsync()).DeleteAsync(step, never.TokenOf(step), never.Identity);
            KindRun.Expect(result.Done && result.Seen is null or { Presence: Presence.Absent, Terminal: false }, $"Deleting {step.Part} of what never was: {result}; Done, and Absent without a tombstone, is right (DC-22, DC-67).");
            var changes = Listing.Difference(before, await Listing.ObjectsAsync(run));
            KindRun.Expect(changes.Length == 0, $"Deleting {step.Part} of what never was changed the platform: {changes} (L3).");
        }

        await run.ExpectExactlyRecordedAsync(neighbour, "After a neighbour that never was was deleted");
    }

    [Case(116, "A delete step that is sent twice is Done or still running, and a third time after absence is Done", "DC-12 DC-67 L6", Needs = [typeof(ICensus)])]
    public static async Task Twice(KindRun run)
    {
        var resource = await run.BuiltAsync();
        var from = resource.Steps.Count;
        var verbs = await run.VerbsAsync();
        await run.TakeDownAsync(resource, new LoopHooks
        {
            After = async (_, done) =>
            {
                var again = await verbs.DeleteAsync(done.Step, done.Token, resource.Identity);
                KindRun.Expect(again.Error is null, $"Delete {done.Step.Part}, sent a second time: {again}; Done or Running is right (DC-67).");
            },
        });
        KindRun.Expect(resource.Steps.Count > from, $"It was there, and was absent without any step: {resource.Last} (DC-21).");
        await ExpectGoneAsync(run, resource, "After each delete was sent twice");
        foreach (var done in resource.Steps.Skip(from).ToList())
        {
            var third = await verbs.DeleteAsync(done.Step, done.Token, resource.Identity);
            KindRun.Expect(third.Done, $"Delete {done.Step.Part} of what is gone: {third}; Done is right (DC-67).");
        }
    }

    [Case(117, "The identity alone is enough: without recorded parts and resolutions, in a new session, everything is found and taken down", "DC-4 DC-65 L6", Needs = [typeof(ICensus)])]
    public static async Task From_the_identity(KindRun run)
    {
        var resource = await ObserveCases.Searchable(run);
        await Listing.SettleAsync(run);
        run.Run.Use(await run.Run.OpenAsync());
        resource.Identity = resource.Identity with { Parts = [], Resolved = ImmutableDictionary<string, string>.Empty, Hint = null };
        await DownBlindAsync(run, resource);
        await ExpectGoneAsync(run, resource, "Taken down from the identity alone");
    }

    [Case(118, "Recorded parts aren't all: with one of them recorded, the others are found and taken down too", "DC-65 L2 L6", Needs = [typeof(ICensus)])]
    public static async Task Partly_recorded(KindRun run)
    {
        var names = (await ObserveCases.Searchable(run)).Identity.Parts.Select(p => p.Name).ToList();
        if (names.Count < 2)
            throw new NotApplicableException("The kind has one part.");
        foreach (var known in names)
        {
            var resource = await run.BuiltAsync();
            await Listing.SettleAsync(run);
            resource.Identity = resource.Identity with { Parts = [.. resource.Identity.Parts.Where(p => p.Name == known)] };
            await DownBlindAsync(run, resource, known);
            await ExpectGoneAsync(run, resource, $"Taken down with only {known} recorded");
        }
    }

    [Case(119, "What is held by something that isn't ours is Conflict, not applied, and BlockedBy names the holder", "DC-68 L7", Needs = [typeof(IDeletionBlocker), typeof(ICensus)])]
    public static async Task Blocked(KindRun run)
    {
        var resource = await run.BuiltAsync();
        if (await run.Run.Need<IDeletionBlocker>().BlockAsync(run.Kind, resource.Identity.Parts[0]) is not { } holder)
            throw new NotApplicableException("Nothing can hold this kind at the platform.");
        var seen = await run.ObserveAsync(resource, desired: false);
        var step = seen.Next ?? throw new CaseFailedException($"It is there, and no delete step is named: {seen} (DC-27).");
        var result = await (await run.VerbsAsync()).DeleteAsync(step, resource.TokenOf(step), resource.Identity);
        KindRun.Expect(result.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied }, $"{holder} holds it: {result}; Conflict and NotApplied is right (DC-68).");
        KindRun.Expect(result.Error!.BlockedBy.Any(b => b.Contains(holder, StringComparison.Ordinal)), $"{holder} holds it, BlockedBy names {string.Join(", ", result.Error.BlockedBy)} (DC-68).");
        await run.ExpectExactlyRecordedAsync(resource, "After a delete that was blocked");
    }

    [Case(120, "A part whose mark was taken off isn't deleted, also by its recorded id", "DC-16 DC-55 L3", Needs = [typeof(IMarkTampering), typeof(IObjectReader)])]
    public static Task Stripped(KindRun run) => LeftAloneAsync(run, part => run.Run.Need<IMarkTampering>().StripMarkAsync(run.Kind, part), "has no mark");

    [Case(121, "A part that carries another installation's mark isn't deleted, also by its recorded id", "DC-16 DC-55 L3", Needs = [typeof(IMarkTampering), typeof(IObjectReader)])]
    public static Task Forged(KindRun run) => LeftAloneAsync(run, part => run.Run.Need<IMarkTampering>().ForgeMarkAsync(run.Kind, part, "conf2"), "carries another installation's mark");

    [Case(122, "A copy with our mark survives: by recorded ids only the recorded go, and without ids none of several", "DC-24 L3", Needs = [typeof(IForeignObjects), typeof(IObjectReader)])]
    public static async Task Copies(KindRun run)
    {
        foreach (var name in (await run.BuiltAsync()).Identity.Parts.Select(p => p.Name))
        {
            var resource = await run.BuiltAsync();
            var original = new Part { Name = name, Id = resource.Identity.PartId(name)! };
            var copy = new Part { Name = name, Id = await run.Run.Need<IForeignObjects>().CopyAsync(run.Kind, original) };
            await Listing.SettleAsync(run);
            if (run.Descriptor.CreateClass != CreateClass.Manual && run.Run.Need<IForeignObjects>().CopiesAnswer)
            {
                var step = new Step { Part = name, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {name}" };
                var blind = await (await run.VerbsAsync()).DeleteAsync(step, resource.TokenOf(step), resource.Identity with { Parts = [] });
                KindRun.Expect(blind.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied }, $"{original.Id} and {copy.Id} both answer as {name} and none is recorded: delete ends with {blind}; Conflict and NotApplied is right (DC-24).");
                KindRun.Expect(await ObserveCases.ReadAsync(run, original) is not null, $"{original.Id} was deleted although it isn't known which of two is ours (DC-24).");
            }

            await run.TakeDownAsync(resource);
            KindRun.Expect(await ObserveCases.ReadAsync(run, copy) is not null, $"{copy.Id}, a copy that was never recorded, was deleted with {original.Id} (DC-24).");
            KindRun.Expect(await ObserveCases.ReadAsync(run, original) is null, $"{original.Id} is there after it was taken down (L6).");
        }
    }

    [Case(123, "What is half-built is taken down, from whatever step on", "DC-23 DC-27 DC-66 L2", Needs = [typeof(ICensus)])]
    public static async Task Half_built(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            foreach (var recorded in (bool[])[true, false])
            {
                if (!recorded && run.Descriptor.CreateClass == CreateClass.Manual)
                    continue;
                var at = stop;
                var resource = await run.PrepareAsync();
                await run.BuildAsync(resource, new LoopHooks { StopAfter = n => n == at });
                await Listing.SettleAsync(run);
                if (!recorded)
                    resource.Identity = resource.Identity with { Parts = [] };
                await run.TakeDownAsync(resource);
                await ExpectGoneAsync(run, resource, $"Built up to step {at} and taken down {(recorded ? "by recorded ids" : "by search")}");
            }
        }
    }

    [Case(124, "What the platform still builds is taken down as soon as the platform allows it, and nothing comes afterwards", "DC-27 L2 L6", Needs = [typeof(ISlowOperations), typeof(ICensus)])]
    public static async Task While_it_is_built(KindRun run)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        var duration = TimeSpan.FromMinutes(3);
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps)))
        {
            var at = stop;
            await run.Run.Need<ISlowOperations>().SetDurationAsync(TimeSpan.Zero);
            var resource = await run.PrepareAsync();
            await run.BuildAsync(resource, new LoopHooks
            {
                Before = (n, _) => n == at ? run.Run.Need<ISlowOperations>().SetDurationAsync(duration).AsTask() : Task.CompletedTask,
                StopAfter = n => n == at,
            });
            await Listing.SettleAsync(run);
            await run.TakeDownAsync(resource);
            await run.World.PassAsync(duration + duration);
            await ExpectGoneAsync(run, resource, $"Taken down while step {at} was still at work");
        }
    }

    [Case(125, "Dependents go before what they depend on, and data disks are detached and survive", "DC-66 L7", Needs = [typeof(ICensus)])]
    public static async Task In_order(KindRun run)
    {
        var resource = await run.BuiltAsync();
        var disks = run.Sample.NeedsOwn.Contains(ResourceKind.Disk) ? resource.Context.Refer(ResourceKind.Disk) : null;
        var others = (await run.Run.Need<ICensus>().CountAsync()).Where(o => !o.Attached && resource.Identity.Parts.All(p => p.Id != o.Id)).Select(o => o.Id).ToList();
        var from = resource.Steps.Count;
        await run.TakeDownAsync(resource, new LoopHooks
        {
            After = (_, done) =>
            {
                KindRun.Expect(done.Result.Error is null, $"Nothing but our own parts holds {done.Step.Part}, and deleting it ends with {done.Result}: something that depends on it has to go first (DC-66).");
                return Task.CompletedTask;
            },
        });
        KindRun.Expect(resource.Steps.Count > from, $"Nothing was deleted: {resource.Last}.");
        await ExpectGoneAsync(run, resource, "Taken down");
        var gone = others.Except((await Listing.ObjectsAsync(run)).Keys).ToList();
        KindRun.Expect(gone.Count == 0, $"Deleting {Show.Of(resource.Identity.Parts)} took {string.Join(", ", gone)} with it (DC-66).");
        if (disks is null)
            return;
        var verbs = (await run.Run.SessionAsync()).Of(ResourceKind.Disk);
        var disk = new Identity { Installation = resource.Identity.Installation, Kind = ResourceKind.Disk, Name = disks.Name, Incarnation = 1, Parts = disks.Parts };
        var seen = await verbs.ObserveAsync(disk, null);
        KindRun.Expect(seen is { Presence: Presence.Present, Mark: MarkState.Ours }, $"The data disk {disks.ProviderId} after its instance is gone: {seen} (DC-66).");
        KindRun.Expect((seen.Facts as DiskFacts)?.UsedBy.IsDefaultOrEmpty != false, $"The data disk {disks.ProviderId} is still used by {string.Join(", ", ((DiskFacts)seen.Facts!).UsedBy)} (DC-66).");
    }

    [Case(126, "A tombstone is told only of what existed and ended: not of what never was, not of what is hidden", "DC-22 L6", Needs = [typeof(ICensus)])]
    public static async Task Tombstones(KindRun run)
    {
        var never = await run.PrepareAsync();
        foreach (var desired in (bool[])[true, false])
        {
            var absent = await run.ObserveAsync(never, desired);
            KindRun.Expect(!absent.Terminal, $"What never was is told to have ended: {absent} (DC-22).");
        }

        var unknown = never.Identity with { Parts = [new Part { Name = (await DeleteStepsAsync(run))[0].Part, Id = "conformance-none" }] };
        var lost = await (await run.VerbsAsync()).ObserveAsync(unknown, null);
        KindRun.Expect(!lost.Terminal, $"An id that the platform never gave is told to have ended: {lost} (DC-22).");
        if (run.World is IConsistencyControl window && run.Descriptor.ConsistencyWindow > TimeSpan.Zero)
        {
            await window.SetWindowAsync(run.Descriptor.ConsistencyWindow);
            var hidden = await run.PrepareAsync();
            await run.BuildAsync(hidden, new LoopHooks
            {
                After = async (_, done) =>
                {
                    var seen = await (await run.VerbsAsync()).ObserveAsync(hidden.Identity, null);
                    KindRun.Expect(!seen.Terminal, $"{done.Step.Part} was just made and isn't shown yet, but is told to have ended: {seen} (DC-22).");
                },
                StopAfter = n => n == 0,
            });
            await Listing.SettleAsync(run);
        }

        var resource = await run.BuiltAsync();
        await run.TakeDownAsync(resource, new LoopHooks
        {
            After = async (_, done) =>
            {
                if (done.Result.Seen is { Terminal: true })
                    KindRun.Expect((await run.CountAsync(resource)).IsEmpty, $"Delete {done.Step.Part} says that all has ended while {string.Join(", ", (await run.CountAsync(resource)).Select(o => o.Id))} is there (DC-22).");
            },
        });
        await ExpectGoneAsync(run, resource, "After the last look was absent");
    }

    internal static async Task ExpectGoneAsync(KindRun run, Resource resource, string when)
    {
        var left = await run.CountAsync(resource);
        KindRun.Expect(left.IsEmpty, $"{when}, absence was reported while {string.Join(", ", left.Select(o => o.Id))} is there (L6, DC-21).");
    }

    /// <summary>The delete steps of a resource that is built and taken down for it.</summary>
    private static async Task<List<Step>> DeleteStepsAsync(KindRun run)
    {
        var resource = await run.BuiltAsync();
        var from = resource.Steps.Count;
        await run.TakeDownAsync(resource);
        return [.. resource.Steps.Skip(from).Select(s => s.Step)];
    }

    /// <summary>Takes down while nothing more is recorded than <paramref name="known"/>.</summary>
    private static Task DownBlindAsync(KindRun run, Resource resource, string? known = null) => run.TakeDownAsync(resource, new LoopHooks
    {
        Before = (_, _) =>
        {
            resource.Identity = resource.Identity with { Parts = [.. resource.Identity.Parts.Where(p => p.Name == known)] };
            return Task.CompletedTask;
        },
    });

    /// <summary>Deletes step by step, as the host does, with one part that isn't ours any more: its step is refused and the object stays as it is.</summary>
    private static async Task LeftAloneAsync(KindRun run, Func<Part, ValueTask> tamper, string what)
    {
        var verbs = await run.VerbsAsync();
        string? previous = null;
        foreach (var step in (await DeleteStepsAsync(run)).DistinctBy(s => s.Part))
        {
            var resource = await run.BuiltAsync();
            var part = new Part { Name = step.Part, Id = resource.Identity.PartId(step.Part)! };
            // What depends on it goes first, so that only the mark protects it.
            if (previous is not null)
                await run.TakeDownAsync(resource, new LoopHooks { StopAfter = n => resource.Steps[n].Step is { Verb: StepVerb.Delete } last && last.Part == previous });
            previous = step.Part;
            Seen seen;
            do
            {
                seen = await run.ObserveAsync(resource, desired: false);
                if (seen.InProgress is { } progress)
                    await run.World.PassAsync(progress.LookAgainAfter);
            }
            while (seen.InProgress is not null && seen.Next?.Part != step.Part);
            await tamper(part);
            var before = await ObserveCases.ReadAsync(run, part);
            foreach (var identity in (Identity[])[resource.Identity, resource.Identity with { Parts = [] }])
            {
                var result = await verbs.DeleteAsync(step, resource.TokenOf(step), identity);
                // Without ids it isn't even found, unless by its name.
                KindRun.Expect(result.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied } || (identity.Parts.IsEmpty && result.Done), $"{part.Id} {what}: delete ends with {result}; Conflict and NotApplied is right (DC-16, L3).");
                var after = await ObserveCases.ReadAsync(run, part);
                KindRun.Expect(before is not null && after == before, $"{part.Id} {what}, but it was {(after is null ? "deleted" : $"changed: {before} to {after}")} (L3).");
            }
        }
    }
}
