using System.Text;

namespace Datum.Providers.Conformance;

/// <summary>CK-145 to CK-149: what only some platforms can.</summary>
[CaseGroup(KitGroup.Abilities)]
internal static class AbilityCases
{
    [Case(145, "Power: stop and start come to the wanted state on the same ids, twice is as once, and neither wish nor mark changes", "DC-101 DC-102 L3", Kinds = [ResourceKind.Instance], Needs = [typeof(ICensus)])]
    public static async Task Power(KindRun run)
    {
        var power = await AbilityAsync<IPowerControl>(run.Run);
        var built = await run.BuiltAsync();
        foreach (var (action, wanted) in ((PowerAction, PowerState)[])[(PowerAction.Stop, PowerState.Stopped), (PowerAction.Start, PowerState.Running), (PowerAction.PowerOff, PowerState.Stopped), (PowerAction.Start, PowerState.Running), (PowerAction.Restart, PowerState.Running)])
        {
            for (var i = 0; i < (action == PowerAction.Restart ? 1 : 2); i++)
            {
                var result = await PowerAsync(run, power, built.Identity, action);
                KindRun.Expect(result.Error is null, $"{action}, time {i + 1}: {result} (DC-101).");
                await SettleAsync(run, built, wanted, action, result.Progress?.LookAgainAfter);
            }
        }

        await run.ExpectExactlyRecordedAsync(built, "After power was switched");
        var stranger = built.Identity with { Name = Tokens.Name(ResourceKind.Instance, 990_001) };
        var mutations = run.Faults.Mutations;
        var refused = await PowerAsync(run, power, stranger, PowerAction.PowerOff);
        KindRun.Expect(refused.Error is { Effect: Effect.NotApplied } && run.Faults.Mutations == mutations, $"Power of an object that carries another's mark: {refused} (DC-101, L3).");
    }

    [Case(146, "Console: text is cut from its newest end and says so, goes on by its cursor, and gets into no log or message", "DC-103", Kinds = [ResourceKind.Instance])]
    public static async Task Console(KindRun run)
    {
        var console = await AbilityAsync<IConsoleLog>(run.Run);
        var built = await run.BuiltAsync();
        var container = (built.Spec as InstanceSpec)?.Sandbox?.Containers.FirstOrDefault()?.Name;
        var all = await ReadAsync(new ConsoleQuery { Container = container, MaxBytes = 1 << 20 });
        var tail = await ReadAsync(new ConsoleQuery { Container = container, MaxBytes = 16 });
        KindRun.Expect(Encoding.UTF8.GetByteCount(tail.Text) <= 16, $"MaxBytes is 16, and {Encoding.UTF8.GetByteCount(tail.Text)} came (DC-103).");
        KindRun.Expect(all.Text.EndsWith(tail.Text, StringComparison.Ordinal), "A shorter console text isn't the end of the longer one (DC-103).");
        KindRun.Expect(tail.Truncated || Encoding.UTF8.GetByteCount(all.Text) <= 16, "A console text was cut and doesn't say so (DC-103).");
        if (all.Next is { } cursor)
        {
            var more = await ReadAsync(new ConsoleQuery { Container = container, Cursor = cursor, MaxBytes = 1 << 20 });
            KindRun.Expect(all.Text.Length == 0 || !more.Text.StartsWith(all.Text, StringComparison.Ordinal), "After the cursor the same text came again (DC-103).");
        }

        foreach (var line in all.Text.Split('\n').Where(l => l.Trim().Length >= 12))
            KindRun.Expect(!run.Run.Host.Output.Entries.Any(e => e.Where.StartsWith("log", StringComparison.Ordinal) && e.Text.Contains(line.Trim(), StringComparison.Ordinal)), "A line of the console got into the log (DC-103).");
        if (container is not null)
        {
            var unknown = await run.Run.CallAsync("console", null, call => console.ReadConsoleAsync(call, built.Identity, new ConsoleQuery { Container = "no-such-container" }), e => (Answer<ConsoleText>)e);
            KindRun.Expect(unknown.Error is { Code: not ErrorCode.Bug } || unknown.Value?.Text.Length == 0, "The console of a container that isn't there has text.");
        }

        async Task<ConsoleText> ReadAsync(ConsoleQuery query)
        {
            var answer = await run.Run.CallAsync("console", null, call => console.ReadConsoleAsync(call, built.Identity, query), e => (Answer<ConsoleText>)e);
            run.Run.CheckError(answer.Error);
            return answer.Value ?? throw new CaseFailedException($"The console can't be read: {Show.Of(answer.Error!)}");
        }
    }

