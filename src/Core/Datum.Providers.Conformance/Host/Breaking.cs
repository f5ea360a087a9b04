namespace Datum.Providers.Conformance;

/// <summary>Breaks requests one by one while the host's loop goes on.</summary>
internal static class Breaking
{
    /// <summary>Many, without overflow when added to the first.</summary>
    public const int Always = 1_000_000;

    /// <summary>An error that doesn't claim that nothing happened.</summary>
    public static Func<DriverError, string?> Unknown(ErrorCode? code) => error =>
        error.Effect == Effect.NotApplied ? "the request may have been applied, so NotApplied isn't true" : Is(code, error);

    /// <summary>An error of a request that the platform refused before it acted.</summary>
    public static Func<DriverError, string?> Refused(ErrorCode code, TimeSpan? retryAfter = null) => error =>
        error.Effect != Effect.NotApplied ? "the platform refused it, so the effect is NotApplied"
        : retryAfter is { } wait && error.RetryAfter != wait ? $"Retry-After of {wait.TotalSeconds:0} seconds belongs into RetryAfter" : Is(code, error);

    /// <summary>An error of a read: it can't have changed anything.</summary>
    public static Func<DriverError, string?> Read(params ReadOnlySpan<ErrorCode> codes)
    {
        var allowed = codes.ToArray();
        return error => error.Effect != Effect.NotApplied ? "a read changes nothing, so the effect is NotApplied"
            : allowed.Length > 0 && !allowed.Contains(error.Code) ? $"it is {string.Join(" or ", allowed)}" : null;
    }

    private static string? Is(ErrorCode? code, DriverError error) => code is { } expected && error.Code != expected ? $"it is {expected}" : null;

    /// <summary>
    /// Breaks each mutating request of each step that <paramref name="go"/> does, one a resource. <paramref name="mustFail"/>: the step can't be
    /// Done, since the platform didn't act.
    /// </summary>
    public static async Task EachStepAsync(KindRun run, Func<Task<Resource>> start, Func<Resource, LoopHooks?, Task> go, Fault fault,
        Func<DriverError, string?> judge, bool mustFail, Func<Resource, string, Task> after)
    {
        var clean = await start();
        var from = clean.Steps.Count;
        await go(clean, null);
        foreach (var (at, nth) in run.Run.BreakPoints.ChooseMutations(clean.Steps, from))
        {
            var resource = await start();
            var where = $"After {fault} at request {nth} of {clean.Steps[at].Step.Verb} {clean.Steps[at].Step.Part}";
            var hits = run.Faults.Hits;
            await go(resource, Inject(run, fault with { Nth = nth }, resource.Steps.Count + at - from, judge, mustFail));
            KindRun.Expect(run.Faults.Hits > hits, $"{where}: the step wasn't done, or without that request; steps: {string.Join(", ", resource.Steps.Select(s => $"{s.Step.Verb} {s.Step.Part}"))} (DC-26).");
            await after(resource, where);
        }
    }

    private static LoopHooks Inject(KindRun run, Fault fault, int at, Func<DriverError, string?> judge, bool mustFail) => new()
    {
        Before = (number, _) =>
        {
            if (number == at)
                run.Faults.Arm(fault);
            return Task.CompletedTask;
        },
        After = (number, done) =>
        {
            if (number != at)
                return Task.CompletedTask;
            run.Faults.Disarm();
            if (done.Result.Error is { } error)
                KindRun.Expect(judge(error) is null, $"{fault} during {done.Step.Verb} {done.Step.Part}: {judge(error)}; the driver says {Show.Of(error)} (DC-45, DC-48).");
            else
                KindRun.Expect(!mustFail, $"{fault} during {done.Step.Verb} {done.Step.Part}: the platform didn't act, but the driver says {done.Result} (DC-45).");
            return Task.CompletedTask;
        },
    };
}
