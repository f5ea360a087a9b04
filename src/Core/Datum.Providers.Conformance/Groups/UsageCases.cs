namespace Datum.Providers.Conformance;

/// <summary>CK-318 to CK-320: what instances use.</summary>
[CaseGroup(KitGroup.Abilities)]
internal static class UsageCases
{
    private const int MostPages = 1000;
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);

    [Case(318, "Usage: each instance is measured once over all pages, by its own name and incarnation, in numbers that make sense, at a time that isn't to come", "DC-113 DC-114", Kinds = [ResourceKind.Instance])]
    public static async Task Measured(KindRun run)
    {
        var reader = await ReaderAsync(run);
        ImmutableArray<Resource> built = [await run.BuiltAsync(), await run.BuiltAsync()];
        var began = run.World.Time.GetUtcNow();
        List<UsageSample> all;
        do
        {
            all = await AllAsync(run, reader, run.World.Connection.Installation, pageSize: 1);
            if (built.All(b => all.Exists(s => s.Name == b.Identity.Name)))
                break;
            await run.World.PassAsync(s_interval);
        }
        while (run.World.Time.GetUtcNow() - began < s_longest);

        foreach (var one in built)
        {
            var own = all.FindAll(s => s.Name == one.Identity.Name);
            KindRun.Expect(own.Count == 1, $"Of an instance that was built {own.Count} measurements came within {s_longest.TotalMinutes:0} minutes; one is expected (DC-113).");
            KindRun.Expect(own[0].Incarnation == 0 || own[0].Incarnation == one.Identity.Incarnation, $"A measurement names incarnation {own[0].Incarnation}, the instance's is {one.Identity.Incarnation} (DC-113).");
        }

        KindRun.Expect(all.Select(s => s.Name).Distinct(StringComparer.Ordinal).Count() == all.Count, "An instance was measured twice (DC-113).");
        foreach (var sample in all)
        {
            KindRun.Expect(sample is { CpuMillis: not null } or { MemoryBytes: not null }, $"A measurement says nothing: {sample} (DC-114).");
            KindRun.Expect(sample is { CpuMillis: null or >= 0, MemoryBytes: null or >= 0, CpuCapacityMillis: null or > 0 }, $"A measurement makes no sense: {sample} (DC-114).");
            KindRun.Expect(sample.ObservedAt <= run.World.Time.GetUtcNow() + s_interval, $"A measurement is to come: {sample} (DC-114).");
        }
    }

    [Case(319, "Usage: reading it changes nothing, shows nothing of another installation, and refuses a cursor that isn't its own", "DC-20 DC-59 DC-113", Kinds = [ResourceKind.Instance], Needs = [typeof(ICensus)])]
    public static async Task Harmless(KindRun run)
    {
        var reader = await ReaderAsync(run);
        var built = await run.BuiltAsync();
        var mutations = run.Faults.Mutations;
        await AllAsync(run, reader, run.World.Connection.Installation, pageSize: 1);
        KindRun.Expect(run.Faults.Mutations == mutations, "Reading usage sent something that changes the platform (DC-20).");
        await run.ExpectExactlyRecordedAsync(built, "After usage was read");
        var other = await AllAsync(run, reader, "nobody1", pageSize: 0);
        KindRun.Expect(other.Count == 0, $"For another installation {other.Count} measurements came (DC-113).");
        var strange = await ReadAsync(run, reader, run.World.Connection.Installation, 0, "no-such-cursor");
        KindRun.Expect(strange.Error is { Code: ErrorCode.PreconditionFailed }, $"A cursor that isn't its own: {(strange.Error is { } error ? Show.Of(error) : "a page")} (DC-59).");
    }

    [Case(320, "Usage: a part of the platform that doesn't answer makes the page incomplete or an error", "DC-115", Kinds = [ResourceKind.Instance], Needs = [typeof(IPartitionControl)])]
    public static async Task Incomplete(KindRun run)
    {
        var reader = await ReaderAsync(run);
        await run.BuiltAsync();
        await run.Run.Need<IPartitionControl>().SetUnreachableAsync(true);
        var answer = await ReadAsync(run, reader, run.World.Connection.Installation, 0, null);
        KindRun.Expect(answer.Error is not null || answer.Value is { Complete: false }, "While a zone doesn't answer, usage is called complete (DC-115).");
    }

    private static async Task<IUsageReader> ReaderAsync(KindRun run) =>
        (await run.Run.SessionAsync()).Driver as IUsageReader ?? throw new NotApplicableException($"The session doesn't implement {nameof(IUsageReader)}; that it isn't announced either is CK-022.");

    private static async Task<Answer<UsagePage>> ReadAsync(KindRun run, IUsageReader reader, string installation, int pageSize, string? cursor)
    {
        var answer = await run.Run.CallAsync("usage", null, call => reader.ListUsageAsync(call, new ListQuery { Installation = installation, PageSize = pageSize }, cursor), e => (Answer<UsagePage>)e);
        run.Run.CheckError(answer.Error);
        return answer;
    }

    private static async Task<List<UsageSample>> AllAsync(KindRun run, IUsageReader reader, string installation, int pageSize)
    {
        List<UsageSample> items = [];
        string? cursor = null;
        for (var pages = 0; pages < MostPages; pages++)
        {
            var answer = await ReadAsync(run, reader, installation, pageSize, cursor);
            var page = answer.Value ?? throw new CaseFailedException($"Usage can't be read: {Show.Of(answer.Error!)}");
            items.AddRange(page.Items);
            if ((cursor = page.Next) is null)
                return items;
        }

        throw new CaseFailedException($"Usage has no end after {MostPages} pages (DC-113).");
    }
}
