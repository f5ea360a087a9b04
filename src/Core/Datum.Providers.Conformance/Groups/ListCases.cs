namespace Datum.Providers.Conformance;

/// <summary>CK-130 to CK-142: listings. A driver whose platform lists nothing of ours (ListQuality None) has none of them.</summary>
[CaseGroup(KitGroup.List)]
internal static class ListCases
{
    [Case(130, "A listing shows everything of its kind with our mark: every identity with all its parts, in its incarnation, and nothing else", "DC-56 L2", Needs = [typeof(ICensus)])]
    public static async Task Complete(KindRun run)
    {
        var built = await SeveralAsync(run, 3);
        var items = await Listing.AllAsync(run, Listing.Query(run, built[0].Spec));
        foreach (var resource in built)
        {
            Listing.ExpectShown(items, resource, "Once the window has passed,");
            KindRun.Expect(items.Where(i => i.Name == resource.Identity.Name).All(i => i.Incarnation is 0 or 1), $"{resource.Identity.Name} is listed in incarnation {items.First(i => i.Name == resource.Identity.Name).Incarnation}, not 1 (DC-35).");
        }

        var known = (await run.Run.Need<ICensus>().CountAsync()).Where(o => o.Kind == run.Kind).Select(o => o.IdentityName).ToHashSet(StringComparer.Ordinal);
        var strange = items.Where(i => !known.Contains(i.Name)).Select(i => i.Name).ToList();
        KindRun.Expect(strange.Count == 0, $"Listed, but not there or not of kind {run.Kind}: {string.Join(", ", strange)} (DC-56).");
        var missing = known.Where(k => items.All(i => i.Name != k)).ToList();
        KindRun.Expect(missing.Count == 0, $"There with our mark, but not listed: {string.Join(", ", missing)} (DC-56).");
    }

    [Case(131, "Pages of any size make the same listing: nothing twice, nothing left out, no page longer than asked for", "DC-56 DC-59")]
    public static async Task Pages(KindRun run)
    {
        var built = await SeveralAsync(run, 4);
        var whole = Texts(await Listing.AllAsync(run, Listing.Query(run, built[0].Spec)));
        KindRun.Expect(whole.Count >= built.Count, $"{built.Count} are built, {whole.Count} are listed (DC-56).");
        for (var size = 1; size <= whole.Count + 1; size++)
        {
            var items = Texts(await Listing.AllAsync(run, Listing.Query(run, built[0].Spec, size)));
            var twice = items.GroupBy(i => i, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key).ToList();
            KindRun.Expect(twice.Count == 0, $"With pages of {size} these come twice: {string.Join("; ", twice)} (DC-59).");
            KindRun.Expect(items.Order(StringComparer.Ordinal).SequenceEqual(whole.Order(StringComparer.Ordinal), StringComparer.Ordinal),
                $"With pages of {size} the listing is {string.Join("; ", items)}; with a single page it is {string.Join("; ", whole)} (DC-56).");
        }
    }

    [Case(132, "A cursor is self-contained: each page may be asked for by another session, after the one before has ended", "DC-59")]
    public static async Task Cursors_over_sessions(KindRun run)
    {
        var built = await SeveralAsync(run, 3);
        var whole = Texts(await Listing.AllAsync(run, Listing.Query(run, built[0].Spec)));
        var items = Texts(await Listing.AllAsync(run, Listing.Query(run, built[0].Spec, 1), null, async () =>
        {
            var old = await run.Run.SessionAsync();
            run.Run.Use(await run.Run.OpenAsync());
            await old.DisposeAsync();
            return await run.VerbsAsync();
        }));
        KindRun.Expect(items.SequenceEqual(whole, StringComparer.Ordinal), $"Page by page from sessions of their own the listing is {string.Join("; ", items)}; in one it is {string.Join("; ", whole)} (DC-59).");
    }

