namespace Datum.Providers.Conformance;

/// <summary>CK-110 to CK-114 and CK-316: update steps whose requests break.</summary>
[CaseGroup(KitGroup.Update)]
internal static class UpdateFaultCases
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(13);

    [Case(110, "An update whose answer is lost after the platform acted: unknown or applied, and mended in the end", "DC-45 DC-77 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Reset_after(KindRun run) => EachUpdateAsync(run, new Fault { Kind = FaultKind.ResetAfter }, Breaking.Unknown(ErrorCode.Unavailable));

    [Case(111, "An update whose connection breaks before the platform acted, or is refused, isn't Done, and is mended in the end", "DC-45 DC-77 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Reset_before(KindRun run)
    {
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.ResetBefore }, Breaking.Unknown(ErrorCode.Unavailable), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.Refuse }, Breaking.Refused(ErrorCode.Unavailable), mustFail: true);
    }

    [Case(112, "An update that gets no answer by its deadline: Timeout, unknown, and mended in the end", "DC-13 DC-45 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task No_answer(KindRun run)
    {
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.TimeoutBefore }, Breaking.Unknown(ErrorCode.Timeout), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.TimeoutAfter }, Breaking.Unknown(ErrorCode.Timeout));
    }

    [Case(113, "5xx during an update, with and without effect: unknown, and mended in the end", "DC-45 DC-48 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Status_5xx(KindRun run)
    {
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 500 }, Breaking.Unknown(ErrorCode.Unavailable), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusAfter, Status = 502, ContentType = "text/html", Body = "<html>Bad Gateway</html>" }, Breaking.Unknown(ErrorCode.Unavailable));
    }

    [Case(114, "An update that the platform refuses: the code says why, nothing was applied, and it is mended later", "DC-45 DC-48 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Refusals(KindRun run)
    {
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = Wait }, Breaking.Refused(ErrorCode.Throttled, Wait), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 403 }, Breaking.Refused(ErrorCode.Forbidden), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 409 }, Breaking.Refused(ErrorCode.Conflict), mustFail: true);
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 412 }, Breaking.Refused(ErrorCode.PreconditionFailed), mustFail: true);
    }

    [Case(316, "An answer to an update that is garbage, empty or cut off: unknown or applied, and mended in the end", "DC-45 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Broken_answers(KindRun run)
    {
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.GarbageBody }, Breaking.Unknown(null));
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.EmptyBody }, Breaking.Unknown(null));
        await EachUpdateAsync(run, new Fault { Kind = FaultKind.TruncatedBody }, Breaking.Unknown(null));
    }

    private static Task EachUpdateAsync(KindRun run, Fault fault, Func<DriverError, string?> judge, bool mustFail = false)
    {
        return Breaking.EachStepAsync(run, () => UpdateCases.ChangedAsync(run), (r, h) => run.BuildAsync(r, h), fault, judge, mustFail, async (resource, when) =>
        {
            KindRun.Expect(resource.Last!.Drift.IsEmpty, $"{when} drift stays: {resource.Last} (DC-77).");
            await run.ExpectExactlyRecordedAsync(resource, when);
        });
    }
}
