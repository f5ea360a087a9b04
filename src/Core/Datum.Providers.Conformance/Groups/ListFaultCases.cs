namespace Datum.Providers.Conformance;

/// <summary>CK-143, CK-144 and CK-310 to CK-315: a page that breaks is an error, never a shorter listing, and its cursor stays good.</summary>
[CaseGroup(KitGroup.List)]
internal static class ListFaultCases
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(19);

    [Case(143, "A connection that breaks or is refused at any page: Unavailable, and the listing goes on from the same cursor", "DC-48 DC-58 DC-59 L6", Fault = true)]
    public static async Task Connection_breaks(KindRun run)
    {
        await EachPageAsync(run, new Fault { Kind = FaultKind.ResetAfter }, Breaking.Read(ErrorCode.Unavailable));
        await EachPageAsync(run, new Fault { Kind = FaultKind.Refuse }, Breaking.Read(ErrorCode.Unavailable));
    }

    [Case(144, "5xx and a gateway's page at any page of a listing: Unavailable with the wish to wait, never a shorter listing", "DC-48 DC-58 L6", Fault = true)]
    public static async Task Status_5xx(KindRun run)
    {
        await EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 500 }, Breaking.Read(ErrorCode.Unavailable));
        await EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 502, ContentType = "text/html", Body = "<html>Bad Gateway</html>" }, Breaking.Read(ErrorCode.Unavailable));
        await EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 503, RetryAfter = Wait }, e =>
            Breaking.Read(ErrorCode.Unavailable)(e) ?? (e.RetryAfter != Wait ? "Retry-After of 19 seconds belongs into RetryAfter" : null));
    }

    [Case(310, "Throttling at any page of a listing: Throttled with the platform's own delay, never a shorter listing", "DC-48 DC-58 L6", Fault = true)]
    public static Task Throttled(KindRun run) => EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = Wait }, e =>
        Breaking.Read(ErrorCode.Throttled)(e) ?? (e.RetryAfter != Wait ? "Retry-After of 19 seconds belongs into RetryAfter" : null));

    [Case(311, "A page that rights forbid: Forbidden or Unauthenticated, never a shorter listing", "DC-48 DC-58 L6", Fault = true)]
    public static async Task Rights(KindRun run)
    {
        await EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 403 }, Breaking.Read(ErrorCode.Forbidden));
        await EachPageAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 401 }, Breaking.Read(ErrorCode.Unauthenticated));
    }

    [Case(312, "A page that is garbage is an error, never an empty or shorter listing", "DC-48 DC-58 L6", Fault = true)]
    public static Task Garbage(KindRun run) => EachPageAsync(run, new Fault { Kind = FaultKind.GarbageBody }, Breaking.Read());

    [Case(313, "A page that is empty or ends in the middle is an error, never an empty or shorter listing", "DC-48 DC-58 L6", Fault = true)]
    public static async Task Cut_off(KindRun run)
    {
        await EachPageAsync(run, new Fault { Kind = FaultKind.TruncatedBody }, Breaking.Read());
        await EachPageAsync(run, new Fault { Kind = FaultKind.EmptyBody }, Breaking.Read());
    }

    [Case(314, "A page that doesn't come by the deadline, or half of it: Timeout, never a shorter listing", "DC-13 DC-58 L6", Fault = true)]
    public static async Task No_answer(KindRun run)
    {
        await EachPageAsync(run, new Fault { Kind = FaultKind.TimeoutBefore }, e => e.Code == ErrorCode.Timeout ? null : "it is Timeout");
        await EachPageAsync(run, new Fault { Kind = FaultKind.EndlessBody }, e => e.Code == ErrorCode.Timeout ? null : "it is Timeout");
    }

    [Case(315, "A page that has no end is given up and is an error", "DC-48 DC-58 L6", Fault = true)]
    public static Task Oversized(KindRun run) => EachPageAsync(run, new Fault { Kind = FaultKind.OversizedBody }, Breaking.Read());

    /// <summary>Walks the listing in pages of one as often as it has requests, each time with another request broken.</summary>
    private static async Task EachPageAsync(KindRun run, Fault fault, Func<DriverError, string?> judge)
    {
        var built = await ListCases.SeveralAsync(run, 2);
        var query = Listing.Query(run, built[0].Spec, 1);
        var verbs = await run.VerbsAsync();
        var sent = run.Faults.Requests.Length;
        var whole = ListCases.Texts(await Listing.AllAsync(run, query));
        var requests = run.Faults.Requests.Skip(sent).Count(r => r.Verb == "list");
        for (var nth = 1; nth <= requests; nth++)
        {
            var items = new List<PageItem>();
            string? cursor = null;
            var pages = 0;
            run.Faults.Arm(fault with { MutationsOnly = false, Verb = "list", Nth = nth, Times = Breaking.Always });
            while (true)
            {
                pages++;
                var hits = run.Faults.Hits;
                var page = await verbs.ListAsync(query, cursor);
                if (run.Faults.Hits > hits)
                {
                    run.Faults.Disarm();
                    KindRun.Expect(page.Error is not null, $"{fault} at page {pages}: without that answer the driver says {page}; an error is right (DC-58).");
                    KindRun.Expect(judge(page.Error!) is null, $"{fault} at page {pages}: {judge(page.Error!)}; the driver says {Show.Of(page.Error!)} (DC-48).");
                    continue;
                }

                KindRun.Expect(page.Error is null, $"Nothing is broken any more, page {pages} from the same cursor: {page} (DC-59).");
                items.AddRange(page.Items);
                if (page.Next is null)
                    break;
                cursor = page.Next;
            }

            KindRun.Expect(ListCases.Texts(items).SequenceEqual(whole, StringComparer.Ordinal), $"After {fault} at request {nth} the listing is {string.Join("; ", ListCases.Texts(items))}; it was {string.Join("; ", whole)} (DC-59).");
        }
    }
}