    [Case(133, "A cursor that isn't this listing's is refused with PreconditionFailed, never taken for an end", "DC-59 L6")]
    public static async Task Foreign_cursors(KindRun run)
    {
        var built = await SeveralAsync(run, 2);
        var cursors = new List<string> { "conformance-none", "{\"page\":7}", "zzzz:zzzz" };
        foreach (var kind in run.Run.Descriptor.Kinds.Where(k => k.Kind != run.Kind && k.ListQuality != ListQuality.None))
        {
            var other = await (await run.Run.SessionAsync()).Of(kind.Kind).ListAsync(new ListQuery { Installation = run.World.Connection.Installation, PageSize = 1 });
            if (other.Next is { } cursor)
                cursors.Add(cursor);
        }

        foreach (var cursor in cursors)
        {
            var page = await (await run.VerbsAsync()).ListAsync(Listing.Query(run, built[0].Spec, 1), cursor);
            KindRun.Expect(page.Error is { Code: ErrorCode.PreconditionFailed }, $"The cursor '{cursor}' isn't one of this listing: {page}; PreconditionFailed is right (DC-59).");
        }
    }

    [Case(134, "What is deleted between two pages takes nothing else out of the listing", "DC-56 DC-59 L2", Needs = [typeof(IVanish)])]
    public static async Task Deletion_between_pages(KindRun run)
    {
        var built = await SeveralAsync(run, 4);
        var query = Listing.Query(run, built[0].Spec, 1);
        for (var at = 1; at <= 2; at++)
        {
            var items = new List<PageItem>();
            string? cursor = null;
            for (var page = 0; page < at; page++)
            {
                var read = await (await run.VerbsAsync()).ListAsync(query, cursor);
                KindRun.Expect(read.Error is null && (read.Next is not null || items.Count + read.Items.Length > 0), $"Page {page + 1}: {read}");
                items.AddRange(read.Items);
                cursor = read.Next;
            }

            if (cursor is null || items.Count == 0)
                throw new CaseFailedException($"{built.Count} are built, but with pages of one the listing ends after {items.Count} (DC-56).");
            // The one that was shown last, at which a cursor may stand.
            var victim = built.FirstOrDefault(b => b.Identity.Name == items[^1].Name);
            if (victim is not null)
            {
                await run.Run.Need<IVanish>().VanishAsync(run.Kind, victim.Identity.Parts[0]);
                built.Remove(victim);
            }

            var next = await (await run.VerbsAsync()).ListAsync(query, cursor);
            if (next.Error is { Code: ErrorCode.PreconditionFailed })
                items = await Listing.AllAsync(run, query);
            else
                items.AddRange(await Listing.AllAsync(run, query, cursor));
            foreach (var resource in built)
                Listing.ExpectShown(items, resource, $"After {items[^1].Name} was deleted behind page {at}");
        }
    }

    [Case(135, "Only what carries the mark of the asked installation is shown, and another installation's listing shows only its own", "DC-55 DC-56 L3", Needs = [typeof(IMarkTampering)])]
    public static async Task Owners(KindRun run)
    {
        var built = await SeveralAsync(run, 3);
        foreach (var part in built[1].Identity.Parts)
            await run.Run.Need<IMarkTampering>().ForgeMarkAsync(run.Kind, part, "conf2");
        foreach (var part in built[2].Identity.Parts)
            await run.Run.Need<IMarkTampering>().StripMarkAsync(run.Kind, part);
        await Listing.SettleAsync(run);
        var ours = await Listing.AllAsync(run, Listing.Query(run, built[0].Spec));
        var theirs = await Listing.AllAsync(run, Listing.Query(run, built[0].Spec, installation: "conf2"));
        Listing.ExpectShown(ours, built[0], "Beside another installation's,");
        KindRun.Expect(ours.All(i => i.Name != built[1].Identity.Name), $"{built[1].Identity.Name} carries another installation's mark, but is listed as ours (DC-56).");
        KindRun.Expect(ours.All(i => i.Name != built[2].Identity.Name), $"{built[2].Identity.Name} carries no mark any more, but is listed as ours (DC-56).");
        KindRun.Expect(theirs.Any(i => i.Name == built[1].Identity.Name), $"{built[1].Identity.Name} carries the other installation's mark, but isn't in its listing (DC-56).");
        KindRun.Expect(theirs.All(i => i.Name != built[0].Identity.Name), $"{built[0].Identity.Name} is ours, but is listed for another installation (DC-56).");
    }