    [Case(147, "Catalogues: images and offerings come in pages without doubles, with ids that aren't empty and numbers that make sense", "DC-104 DC-105")]
    public static async Task Catalogues(CaseRun run)
    {
        var driver = (await run.SessionAsync()).Driver;
        if (driver is not (IImageCatalog or IOfferings))
            throw new NotApplicableException("The driver announces neither ImageCatalog nor Offerings.");
        if (driver is IImageCatalog images)
        {
            var all = await AllAsync<PlatformImage>((call, cursor) => images.ListImagesAsync(call, new CatalogQuery { PageSize = 2 }, cursor));
            CaseRun.Expect(all.All(i => i.Id.Length > 0) && all.Select(i => i.Id).Distinct().Count() == all.Count, $"Image ids are empty or doubled: {string.Join(", ", all.Select(i => i.Id))} (DC-104).");
            if (all.FirstOrDefault(i => i is { Deprecated: false, Name.Length: > 0 }) is { } one)
                CaseRun.Expect((await AllAsync<PlatformImage>((call, cursor) => images.ListImagesAsync(call, new CatalogQuery { Search = one.Name }, cursor))).Any(i => i.Id == one.Id), $"A search for {one.Name} doesn't find it (DC-104).");
        }

        if (driver is IOfferings offerings)
        {
            var all = await AllAsync<Offering>((call, cursor) => offerings.ListOfferingsAsync(call, new CatalogQuery { PageSize = 2 }, cursor));
            foreach (var one in all)
            {
                CaseRun.Expect(one.Native.Length > 0 && one is { CpuMillis: > 0, MemoryMiB: > 0, Remaining: null or >= 0 }, $"An offering makes no sense: {one} (DC-105).");
                CaseRun.Expect(one.Price is null or { Amount: >= 0, Currency.Length: 3, Period: not PricePeriod.Unknown }, $"A price makes no sense: {one.Price} (DC-105).");
            }

            CaseRun.Expect(all.Select(o => (o.Native, o.Zone)).Distinct().Count() == all.Count, "An offering is listed twice (DC-105).");
        }

        async Task<List<T>> AllAsync<T>(Func<Call, string?, ValueTask<Answer<CatalogPage<T>>>> list)
        {
            var items = new List<T>();
            string? cursor = null;
            for (var pages = 0; pages < 1000; pages++)
            {
                var after = cursor;
                var answer = await run.CallAsync("catalog", null, call => list(call, after), e => (Answer<CatalogPage<T>>)e);
                run.CheckError(answer.Error);
                var page = answer.Value ?? throw new CaseFailedException($"A catalogue can't be read: {Show.Of(answer.Error!)}");
                items.AddRange(page.Items);
                if ((cursor = page.Next) is null)
                    return items;
            }

            throw new CaseFailedException("A catalogue has no end after 1000 pages.");
        }
    }

    [Case(148, "Quotas: use goes up by what was built, in the unit of the limit, and the limit is what the platform enforces", "DC-106", Needs = [typeof(IQuotaControl)])]
    public static async Task Quotas(KindRun run)
    {
        var quotas = await AbilityAsync<IQuotas>(run.Run);
        await run.Run.Need<IQuotaControl>().SetQuotaAsync(run.Kind, 50);
        var before = await ReadAsync();
        if (before is null)
            throw new NotApplicableException($"The report has no quota of {run.Kind}.");
        await run.BuiltAsync();
        var after = await ReadAsync();
        KindRun.Expect(after!.Limit == 50, $"The platform's limit is 50, the report says {after.Limit} (DC-106).");
        KindRun.Expect(before.Used is null || after.Used == before.Used + 1, $"One {run.Kind} was built; its use went from {before.Used} to {after.Used} (DC-106).");

        async Task<Quota?> ReadAsync()
        {
            var answer = await run.Run.CallAsync("quotas", null, quotas.ReadQuotasAsync, e => (Answer<QuotaReport>)e);
            run.Run.CheckError(answer.Error);
            var report = answer.Value ?? throw new CaseFailedException($"Quotas can't be read: {Show.Of(answer.Error!)}");
            KindRun.Expect(report.Quotas.All(q => q.Name.Length > 0 && q.Used is null or >= 0 && q.Limit is null or >= 0), "A quota has no name or is negative (DC-106).");
            return report.Quotas.FirstOrDefault(q => q.Kind == run.Kind);
        }
    }

