namespace Datum.Providers.Conformance;

/// <summary>CK-100 to CK-109: drift, and changes in place.</summary>
[CaseGroup(KitGroup.Update)]
internal static class UpdateCases
{
    [Case(100, "What the wish leaves unset, and what the platform writes in another way, is no drift", "DC-75", Needs = [typeof(INeutralChanges)])]
    public static async Task Neutral_changes(KindRun run)
    {
        var built = await run.BuiltAsync();
        foreach (var part in built.Identity.Parts)
        {
            await run.Run.Need<INeutralChanges>().ChangeNeutrallyAsync(run.Kind, part);
            var seen = await run.ObserveAsync(built);
            KindRun.Expect(seen.Drift.IsEmpty && seen.Next is null, $"A change of {part.Name} that the wish says nothing of makes drift or a step: {seen} (DC-75).");
            KindRun.Expect(seen.Mark == MarkState.Ours, $"A user's own label at {part.Name} makes the mark {seen.Mark} (DC-55).");
        }
    }

    [Case(101, "Each updatable path: a change there is drift at that path, in place, and update steps mend it in the same objects", "DC-26 DC-76 DC-77", Needs = [typeof(IPathWishes), typeof(ICensus)])]
    public static async Task Updatable_paths_are_true(KindRun run)
    {
        if (run.Descriptor.UpdatablePaths.IsEmpty)
            throw new NotApplicableException("Nothing of this kind changes in place.");
        var wishes = run.Run.Need<IPathWishes>().WishesOf(run.Kind);
        foreach (var path in run.Descriptor.UpdatablePaths)
        {
            if (!wishes.TryGetValue(path, out var wish))
                throw new CaseFailedException($"The world's IPathWishes has no wish for {path}, which UpdatablePaths names.");
            var resource = await run.BuiltAsync();
            var parts = Show.Of(resource.Identity.Parts);
            var before = await Listing.ObjectsAsync(run);
            resource.Spec = wish(resource.Context);
            var seen = await run.ObserveAsync(resource);
            var drift = seen.Drift.Where(d => Paths.WithoutKeys(d.Path) == path).ToList();
            KindRun.Expect(drift.Count > 0 && drift.All(d => d.Remedy == Remedy.InPlace), $"The wish differs in {path}, an updatable path: {seen}; drift there with remedy InPlace is right (DC-76).");
            KindRun.Expect(seen.Drift.Length == drift.Count, $"The wish differs in {path} alone, but there is drift elsewhere: {seen} (DC-75).");
            KindRun.Expect(seen.Next is { Verb: StepVerb.Update } || seen.InProgress is not null, $"{path} changes in place, but the next step isn't an update: {seen} (DC-26).");
            await MendAsync(run, resource, path);
            KindRun.Expect(Show.Of(resource.Identity.Parts) == parts, $"A change in place of {path} led from parts {parts} to {Show.Of(resource.Identity.Parts)} (DC-76).");
            KindRun.Expect(Listing.Difference(before, await Listing.ObjectsAsync(run)).Length > 0, $"{path} is told as mended, but nothing changed at the platform (DC-77).");
            await run.ExpectExactlyRecordedAsync(resource, $"After {path} was changed in place");
        }
    }

