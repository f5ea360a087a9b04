using System.Globalization;

namespace Datum.Providers.Conformance;

/// <summary>CK-212 to CK-215: clocks that differ.</summary>
[CaseGroup(KitGroup.Clock)]
internal static class ClockCases
{
    [Case(212, "With a clock that is hours ahead of the platform's or behind it, all is built, rests, is listed and taken down", "DC-8 DC-13", Needs = [typeof(ICensus)])]
    public static async Task Skewed(KindRun run)
    {
        foreach (var hours in (int[])[6, -6, 24 * 365])
        {
            run.Run.Host.Skew = TimeSpan.FromHours(hours);
            run.Run.Use(await run.Run.OpenAsync());
            var resource = await run.BuiltAsync();
            KindRun.Expect(resource.Last!.Drift.IsEmpty, $"With the driver's clock {hours} hours off, what was just built drifts: {resource.Last}");
            await run.ExpectExactlyRecordedAsync(resource, $"With the driver's clock {hours} hours off");
            await run.TakeDownAsync(resource);
            KindRun.Expect((await run.CountAsync(resource)).IsEmpty, $"With the driver's clock {hours} hours off, absence was reported too early.");
        }
    }

    [Case(213, "A clock that jumps between calls, back and forth, loses nothing and doubles nothing", "DC-8 DC-12 L1", Needs = [typeof(ICensus)])]
    public static async Task Jumps(KindRun run)
    {
        var turn = 0;
        var hooks = new LoopHooks
        {
            After = (_, _) =>
            {
                run.Run.Host.Skew = TimeSpan.FromHours(turn++ % 3 - 1);
                return Task.CompletedTask;
            },
        };
        var resource = await run.BuildAsync(await run.PrepareAsync(), hooks);
        await run.ExpectExactlyRecordedAsync(resource, "With a clock that jumps after every step");
        await run.TakeDownAsync(resource, hooks);
        KindRun.Expect((await run.CountAsync(resource)).IsEmpty, "With a clock that jumps, absence was reported too early.");
    }

    [Case(214, "A Retry-After that is a date is a delay by the session's clock, and never negative when the clocks differ", "DC-8 DC-48", Fault = true)]
    public static async Task Retry_after_date(CaseRun run)
    {
        foreach (var (skew, least, most) in ((TimeSpan, TimeSpan, TimeSpan)[])
        [
            (TimeSpan.Zero, TimeSpan.FromSeconds(28), TimeSpan.FromSeconds(31)),
            (TimeSpan.FromHours(6), TimeSpan.Zero, TimeSpan.FromSeconds(31)),
            (TimeSpan.FromHours(-6), TimeSpan.FromSeconds(28), TimeSpan.FromHours(7)),
        ])
        {
            run.Host.Skew = skew;
            var session = await run.OpenAsync();
            await session.ProbeAsync();
            var platform = run.World.Time.GetUtcNow();
            run.Faults.Arm(new Fault
            {
                Kind = FaultKind.StatusBefore,
                Status = 429,
                MutationsOnly = false,
                Headers = [new("Date", platform.ToString("r", CultureInfo.InvariantCulture)), new("Retry-After", (platform + TimeSpan.FromSeconds(30)).ToString("r", CultureInfo.InvariantCulture))],
            });
            var error = (await session.ProbeAsync()).Error;
            run.Faults.Disarm();
            CaseRun.Expect(error is { Code: ErrorCode.Throttled, RetryAfter: { } wait } && wait >= least && wait <= most,
                $"Retry-After names a moment in 30 seconds, the driver's clock is {skew} ahead, and the error is {(error is null ? "none" : Show.Of(error))}; {least} to {most} is right.");
        }
    }

    [Case(215, "The driver reads no clock but the host's and waits by none", "DC-8 DC-10 DC-87")]
    public static Task No_own_clock(CaseRun run)
    {
        var found = DriverCode.Of(run.World.Factory).Calls.Where(c => c.Type is "System.DateTime" or "System.DateTimeOffset" ? c.Name is "get_Now" or "get_UtcNow" or "get_Today"
            : c.Type == "System.TimeProvider" ? c.Name == "get_System"
            : c.Type == "System.Environment" ? c.Name.StartsWith("get_TickCount", StringComparison.Ordinal)
            : c.Type == "System.Diagnostics.Stopwatch" || (c.Type == "System.Threading.Thread" && c.Name == "Sleep") || (c.Type == "System.Threading.Tasks.Task" && c.Name == "Delay" && !c.Parameters.Contains("System.TimeProvider"))).ToList();
        CaseRun.Expect(found.Count == 0, $"The driver's code calls {string.Join(", ", found.Select(c => $"{c.Type}.{c.Name}").Distinct())}; time comes from IDriverHost.Time (DC-8).");
        return Task.CompletedTask;
    }
}
