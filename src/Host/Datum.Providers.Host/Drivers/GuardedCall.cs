using System.Diagnostics.Metrics;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Drivers;

/// <summary>What went wrong with a call itself, apart from what the driver answered.</summary>
internal enum GuardFault
{
    Unknown = 0,

    /// <summary>The driver threw.</summary>
    Exception = 1,

    /// <summary>It ended because its cancellation fired.</summary>
    Cancelled = 2,

    /// <summary>It didn't return; it may still run.</summary>
    Abandoned = 3,

    /// <summary>Its answer breaks a rule of the contract.</summary>
    Invalid = 4,
}

/// <summary>An answer, or why there is none. <see cref="Thrown"/> is set when a <see cref="DriverException"/> carried an error.</summary>
internal readonly record struct Guarded<T>(T? Value, GuardFault Fault, string? Text, DriverError? Thrown);

/// <summary>When a call must be over.</summary>
internal readonly record struct CallLimit(DateTimeOffset Deadline, CancellationToken Cancellation)
{
    public static CallLimit Of(Call call) => new(call.Deadline, call.Cancellation);
}

/// <summary>Runs driver code so that whatever it does ends with its own call (law L9).</summary>
internal sealed partial class GuardedCall(GuardOptions options)
{
    private const int Waiting = 0;
    private const int Ended = 1;
    private const int GivenUp = 2;

    private static readonly TimeSpan s_longestDelay = TimeSpan.FromDays(1);
    private static readonly Meter s_meter = new("Datum.Providers.Driver");
    private static readonly Counter<long> s_faults = s_meter.CreateCounter<long>("datum.driver.guard.faults", "{fault}", "Driver calls that threw, didn't return or answered against the contract.");

    public IScheduler Scheduler => options.Scheduler;

    public string DriverId => options.DriverId;

    /// <summary>
    /// Runs <paramref name="start"/> on the scheduler, since a driver may block before its first await. <paramref name="late"/> gets a
    /// value that comes after the call was given up.
    /// </summary>
    public async Task<Guarded<T>> RunAsync<T>(string verb, CallLimit limit, Func<Task<T>> start, Func<T, Task>? late = null)
    {
        var state = Waiting;
        Guarded<T> result = default;
        var work = options.Scheduler.Run(async () =>
        {
            using var mark = CallMark.Of(options.Marks);
            Guarded<T> outcome;
            try
            {
                outcome = new Guarded<T>(await start(), GuardFault.Unknown, null, null);
            }
            catch (OperationCanceledException) when (limit.Cancellation.IsCancellationRequested)
            {
                outcome = new Guarded<T>(default, GuardFault.Cancelled, "ended because it was cancelled", null);
            }
            catch (Exception e)
            {
                // Flattened here: neither the exception nor its type may outlive this frame.
                outcome = new Guarded<T>(default, GuardFault.Exception, ExceptionText.Flatten(e, options.Redact), (e as DriverException)?.Error);
            }

            result = outcome;
            if (Interlocked.CompareExchange(ref state, Ended, Waiting) == GivenUp)
                await EndLateAsync(verb, outcome, late);
        });

        using var stop = new CancellationTokenSource();
        await Task.WhenAny(work, PassAsync(limit, stop.Token));
        if (Interlocked.CompareExchange(ref state, GivenUp, Waiting) == Waiting)
        {
            Count(verb, GuardFault.Abandoned);
            LogAbandoned(options.Logger, options.DriverId, verb);
            return new Guarded<T>(default, GuardFault.Abandoned, "didn't return by its deadline and was given up", null);
        }

        await stop.CancelAsync();
        await work;
        if (result.Fault != GuardFault.Unknown)
            Report(verb, result.Fault, result.Text!);
        return result;
    }

    /// <summary>Logs and counts an answer that breaks a rule.</summary>
    public void Report(string verb, GuardFault fault, string text)
    {
        Count(verb, fault);
        LogFault(options.Logger, options.DriverId, verb, fault, text);
    }

    /// <summary>The answer of a reading call, or the error that stands for it.</summary>
    public Answer<T> Checked<T>(string verb, Guarded<Answer<T>> result, Func<Answer<T>?, string?> rule) where T : class
    {
        if (result.Fault != GuardFault.Unknown)
            return ErrorOf(verb, result.Fault, result.Text!, mutation: false);
        if (rule(result.Value) is not { } fault)
            return result.Value!;
        var text = "broke the contract: " + fault;
        Report(verb, GuardFault.Invalid, text);
        return ErrorOf(verb, GuardFault.Invalid, text, mutation: false);
    }

    /// <summary>The error that stands for a call without a usable answer.</summary>
    public DriverError ErrorOf(string verb, GuardFault fault, string text, bool mutation) => new()
    {
        Code = fault is GuardFault.Cancelled or GuardFault.Abandoned ? ErrorCode.Timeout : ErrorCode.Bug,
        Effect = mutation || fault is GuardFault.Exception or GuardFault.Invalid ? Effect.Unknown : Effect.NotApplied,
        Message = $"{verb} of driver {options.DriverId} {(fault == GuardFault.Exception ? "threw " : "")}{text}.",
    };

    // A call that ends by itself within the grace says more than we can (its own effect, its parts).
    private async Task PassAsync(CallLimit limit, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Cancellation, stop);
        while (!either.IsCancellationRequested && limit.Deadline - options.Scheduler.Time.GetUtcNow() is var left && left > TimeSpan.Zero)
            await WaitAsync(left < s_longestDelay ? left : s_longestDelay, either.Token);
        await WaitAsync(options.Grace, stop);
    }

    /// <summary>Waits until the delay is over or the token fires, whichever comes first.</summary>
    private async Task WaitAsync(TimeSpan delay, CancellationToken stop)
    {
        if (delay <= TimeSpan.Zero || stop.IsCancellationRequested)
            return;
        try
        {
            await options.Scheduler.Delay(delay, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            LogWoken(options.Logger, options.DriverId);
        }
    }

    private async Task EndLateAsync<T>(string verb, Guarded<T> outcome, Func<T, Task>? late)
    {
        LogLate(options.Logger, options.DriverId, verb, outcome.Text ?? "an answer, which is dropped");
        if (outcome.Fault != GuardFault.Unknown || late is null)
            return;
        try
        {
            await late(outcome.Value!);
        }
        catch (Exception e)
        {
            Report(verb, GuardFault.Exception, ExceptionText.Flatten(e, options.Redact));
        }
    }

    private void Count(string verb, GuardFault fault) =>
        s_faults.Add(1, new KeyValuePair<string, object?>("driver", options.DriverId), new("verb", verb), new("fault", fault.ToString()));

    [LoggerMessage(Level = LogLevel.Error, Message = "{Verb} of driver {Driver}: {Fault}: {Text}")]
    private static partial void LogFault(ILogger logger, string driver, string verb, GuardFault fault, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Verb} of driver {Driver} didn't return by its deadline and was given up; it may still run")]
    private static partial void LogAbandoned(ILogger logger, string driver, string verb);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Verb} of driver {Driver} ended after it was given up, with {Text}")]
    private static partial void LogLate(ILogger logger, string driver, string verb, string text);

    [LoggerMessage(Level = LogLevel.Trace, Message = "Stopped waiting for a call of driver {Driver}")]
    private static partial void LogWoken(ILogger logger, string driver);
}