    [Case(102, "Each other path: a change there is drift with remedy Replace, which no update step touches", "DC-76", Needs = [typeof(ICensus)])]
    public static async Task Other_paths_replace(KindRun run)
    {
        var wishes = new List<(string? Path, Func<SampleContext, ResourceSpec> Wish)>();
        if (run.Sample.Replacement is { } replacement)
            wishes.Add((null, replacement));
        if (run.World is IPathWishes paths)
            wishes.AddRange(paths.WishesOf(run.Kind).Where(p => !run.Descriptor.UpdatablePaths.Contains(p.Key)).Select(p => ((string?)p.Key, p.Value)));
        if (wishes.Count == 0)
            throw new NotApplicableException("The sample has no wish that needs a new incarnation.");
        foreach (var (path, wish) in wishes)
        {
            var resource = await run.BuiltAsync();
            resource.Spec = wish(resource.Context);
            var before = await Listing.ObjectsAsync(run);
            var seen = await run.ObserveAsync(resource);
            KindRun.Expect(seen.Drift.Any(d => d.Remedy == Remedy.Replace && (path is null || Paths.WithoutKeys(d.Path) == path)), $"The wish differs in {path ?? "what needs a new incarnation"}: {seen}; drift there with remedy Replace is right (DC-76).");
            foreach (var drift in seen.Drift)
                KindRun.Expect(drift.Remedy == Remedy.InPlace == run.Descriptor.UpdatablePaths.Contains(Paths.WithoutKeys(drift.Path)) || drift.Remedy == Remedy.Unknown, $"Drift at {drift.Path} has remedy {drift.Remedy}, UpdatablePaths are {string.Join(", ", run.Descriptor.UpdatablePaths)} (DC-76).");
            KindRun.Expect(seen.Next is null or { Verb: StepVerb.Update }, $"What needs a new incarnation leads to {seen.Next?.Verb} {seen.Next?.Part} in this one: {seen} (DC-76).");
            var changes = Listing.Difference(before, await Listing.ObjectsAsync(run));
            KindRun.Expect(changes.Length == 0, $"Looking at drift changed the platform: {changes} (DC-20).");
        }
    }

    [Case(103, "A recorded resolution is kept: a newer image, type or size behind the same name is no drift", "DC-41", Needs = [typeof(IResolutionChange)])]
    public static async Task Resolutions_are_kept(KindRun run)
    {
        var built = await run.BuiltAsync();
        if (built.Identity.Resolved.IsEmpty)
        {
            run.Run.Use(await run.Run.OpenAsync(run.Run.Need<IResolutionChange>().NewerConnection));
            var newer = await run.ObserveAsync(built);
            KindRun.Expect(newer.Drift.IsEmpty, $"Names mean something newer now, which is drift, but nothing was given to be recorded when it was made: {newer} (DC-41).");
            throw new NotApplicableException("Nothing is resolved for this kind.");
        }

        var before = built.Identity.Resolved;
        run.Run.Use(await run.Run.OpenAsync(run.Run.Need<IResolutionChange>().NewerConnection));
        var seen = await run.ObserveAsync(built);
        KindRun.Expect(seen.Drift.IsEmpty && seen.Next is null, $"Recorded is {Show.Of(before)}; names mean something newer now, and that is drift: {seen} (DC-41).");
        foreach (var (key, value) in seen.Resolved)
            KindRun.Expect(before.GetValueOrDefault(key, value) == value, $"The recorded {key}={before.GetValueOrDefault(key)} is resolved again to {value} (DC-41).");
        foreach (var done in built.Steps.Where(s => s.Step.Verb == StepVerb.Create).ToList())
        {
            var again = await (await run.VerbsAsync()).CreateAsync(done.Step, done.Token, built.Identity, built.Spec);
            foreach (var (key, value) in again.Resolved)
                KindRun.Expect(before.GetValueOrDefault(key, value) == value, $"Create {done.Step.Part} resolves the recorded {key}={before.GetValueOrDefault(key)} again, to {value} (DC-41).");
        }
    }

    [Case(104, "A change behind our back is drift at its path; in place it is mended in the same object, else it is told and left", "DC-75 DC-76 DC-77", Needs = [typeof(IDriftMaker)])]
    public static async Task Changed_behind_the_back(KindRun run)
    {
        var made = 0;
        foreach (var name in (await run.BuiltAsync()).Identity.Parts.Select(p => p.Name))
        {
            var resource = await run.BuiltAsync();
            if (await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, new Part { Name = name, Id = resource.Identity.PartId(name)! }) is not { } path)
                continue;
            made++;
            var parts = Show.Of(resource.Identity.Parts);
            var seen = await run.ObserveAsync(resource);
            var drift = seen.Drift.FirstOrDefault(d => Paths.WithoutKeys(d.Path) == path) ?? throw new CaseFailedException($"{path} of {name} was changed at the platform, the look finds {seen} (DC-75).");
            if (drift.Remedy != Remedy.InPlace)
                continue;
            await MendAsync(run, resource, path);
            KindRun.Expect(Show.Of(resource.Identity.Parts) == parts, $"Mending {path} led from parts {parts} to {Show.Of(resource.Identity.Parts)} (DC-76).");
        }