    [Case(136, "What is half-built, and a part that was left over, is listed with the parts that are there", "DC-56 L2", Needs = [typeof(ICensus), typeof(IVanish)])]
    public static async Task Half_built_and_left_over(KindRun run)
    {
        ExpectListable(run);
        var clean = await run.BuiltAsync();
        foreach (var stop in run.Run.BreakPoints.Choose(Enumerable.Range(0, clean.Steps.Count)))
        {
            var at = stop;
            var half = await run.PrepareAsync();
            await run.BuildAsync(half, new LoopHooks { StopAfter = n => n == at });
            await Listing.SettleAsync(run);
            // What was still being made under a chosen id is told by the look that finds it (DC-38).
            if (half.Identity.Parts.IsEmpty && half.Steps[^1].Result is { Done: false, Error: null })
                half.Record((await run.ObserveAsync(half)).Parts, ImmutableDictionary<string, string>.Empty);
            Listing.ExpectShown(await Listing.AllAsync(run, Listing.Query(run, half.Spec)), half, $"Built up to step {at},");
        }

        foreach (var gone in clean.Identity.Parts.Length < 2 ? [] : clean.Identity.Parts)
        {
            var left = await run.BuiltAsync();
            await run.Run.Need<IVanish>().VanishAsync(run.Kind, new Part { Name = gone.Name, Id = left.Identity.PartId(gone.Name)! });
            await Listing.SettleAsync(run);
            var parts = Listing.PartsOf(await Listing.AllAsync(run, Listing.Query(run, left.Spec)), left.Identity);
            var there = (await run.CountAsync(left)).Where(o => !o.Attached).Select(o => o.Id).ToList();
            var unseen = there.Where(t => parts.All(p => p.Id != t)).ToList();
            KindRun.Expect(unseen.Count == 0, $"{gone.Name} is gone; left over and not listed are {string.Join(", ", unseen)}; listed: {Show.Of(parts)} (DC-56).");
        }
    }

    [Case(137, "A listing that a part of the platform didn't answer says that it is incomplete, or is an error", "DC-58 L6", Needs = [typeof(IPartitionControl)])]
    public static async Task Incomplete(KindRun run)
    {
        var built = await SeveralAsync(run, 2);
        await run.Run.Need<IPartitionControl>().SetUnreachableAsync(true);
        string? cursor = null;
        var said = false;
        do
        {
            var page = await (await run.VerbsAsync()).ListAsync(Listing.Query(run, built[0].Spec, 1), cursor);
            said |= page.Error is not null || !page.Complete;
            cursor = page.Next;
        }
        while (cursor is not null && !said);
        KindRun.Expect(said, "A zone doesn't answer, and every page of the listing calls itself complete (DC-58).");
        await run.Run.Need<IPartitionControl>().SetUnreachableAsync(false);
        foreach (var resource in built)
            Listing.ExpectShown(await Listing.AllAsync(run, Listing.Query(run, resource.Spec)), resource, "The zone answers again:");
    }

