namespace Datum.Providers.Conformance;

/// <summary>CK-127 to CK-129, CK-309 and CK-317: delete steps whose requests break, beside those of CK-077 to CK-079.</summary>
[CaseGroup(KitGroup.Delete)]
internal static class DeleteFaultCases
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(17);

    [Case(127, "A delete that is throttled: Throttled, not applied, with the platform's own delay, and absent in the end", "DC-45 DC-48 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Throttled(KindRun run) => EachDeleteAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = Wait }, Breaking.Refused(ErrorCode.Throttled, Wait), mustFail: true);

    [Case(128, "A delete that rights forbid: Unauthenticated or Forbidden, not applied, not Done, and absent once they are back", "DC-45 DC-48 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Rights(KindRun run)
    {
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 403 }, Breaking.Refused(ErrorCode.Forbidden), mustFail: true);
        // A driver may sign in again once (DC-6): the second refusal counts.
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 401, Times = 2 }, Breaking.Refused(ErrorCode.Unauthenticated), mustFail: true);
    }

    [Case(129, "An answer to a delete that is garbage, empty or cut off is no absence by itself, and ends in absence", "DC-45 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Broken_answers(KindRun run)
    {
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.GarbageBody }, Breaking.Unknown(null));
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.EmptyBody }, Breaking.Unknown(null));
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.TruncatedBody }, Breaking.Unknown(null));
    }

    [Case(309, "404 in answer to a delete while the object is there leaves no tombstone and no object in the end", "DC-22 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Not_found_in_the_middle(KindRun run)
    {
        var clean = await run.BuiltAsync();
        var from = clean.Steps.Count;
        await run.TakeDownAsync(clean);
        foreach (var at in run.Run.BreakPoints.Choose(Enumerable.Range(0, clean.Steps.Count - from)))
        {
            var resource = await run.BuiltAsync();
            var target = resource.Steps.Count + at;
            await run.TakeDownAsync(resource, new LoopHooks
            {
                Before = (n, _) =>
                {
                    if (n == target)
                        run.Faults.Arm(new Fault { Kind = FaultKind.StatusBefore, Status = 404, Body = """{"code":"NOT_FOUND","message":"not here"}""" });
                    return Task.CompletedTask;
                },
                After = (n, done) =>
                {
                    if (n != target)
                        return Task.CompletedTask;
                    run.Faults.Disarm();
                    KindRun.Expect(done.Result.Seen is not { Terminal: true }, $"404 says that it isn't found, not that it ended: {done.Result} (DC-22).");
                    KindRun.Expect(done.Result.Error is null or { Effect: not Effect.Applied }, $"404 in answer to delete {done.Step.Part}: {done.Result} (DC-67).");
                    return Task.CompletedTask;
                },
            });
            await DeleteCases.ExpectGoneAsync(run, resource, $"After 404 in answer to delete {clean.Steps[from + at].Step.Part}");
        }
    }

    [Case(317, "5xx during a delete, with and without effect: unknown, and absent in the end", "DC-45 DC-48 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Status_5xx(KindRun run)
    {
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 500 }, Breaking.Unknown(ErrorCode.Unavailable), mustFail: true);
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.StatusAfter, Status = 502, ContentType = "text/html", Body = "<html>Bad Gateway</html>" }, Breaking.Unknown(ErrorCode.Unavailable));
    }

    private static Task EachDeleteAsync(KindRun run, Fault fault, Func<DriverError, string?> judge, bool mustFail = false) =>
        Breaking.EachStepAsync(run, run.BuiltAsync, (r, h) => run.TakeDownAsync(r, h), fault, judge, mustFail, (resource, when) => DeleteCases.ExpectGoneAsync(run, resource, when));
}