        if (made == 0)
            throw new NotApplicableException("Nothing of this kind can be changed behind the driver's back.");
    }

    [Case(105, "An update is done once: the same step again is Done or PreconditionFailed and changes nothing that is wished for", "DC-12 DC-15 DC-77")]
    public static async Task Updates_repeat(KindRun run)
    {
        var resource = await ChangedAsync(run);
        var from = resource.Steps.Count;
        await MendAsync(run, resource, "the sample's change in place");
        var updates = resource.Steps.Skip(from).ToList();
        KindRun.Expect(updates.Count > 0 && updates.All(u => u.Step.Verb == StepVerb.Update), $"A change in place was done by steps {string.Join(", ", updates.Select(u => $"{u.Step.Verb} {u.Step.Part}"))} (DC-26).");
        foreach (var done in updates)
        {
            var again = await (await run.VerbsAsync()).UpdateAsync(done.Step, done.Token, resource.Identity, resource.Spec);
            KindRun.Expect(again.Error is null or { Code: ErrorCode.PreconditionFailed }, $"Update {done.Step.Part}, which isn't needed any more, is neither Done nor PreconditionFailed: {again} (DC-15).");
            await run.BuildAsync(resource);
            KindRun.Expect(resource.Last!.Drift.IsEmpty, $"Update {done.Step.Part}, sent twice, leaves drift: {resource.Last} (DC-12).");
        }
    }

    [Case(106, "Suspended stops and starts the same instance, and restartedAt restarts it once", "DC-76 DC-78", Kinds = [ResourceKind.Instance])]
    public static async Task Power_wishes(KindRun run)
    {
        var resource = await run.BuiltAsync();
        var valid = (InstanceSpec)resource.Spec;
        var paths = run.Descriptor.UpdatablePaths;
        if (!paths.Contains("suspended") && !paths.Contains("restartedAt"))
            throw new NotApplicableException("Neither suspended nor restartedAt changes in place.");
        var parts = Show.Of(resource.Identity.Parts);
        if (paths.Contains("suspended"))
        {
            await WishAsync(valid with { Suspended = true }, "suspended");
            KindRun.Expect(Power() == PowerState.Stopped, $"A suspended instance has power {Power()} (DC-78).");
            await WishAsync(valid, "resumed");
            KindRun.Expect(Power() == PowerState.Running, $"A resumed instance has power {Power()} (DC-78).");
        }

        if (paths.Contains("restartedAt"))
        {
            await WishAsync(valid with { RestartedAt = "2031-01-01T00:00:00Z" }, "restarted");
            KindRun.Expect(Power() == PowerState.Running, $"A restarted instance has power {Power()} (DC-78).");
            var steps = resource.Steps.Count;
            run.Run.Use(await run.Run.OpenAsync());
            await run.BuildAsync(resource);
            KindRun.Expect(resource.Steps.Count == steps, $"The same restartedAt leads to a further {resource.Steps[^1].Step.Part}, seen from another session (DC-77).");
            await WishAsync(valid with { RestartedAt = "2032-01-01T00:00:00Z" }, "restarted a second time");
        }

        PowerState Power() => (resource.Last!.Facts as InstanceFacts)?.Power ?? PowerState.Unknown;

        async Task WishAsync(InstanceSpec wish, string what)
        {
            var steps = resource.Steps.Count;
            resource.Spec = wish;
            await MendAsync(run, resource, what);
            KindRun.Expect(resource.Steps.Count > steps, $"It is to be {what}, but no step was named: {resource.Last} (DC-26, DC-78).");
            KindRun.Expect(Show.Of(resource.Identity.Parts) == parts, $"To be {what} led from parts {parts} to {Show.Of(resource.Identity.Parts)} (DC-76).");
        }
    }

    [Case(107, "Drift of payloads is seen by their hashes and shows no secret", "DC-79 DC-84 L12", Kinds = [ResourceKind.Secret, ResourceKind.Instance])]
    public static async Task Payload_drift(KindRun run)
    {
        var resource = await run.BuiltAsync();
        if (KitPayloads.Of(resource.Spec).IsEmpty)
            throw new NotApplicableException("The sample names no payload.");
        var before = resource.Spec;
        resource.Spec = before switch
        {
            SecretSpec secret => secret with { Payload = Other(secret.Payload) },
            InstanceSpec { Sandbox: { } sandbox } instance when sandbox.Containers.Any(c => c.Environment.Any(e => e.From is not null)) => instance with
            {
                Sandbox = sandbox with { Containers = [.. sandbox.Containers.Select(c => c with { Environment = [.. c.Environment.Select(e => e.From is { } key ? e with { From = key with { Payload = Other(key.Payload) } } : e)] })] },
            },
            InstanceSpec instance => instance with { Volumes = [.. instance.Volumes.Select(v => v.Files is { } files ? v with { Files = files with { Payload = Other(files.Payload) } } : v)] },
            _ => throw new NotApplicableException("The sample's payloads are of no kind that the case knows."),
        };
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(!seen.Drift.IsEmpty, $"The contents of a payload changed (their hash is another), the look finds no drift: {seen} (DC-79).");
        foreach (var drift in seen.Drift)
            KindRun.Expect(run.Run.Leaks.Find($"{drift.Desired} {drift.Actual}") is not { } leaked, $"Drift at {drift.Path} shows {run.Run.Leaks.Find($"{drift.Desired} {drift.Actual}")} (DC-79).");

        static PayloadReference Other(PayloadReference payload) => payload with { Hash = new string('a', 64) };
    }

    [Case(108, "A change at the platform between look and update is not lost: it is PreconditionFailed, or mended in the end", "DC-12 DC-16 DC-77", Needs = [typeof(IDriftMaker), typeof(ICensus)])]
    public static async Task Concurrent_change(KindRun run)
    {
        var resource = await ChangedAsync(run);
        var from = resource.Steps.Count;
        await run.BuildAsync(resource, new LoopHooks
        {
            Before = async (n, _) =>
            {
                if (n == from)
                    foreach (var part in resource.Identity.Parts)
                        await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, part);
            },
            After = (n, done) =>
            {
                KindRun.Expect(done.Result.Error is null or { Code: ErrorCode.PreconditionFailed or ErrorCode.Conflict or ErrorCode.NotReadyYet }, $"The object changed between look and update: {done.Result} (DC-16).");
                return Task.CompletedTask;
            },
        });
        KindRun.Expect(resource.Last!.Drift.IsEmpty, $"A change between look and update stays for ever: {resource.Last} (DC-77).");
        await run.ExpectExactlyRecordedAsync(resource, "After a change between look and update");
    }

    [Case(109, "A recorded part that is gone isn't claimed, updated or made again in this life", "DC-16 DC-21 DC-24 L3", Needs = [typeof(IVanish), typeof(ICensus)])]
    public static async Task Lost_parts(KindRun run)
    {
        foreach (var name in (await run.BuiltAsync()).Identity.Parts.Select(p => p.Name))
        {
            var resource = await run.BuiltAsync();
            var lost = new Part { Name = name, Id = resource.Identity.PartId(name)! };
            await run.Run.Need<IVanish>().VanishAsync(run.Kind, lost);
            // Some parts take others with them.
            var left = (await run.CountAsync(resource)).Any(o => resource.Identity.Parts.Any(p => p.Id == o.Id));
            var seen = await run.ObserveAsync(resource);
            KindRun.Expect(seen.Error is null && seen.Parts.All(p => p.Id != lost.Id), $"{lost.Id} is gone, the look finds {seen} (DC-23).");
            KindRun.Expect(seen.Presence == (left ? Presence.Present : Presence.Absent), $"{lost.Id} of parts {Show.Of(resource.Identity.Parts)} is gone: {seen} (DC-21, DC-23).");
            KindRun.Expect(seen.Presence != Presence.Present || seen.Drift.Any(d => d.Remedy == Remedy.Replace) || seen.Failure is not null, $"{name} is gone while other parts are there; nothing says that this life can't be mended: {seen} (DC-75, DC-76).");
            KindRun.Expect(seen.Presence != Presence.Present || seen.Next is null or { Verb: not StepVerb.Create }, $"{name} is gone, and is to be made again beside parts that knew the old one: {seen} (DC-24).");
            foreach (var done in resource.Steps.Where(s => s.Step.Verb == StepVerb.Create && s.Step.Part == name).ToList())
            {
                var again = await (await run.VerbsAsync()).CreateAsync(done.Step, done.Token, resource.Identity, resource.Spec);
                KindRun.Expect(again.Error is { Code: ErrorCode.PreconditionFailed, Effect: Effect.NotApplied }, $"The recorded {name} is gone, and creating it ends with {again}; PreconditionFailed and NotApplied is right (DC-24).");
            }

            if (run.Sample.InPlace is { } inPlace && name == resource.Identity.Parts[0].Name)
            {
                var update = await UpdateStepAsync(run, inPlace);
                var result = await (await run.VerbsAsync()).UpdateAsync(update, resource.TokenOf(update), resource.Identity, inPlace(resource.Context));
                KindRun.Expect(result.Error is { Code: ErrorCode.PreconditionFailed, Effect: Effect.NotApplied }, $"The recorded {name} is gone, and updating it ends with {result}; PreconditionFailed and NotApplied is right (DC-16).");
            }

            var made = (await run.CountAsync(resource)).Where(o => !o.Attached && resource.Identity.Parts.All(p => p.Id != o.Id)).ToList();
            KindRun.Expect(made.Count == 0, $"{name} was made again in the same life: {string.Join(", ", made.Select(m => m.Id))} (DC-24).");
        }
    }

    /// <summary>A built resource whose wish has changed in place since.</summary>
    internal static async Task<Resource> ChangedAsync(KindRun run)
    {
        if (run.Sample.InPlace is not { } inPlace)
            throw new NotApplicableException("The sample has no change in place.");
        var resource = await run.BuiltAsync();
        resource.Spec = inPlace(resource.Context);
        return resource;
    }

    /// <summary>Lets the host's loop go on until nothing is left to do; fails the case when drift stays or a step is repeated too often.</summary>
    internal static async Task MendAsync(KindRun run, Resource resource, string what)
    {
        var from = resource.Steps.Count;
        await run.BuildAsync(resource);
        KindRun.Expect(resource.Last!.Drift.IsEmpty, $"{what}: the driver has no step left, but drift stays: {resource.Last} (DC-77).");
        var most = resource.Steps.Skip(from).GroupBy(s => s.Step.Part).MaxBy(g => g.Count());
        KindRun.Expect(most is null || most.Count() <= 3, $"{what}: the step {most?.Key} was done {most?.Count()} times (DC-77).");
    }

    private static async Task<Step> UpdateStepAsync(KindRun run, Func<SampleContext, ResourceSpec> inPlace)
    {
        var other = await run.BuiltAsync();
        other.Spec = inPlace(other.Context);
        return (await run.ObserveAsync(other)).Next is { Verb: StepVerb.Update } step ? step : throw new CaseFailedException("The sample's change in place leads to no update step (DC-26).");
    }
}