    [Case(138, "The declared consistency window holds: behind it a listing and a look show what was made, and not what was removed", "DC-61 DC-62 L5 L6", Needs = [typeof(IConsistencyControl), typeof(ICensus)])]
    public static async Task Window(KindRun run)
    {
        ExpectListable(run);
        await run.Run.Need<IConsistencyControl>().SetWindowAsync(run.Descriptor.ConsistencyWindow);
        var resource = await run.BuiltAsync();
        await Listing.SettleAsync(run);
        Listing.ExpectShown(await Listing.AllAsync(run, Listing.Query(run, resource.Spec)), resource, $"{run.Descriptor.ConsistencyWindow} after it was made");
        var seen = await (await run.VerbsAsync()).ObserveAsync(resource.Identity with { Parts = [] }, resource.Spec);
        KindRun.Expect(seen.Presence == Presence.Present, $"{run.Descriptor.ConsistencyWindow} after it was made a search finds {seen} (DC-62).");
        await run.TakeDownAsync(resource);
        await Listing.SettleAsync(run);
        KindRun.Expect((await run.CountAsync(resource)).IsEmpty, "It is there after it was taken down (L6).");
        var parts = Listing.PartsOf(await Listing.AllAsync(run, Listing.Query(run, resource.Spec)), resource.Identity);
        KindRun.Expect(parts.IsEmpty, $"{run.Descriptor.ConsistencyWindow} after it was removed the listing shows {Show.Of(parts)} (DC-62).");
    }

    [Case(139, "A revision changes with every change that a look would show, and not without one", "DC-60", Needs = [typeof(IDriftMaker)])]
    public static async Task Revisions(KindRun run)
    {
        if (!run.Descriptor.ListingCarriesRevision)
            throw new NotApplicableException("Listings of this kind carry no revision.");
        var resource = (await SeveralAsync(run, 2))[0];
        var query = Listing.Query(run, resource.Spec);
        var first = await RevisionAsync();
        await run.ObserveAsync(resource);
        await run.World.PassAsync(TimeSpan.FromMinutes(1));
        KindRun.Expect(await RevisionAsync() == first, $"Nothing changed, but the revision went from {first} to {await RevisionAsync()} (DC-60).");
        var changes = 0;
        foreach (var part in resource.Identity.Parts)
            await ExpectChangeAsync($"{part.Name} was changed", async () => await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, part));
        if (run.Kind == ResourceKind.Instance && run.World is IGuestControl guest)
            foreach (var ready in (bool?[])[false, null, true])
                await ExpectChangeAsync($"the guest says {ready?.ToString() ?? "nothing"}", () => guest.SetGuestReadyAsync(resource.Identity.Parts[0], ready).AsTask());
        if (run.World is IVanish vanish && resource.Identity.Parts.Length > 1)
            foreach (var part in resource.Identity.Parts.Skip(1).ToList())
                await ExpectChangeAsync($"{part.Name} is gone", () => vanish.VanishAsync(run.Kind, part).AsTask());
        if (changes == 0)
            throw new NotApplicableException("Nothing of this kind can be changed behind the driver's back.");

        async Task ExpectChangeAsync(string what, Func<Task> change)
        {
            var (look, revision) = ((await run.ObserveAsync(resource)).ToString(), await RevisionAsync());
            await change();
            await Listing.SettleAsync(run);
            if ((await run.ObserveAsync(resource)).ToString() == look)
                return;
            changes++;
            KindRun.Expect(await RevisionAsync() != revision, $"{what}: a look finds something else, but the revision is {revision} as before (DC-60).");
        }

