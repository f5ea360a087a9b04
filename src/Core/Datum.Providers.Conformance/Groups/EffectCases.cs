namespace Datum.Providers.Conformance;

/// <summary>CK-060 to CK-079: what is said of a request whose answer was lost or broken, for each request of each step; and that nothing is doubled or lost by it.</summary>
[CaseGroup(KitGroup.EffectCertainty)]
internal static class EffectCases
{
    [Case(60, "A connection that is refused during a create: not applied, and then built once", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Refused(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.Refuse }, e =>
        e.Effect != Effect.NotApplied ? "the request never left, so the effect is NotApplied" : e.Code != ErrorCode.Unavailable ? "a platform that can't be reached is Unavailable" : null, mustFail: true);

    [Case(61, "A connection that breaks before the platform acted: unknown, and then built once", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Reset_before(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.ResetBefore }, Unknown(ErrorCode.Unavailable), mustFail: true);

    [Case(62, "A connection that breaks after the platform acted: unknown or applied, found again, and nothing doubled", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Reset_after(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.ResetAfter }, Unknown(ErrorCode.Unavailable));

    [Case(63, "A create that gets no answer by its deadline, without effect: Timeout, unknown, and then built once", "DC-13 DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Timeout_before(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.TimeoutBefore }, Unknown(ErrorCode.Timeout), mustFail: true);

    [Case(64, "A create that gets no answer by its deadline, with effect: Timeout, unknown, found again, and nothing doubled", "DC-13 DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Timeout_after(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.TimeoutAfter }, Unknown(ErrorCode.Timeout));

    [Case(65, "500 without effect during a create: unknown, and then built once", "DC-45 DC-48 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Status_500_before(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 500, Body = """{"note":"from a proxy"}""" }, Unknown(null), mustFail: true);

    [Case(66, "500 with effect during a create: unknown, found again, and nothing doubled", "DC-45 DC-48 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Status_500_after(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.StatusAfter, Status = 500 }, Unknown(null));

    [Case(67, "A gateway's 502 page with effect during a create: Unavailable, unknown, and nothing doubled", "DC-45 DC-48 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Status_502_page(KindRun run) => EachCreateAsync(run, new Fault
    {
        Kind = FaultKind.StatusAfter,
        Status = 502,
        ContentType = "text/html",
        Body = "<html><body><h1>502 Bad Gateway</h1></body></html>",
    }, Unknown(ErrorCode.Unavailable));

    [Case(68, "A gateway's 504 with effect during a create: unknown, and nothing doubled", "DC-45 DC-48 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Status_504(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.StatusAfter, Status = 504 }, Unknown(null));

    [Case(69, "503 with Retry-After during a create: unknown, and the wish to wait is passed on", "DC-45 DC-48 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Status_503(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 503, RetryAfter = TimeSpan.FromSeconds(7) }, e =>
        Unknown(ErrorCode.Unavailable)(e) ?? (e.RetryAfter != TimeSpan.FromSeconds(7) ? "Retry-After of 7 seconds belongs into RetryAfter" : null), mustFail: true);

    [Case(70, "An answer that ends in the middle: unknown or applied, found again, and nothing doubled", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Truncated(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.TruncatedBody }, Unknown(null));

    [Case(71, "An answer that is garbage: unknown or applied, found again, and nothing doubled", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Garbage(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.GarbageBody }, Unknown(null));

    [Case(72, "An answer without a body: unknown or applied, found again, and nothing doubled", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Empty(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.EmptyBody }, Unknown(null));

    [Case(73, "An answer that never stops coming is given up, unknown, and nothing doubled", "DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Oversized(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.OversizedBody }, Unknown(null));

    [Case(74, "An answer that stalls after its first byte ends at the deadline, unknown, and nothing doubled", "DC-13 DC-45 L1 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Stalled(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.EndlessBody }, Unknown(ErrorCode.Timeout));

    [Case(75, "A redirect to another host is an error and isn't followed", "DC-8 DC-84", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Redirected(KindRun run)
    {
        await EachCreateAsync(run, new Fault { Kind = FaultKind.Redirect }, e => e.Effect == Effect.Applied ? "nothing was applied" : null, mustFail: true);
        KindRun.Expect(run.Faults.Requests.All(r => r.Uri.Host != "elsewhere.invalid"), "A request, with whatever credentials it carries, went to the host of the redirect.");
    }

    [Case(76, "Throttling during a create: Throttled, not applied, with the platform's own delay", "DC-45 DC-48 L5", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Throttled(KindRun run) => EachCreateAsync(run, new Fault { Kind = FaultKind.StatusBefore, Status = 429, RetryAfter = TimeSpan.FromSeconds(9) }, e =>
        e.Code != ErrorCode.Throttled ? "429 is Throttled"
        : e.Effect != Effect.NotApplied ? "a throttled request wasn't applied"
        : e.RetryAfter != TimeSpan.FromSeconds(9) ? "Retry-After of 9 seconds belongs into RetryAfter" : null, mustFail: true);

    [Case(77, "A delete whose answer is lost after the platform acted ends in absence, and says nothing false on the way", "DC-45 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Delete_reset_after(KindRun run) => EachDeleteAsync(run, new Fault { Kind = FaultKind.ResetAfter }, Unknown(ErrorCode.Unavailable));

    [Case(78, "A delete whose connection breaks before the platform acted is unknown, not done, and ends in absence", "DC-45 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static Task Delete_reset_before(KindRun run) => EachDeleteAsync(run, new Fault { Kind = FaultKind.ResetBefore }, Unknown(ErrorCode.Unavailable), mustFail: true);

    [Case(79, "A delete that gets no answer by its deadline is Timeout, unknown, and ends in absence", "DC-13 DC-45 DC-67 L6", Fault = true, Needs = [typeof(ICensus)])]
    public static async Task Delete_timeout(KindRun run)
    {
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.TimeoutBefore }, Unknown(ErrorCode.Timeout), mustFail: true);
        await EachDeleteAsync(run, new Fault { Kind = FaultKind.TimeoutAfter }, Unknown(ErrorCode.Timeout));
    }

    private static Func<DriverError, string?> Unknown(ErrorCode? code) => Breaking.Unknown(code);

    /// <summary>Breaks each mutating request of each step of building, one a resource, and lets the host's loop go on.</summary>
    private static Task EachCreateAsync(KindRun run, Fault fault, Func<DriverError, string?> judge, bool mustFail = false) =>
        Breaking.EachStepAsync(run, run.PrepareAsync, (r, h) => run.BuildAsync(r, h), fault, judge, mustFail, (resource, when) => run.ExpectExactlyRecordedAsync(resource, when));

    /// <summary>The same for each step of taking down.</summary>
    private static Task EachDeleteAsync(KindRun run, Fault fault, Func<DriverError, string?> judge, bool mustFail = false) =>
        Breaking.EachStepAsync(run, run.BuiltAsync, (r, h) => run.TakeDownAsync(r, h), fault, judge, mustFail, (resource, when) => DeleteCases.ExpectGoneAsync(run, resource, when));
}
