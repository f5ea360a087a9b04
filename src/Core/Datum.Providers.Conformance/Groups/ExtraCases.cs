namespace Datum.Providers.Conformance;

/// <summary>CK-230 and CK-231: the next life of a resource.</summary>
[CaseGroup(KitGroup.Restart)]
internal static class ExtraCases
{
    [Case(230, "The next incarnation is made anew with its own token and mark, whatever the platform remembers of the last one", "DC-35 DC-40 L1", Needs = [typeof(ICensus)])]
    public static async Task Next_life(KindRun run)
    {
        var first = await run.BuiltAsync();
        await run.TakeDownAsync(first);
        var left = await run.CountAsync(first);
        KindRun.Expect(left.IsEmpty, $"The first incarnation was taken down, and {string.Join(", ", left.Select(o => o.Id))} is there (L6).");
        var next = first.Forget();
        next.Identity = first.Identity with { Incarnation = 2, Parts = [], Resolved = ImmutableDictionary<string, string>.Empty };
        await run.BuildAsync(next);
        await run.ExpectExactlyRecordedAsync(next, "In its second incarnation");
        // An id that is a name of our choosing comes again; that its object is another one its mark proves.
        var named = next.Steps.Where(s => s.Step is { Verb: StepVerb.Create, Class: CreateClass.Named }).Select(s => s.Step.Part).ToHashSet(StringComparer.Ordinal);
        var there = (await run.CountAsync(next)).ToDictionary(o => o.Id, o => o.Incarnation, StringComparer.Ordinal);
        KindRun.Expect(next.Identity.Parts.All(p => first.Identity.Parts.All(f => f.Id != p.Id) || (named.Contains(p.Name) && there.GetValueOrDefault(p.Id) == 2)), $"The second incarnation has a part of the first, which was taken down: {Show.Of(first.Identity.Parts)} and {Show.Of(next.Identity.Parts)} (DC-40).");
        KindRun.Expect(next.Last!.Incarnation is 0 or 2, $"Incarnation in the mark is {next.Last.Incarnation}, not 2 (DC-35).");
        foreach (var item in await run.CountAsync(next))
            KindRun.Expect(item.Incarnation is 0 or 2, $"{item.Id} is marked with incarnation {item.Incarnation}, not 2 (DC-35).");
    }

    [Case(231, "What is left of an earlier incarnation is found by the next one and is ours, with the incarnation that its mark has", "DC-25 DC-35 L2")]
    public static async Task Left_of_an_earlier_life(KindRun run)
    {
        if (run.Descriptor.CreateClass == CreateClass.Manual)
            throw new NotApplicableException("Parts of class Manual can't be searched for.");
        var built = await run.BuiltAsync();
        var age = built.Last!.Incarnation;
        await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
        var next = built.Identity with { Incarnation = 2, Parts = [] };
        foreach (var desired in (ResourceSpec?[])[built.Spec, null])
        {
            var seen = await (await run.VerbsAsync()).ObserveAsync(next, desired);
            KindRun.Expect(seen is { Presence: Presence.Present, Mark: MarkState.Ours }, $"The first incarnation's object is there, and the second one sees {seen}; Present and Ours is right (DC-25).");
            KindRun.Expect(seen.Incarnation == age, $"The object's mark holds incarnation {age}, the second incarnation is told {seen.Incarnation} (DC-25).");
        }
    }
}