        async Task<string> RevisionAsync() => string.Join(", ", (await Listing.AllAsync(run, query)).Where(i => i.Name == resource.Identity.Name)
            .Select(i => $"{i.Parts[0].Id}:{i.Revision ?? throw new CaseFailedException($"{i.Name} is listed without a revision (DC-60).")}").Order(StringComparer.Ordinal));
    }

    [Case(140, "Facts and state of a listed item are those of a look", "DC-60", Needs = [typeof(IDriftMaker)])]
    public static async Task Facts(KindRun run)
    {
        if (!run.Descriptor.ListingCarriesFacts)
            throw new NotApplicableException("Listings of this kind carry no facts.");
        var resource = (await SeveralAsync(run, 2))[0];
        var changed = false;
        do
        {
            if (changed)
                await run.Run.Need<IDriftMaker>().MakeDriftAsync(run.Kind, resource.Identity.Parts[0]);
            await Listing.SettleAsync(run);
            var seen = await run.ObserveAsync(resource);
            var items = (await Listing.AllAsync(run, Listing.Query(run, resource.Spec))).Where(i => i.Name == resource.Identity.Name).ToList();
            var item = items.FirstOrDefault(i => i.Parts.Any(p => p.Id == resource.Identity.Parts[0].Id)) ?? throw new CaseFailedException($"{Show.Of(resource.Identity.Parts)} isn't listed (DC-56).");
            KindRun.Expect(item.Facts is not null, $"{item.Name} is listed without facts, which ListingCarriesFacts promises.");
            KindRun.Expect(Show.Json(item.Facts!) == Show.Json(seen.Facts!), $"The listing has facts {Show.Json(item.Facts!)}, a look {Show.Json(seen.Facts!)} (DC-60).");
            KindRun.Expect(item.State == seen.State, $"The listing has state {item.State}, a look {seen.State} (DC-60).");
            changed = !changed;
        }
        while (changed);
    }

    [Case(141, "A copy with our mark shows: the listing has two ids under one part name of the identity", "DC-57 L3", Needs = [typeof(IForeignObjects)])]
    public static async Task Copies_show(KindRun run)
    {
        var resource = (await SeveralAsync(run, 1))[0];
        foreach (var part in resource.Identity.Parts)
        {
            var copy = await run.Run.Need<IForeignObjects>().CopyAsync(run.Kind, part);
            await Listing.SettleAsync(run);
            var shown = Listing.PartsOf(await Listing.AllAsync(run, Listing.Query(run, resource.Spec)), resource.Identity);
            KindRun.Expect(shown.Any(p => p.Name == part.Name && p.Id == part.Id) && shown.Any(p => p.Name == part.Name && p.Id == copy),
                $"{copy} is a copy of {part.Name} {part.Id} with its mark; the listing shows {Show.Of(shown)}, both under one name is right (DC-57).");
        }
    }

    [Case(142, "No kind's listing shows another kind's objects, also where they have one mark scheme", "DC-56", Needs = [typeof(ICensus)])]
    public static async Task Kinds_apart(KindRun run)
    {
        var built = await SeveralAsync(run, 1);
        var session = await run.Run.SessionAsync();
        var kinds = (await run.Run.Need<ICensus>().CountAsync()).GroupBy(o => o.IdentityName).ToDictionary(g => g.Key, g => g.First().Kind);
        foreach (var other in run.Run.Descriptor.Kinds.Where(k => k.ListQuality != ListQuality.None))
        {
            var page = await session.Of(other.Kind).ListAsync(new ListQuery { Installation = run.World.Connection.Installation, PageSize = 100, Partition = other.ListPartition is null ? null : Listing.Query(run, built[0].Spec).Partition });
            KindRun.Expect(page.Error is null, $"Listing {other.Kind}: {page}");
            foreach (var item in page.Items)
                KindRun.Expect(kinds.GetValueOrDefault(item.Name) == other.Kind, $"The listing of {other.Kind} shows {item.Name} ({Show.Of(item.Parts)}), which is {kinds.GetValueOrDefault(item.Name)} (DC-56).");
        }
    }

    /// <summary>Resources that are built and shown by listings.</summary>
    internal static async Task<List<Resource>> SeveralAsync(KindRun run, int count)
    {
        ExpectListable(run);
        var built = new List<Resource>();
        for (var i = 0; i < count; i++)
            built.Add(await run.BuiltAsync());
        await Listing.SettleAsync(run);
        return built;
    }

    internal static List<string> Texts(IEnumerable<PageItem> items) => [.. items.Select(i => $"{i.Name} {i.Incarnation} {Show.Of(i.Parts)}")];

    private static void ExpectListable(KindRun run)
    {
        if (run.Descriptor.ListQuality == ListQuality.None)
            throw new NotApplicableException("The platform's listings don't show our mark (ListQuality None).");
    }
}