    [Case(149, "Change feed: it names what was built, ends soon after it was cancelled, and ends with the session", "DC-7 DC-107")]
    public static async Task Feed(CaseRun run)
    {
        var session = await run.SessionAsync();
        var feed = await AbilityAsync<IChangeFeed>(run);
        // A feed may cover some kinds only (DC-107): it must name something of one of them.
        ImmutableArray<ResourceKind> kinds = [.. run.Descriptor.Kinds.Select(k => k.Kind).Where(k => run.World.SampleOf(k) is not null)];
        var built = new HashSet<(ResourceKind, string?)>();
        using var stop = new CancellationTokenSource();
        var heard = new System.Collections.Concurrent.ConcurrentQueue<Change>();
        using var arrived = new SemaphoreSlim(0);
        var listening = Listen(stop.Token);
        // Whether the platform's stream is open yet nobody says: each round makes something more to hear of.
        for (var i = 0; i < 20 && !Named() && !listening.IsCompleted; i++)
        {
            var resource = await HostLoop.BuildAsync(run, await run.PrepareAsync(kinds[i % kinds.Length]));
            built.UnionWith([(resource.Kind, resource.Identity.Name), (resource.Kind, null)]);
            for (var turn = 0; turn < 50 && !Named(); turn++)
                await Task.Yield();
        }

        // What a busy machine hasn't carried through yet is given its time.
        var patience = run.Patience < TimeSpan.FromSeconds(5) ? run.Patience : TimeSpan.FromSeconds(5);
        while (!Named() && !listening.IsCompleted && await arrived.WaitAsync(patience))
        {
            // Something came: whether it is ours the loop asks.
        }

        CaseRun.Expect(Named() || listening.IsCompleted, $"Twenty resources were built, and the feed named none, but {heard.Count} others.");
        CaseRun.Expect(heard.All(c => c.Kind != ResourceKind.Unknown), "The feed names a change of no kind.");
        await stop.CancelAsync();
        await EndsAsync(listening, "it was cancelled");
        var second = Listen(CancellationToken.None);
        await session.DisposeAsync();
        await EndsAsync(second, "its session was closed");

        bool Named() => heard.Any(c => built.Contains((c.Kind, c.Name)));

        Task Listen(CancellationToken token) => Task.Run(async () =>
        {
            var call = new Call { Cancellation = token, Deadline = DateTimeOffset.MaxValue, Id = "conformance-feed" };
            await foreach (var change in feed.WatchAsync(call))
            {
                heard.Enqueue(change);
                arrived.Release();
            }
        }, CancellationToken.None);

        async Task EndsAsync(Task task, string why)
        {
            try
            {
                await task.WaitAsync(run.Patience);
            }
            catch (TimeoutException)
            {
                throw new CaseFailedException($"The feed didn't end within {run.Patience.TotalSeconds:0} seconds after {why} (DC-107).");
            }
            catch (OperationCanceledException)
            {
                // As good an end as any.
            }
            catch (Exception e) when (e is DriverException or ObjectDisposedException)
            {
                // A stream that breaks has ended too.
            }
        }
    }

    private static async Task<T> AbilityAsync<T>(CaseRun run) where T : class =>
        (await run.SessionAsync()).Driver as T ?? throw new NotApplicableException($"The session doesn't implement {typeof(T).Name}; that it isn't announced either is CK-022.");

    private static async Task<StepResult> PowerAsync(KindRun run, IPowerControl power, Identity id, PowerAction action)
    {
        var step = new Step { Part = "power", Verb = StepVerb.Update, Class = CreateClass.Repeatable };
        var result = StepResult.Of(await run.Run.CallAsync("power", null, call => power.PowerAsync(new Operation { Call = call, Step = step, Token = Tokens.Of(id, "power", 0) }, id, action), e => new Failed<InstanceFacts> { Error = e }));
        run.Run.Host.Output.Add("power", result.ToString());
        run.Run.CheckError(result.Error);
        return result;
    }

    private static async Task SettleAsync(KindRun run, Resource built, PowerState wanted, PowerAction action, TimeSpan? wait)
    {
        for (var round = 0; round < 60; round++)
        {
            if (wait is { } time)
                await run.World.PassAsync(time);
            var seen = await (await run.VerbsAsync()).ObserveAsync(built.Identity, null);
            if (seen.Facts is InstanceFacts facts && facts.Power == wanted)
            {
                KindRun.Expect(seen.Mark == MarkState.Ours, $"After {action} the mark is {seen.Mark} (DC-101).");
                return;
            }

            wait = seen.InProgress?.LookAgainAfter ?? TimeSpan.FromSeconds(5);
        }

        throw new CaseFailedException($"After {action} the instance isn't {wanted} (DC-101): {built.Last}.");
    }
}
