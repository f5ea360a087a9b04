using System.Diagnostics.Metrics;
using Datum.Providers.Host.Loader;
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

    /// <summary>The driver wasn't called, since earlier calls hold it up.</summary>
    NotBegun = 5,
}

/// <summary>An answer, or why there is none. <see cref="Thrown"/> is set when a <see cref="DriverException"/> carried an error.</summary>
internal readonly record struct Guarded<T>(T? Value, GuardFault Fault, string? Text, DriverError? Thrown);

/// <summary>When a call must be over.</summary>
internal readonly record struct CallLimit(DateTimeOffset Deadline, CancellationToken Cancellation)
{
    public static CallLimit Of(Call call) => new(call.Deadline, call.Cancellation);

    /// <summary>No deadline, only cancellation.</summary>
    public static CallLimit Endless(Call call) => new(DateTimeOffset.MaxValue, call.Cancellation);
}

/// <summary>Runs driver code of one session so that whatever it does ends with its own call (law L9).</summary>
internal sealed partial class GuardedCall(GuardOptions options)
{
    /// <summary>Calls of one session that were given up and still run; with that many no other is begun, since each may hold a thread.</summary>
    internal const int MostAbandoned = 16;

    private static readonly Meter s_meter = new("Datum.Providers.Driver");
    private static readonly Counter<long> s_faults = s_meter.CreateCounter<long>("datum.driver.guard.faults", "{fault}", "Driver calls that threw, didn't return or answered against the contract.");

    private int _abandoned;

    public DateTimeOffset Now => options.Scheduler.Time.GetUtcNow();

    public string DriverId => options.DriverId;

    public ILogger Logger => options.Logger;

    public TimeSpan Grace => options.Grace;

    public CallLane Lane => options.Lane;

    /// <summary>Told around the driver's code itself, so also of a call that runs on after it was given up.</summary>
    public IDriverCallMarks? Marks => options.Marks;

    /// <summary>True while no other call may begin.</summary>
    public bool IsFull => Volatile.Read(ref _abandoned) >= MostAbandoned;

    /// <summary>
    /// Runs anything of a driver that isn't a verb of a kind. <paramref name="late"/> gets a value that comes after the call was given up.
    /// It is begun also when the session is full: sessions must be closed, feeds must be ended.
    /// </summary>
    public ValueTask<Guarded<T>> RunAsync<T>(string verb, CallLimit limit, Func<ValueTask<T>> start, Func<T, Task>? late = null)
    {
        var port = new GuardedPort<Func<ValueTask<T>>, T, Guarded<T>>(this, new(verb, static s => s(), static (_, _, answer) => answer, late));
        return new GuardedWork<Func<ValueTask<T>>, T, Guarded<T>>(port, this).Begin(start, limit);
    }

    /// <summary>Runs a reading call that has no port of its own: an ability's.</summary>
    public ValueTask<Answer<T>> ReadAsync<T>(string verb, Call call, Func<ValueTask<Answer<T>>> start, Func<Answer<T>?, string?> rule) where T : class =>
        new GuardedPort<Func<ValueTask<Answer<T>>>, Answer<T>, Answer<T>>(this, new(verb, static s => s(),
            (guard, _, answer) => guard.Checked(verb, answer, answer.Fault == GuardFault.Unknown ? rule(answer.Value) : null))).CallAsync(start, CallLimit.Of(call));

    /// <summary>Runs a mutation that has no port of its own: an ability's.</summary>
    public ValueTask<Outcome<TFacts>> MutateAsync<TFacts>(string verb, Operation operation, bool wanted, Func<ValueTask<Outcome<TFacts>>> start) where TFacts : ResourceFacts =>
        new GuardedPort<Func<ValueTask<Outcome<TFacts>>>, Outcome<TFacts>, Outcome<TFacts>>(this, new(verb, static s => s(),
            (guard, _, outcome) => guard.Checked(verb, outcome, wanted))).CallAsync(start, CallLimit.Of(operation.Call));

    /// <summary>Logs and counts an answer that breaks a rule.</summary>
    public void Report(string verb, GuardFault fault, string text)
    {
        Count(verb, fault);
        LogFault(options.Logger, options.DriverId, verb, fault, text);
    }

    /// <summary>The answer of a reading call, or the error that stands for it. <paramref name="fault"/> is the rule that the answer breaks, or null.</summary>
    public Answer<T> Checked<T>(string verb, in Guarded<Answer<T>> result, string? fault) where T : class =>
        result.Fault != GuardFault.Unknown ? ErrorOf(verb, result.Fault, result.Text!, mutation: false)
        : fault is null ? result.Value!
        : Invalid(verb, fault, mutation: false);

    /// <summary>The outcome of a mutation, or the failure that stands for it.</summary>
    public Outcome<TFacts> Checked<TFacts>(string verb, in Guarded<Outcome<TFacts>> result, bool wanted) where TFacts : ResourceFacts
    {
        if (result.Fault != GuardFault.Unknown)
            return new Failed<TFacts> { Error = ErrorOf(verb, result.Fault, result.Text!, mutation: true) };
        // Ids that came with a wrong answer are still the only trace of what was made.
        return ResultRules.Fault(result.Value, wanted) is { } fault
            ? new Failed<TFacts> { Error = Invalid(verb, fault, mutation: true), Parts = ResultRules.UsableParts(result.Value) }
            : result.Value!;
    }

    /// <summary>Reports a broken rule and gives the error that stands for the answer.</summary>
    public DriverError Invalid(string verb, string fault, bool mutation)
    {
        var text = "broke the contract: " + fault;
        Report(verb, GuardFault.Invalid, text);
        return ErrorOf(verb, GuardFault.Invalid, text, mutation);
    }

    /// <summary>The error that stands for a call without a usable answer.</summary>
    public DriverError ErrorOf(string verb, GuardFault fault, string text, bool mutation) => new()
    {
        Code = fault is GuardFault.Cancelled or GuardFault.Abandoned or GuardFault.NotBegun ? ErrorCode.Timeout : ErrorCode.Bug,
        Effect = fault != GuardFault.NotBegun && (mutation || fault is GuardFault.Exception or GuardFault.Invalid) ? Effect.Unknown : Effect.NotApplied,
        Message = $"{verb} of driver {options.DriverId} {(fault == GuardFault.Exception ? "threw " : "")}{text}.",
    };

    /// <summary>What an exception says. Flattened here: neither the exception nor its type may outlive the frame that caught it.</summary>
    internal Guarded<T> Caught<T>(Exception e, CallLimit limit) => e is OperationCanceledException && limit.Cancellation.IsCancellationRequested
        ? new Guarded<T>(default, GuardFault.Cancelled, "ended because it was cancelled", null)
        : new Guarded<T>(default, GuardFault.Exception, ExceptionText.Flatten(e, options.Redact), (e as DriverException)?.Error);

    /// <summary>A call was given up and still runs.</summary>
    internal void Abandon() => Interlocked.Increment(ref _abandoned);

    /// <summary>A call that was given up has ended.</summary>
    internal void Return() => Interlocked.Decrement(ref _abandoned);

    internal void ReportGivenUp(string verb, bool begun)
    {
        Count(verb, begun ? GuardFault.Abandoned : GuardFault.NotBegun);
        if (begun)
            LogAbandoned(options.Logger, options.DriverId, verb);
        else
            LogNotBegun(options.Logger, options.DriverId, verb);
    }

    internal void ReportLate(string verb, string text) => LogLate(options.Logger, options.DriverId, verb, text);

    internal async Task LateAsync<T>(string verb, T value, Func<T, Task> late)
    {
        try
        {
            await late(value);
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

    [LoggerMessage(Level = LogLevel.Error, Message = "{Verb} of driver {Driver} wasn't begun by its deadline, since the driver blocks its calls")]
    private static partial void LogNotBegun(ILogger logger, string driver, string verb);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Verb} of driver {Driver} ended after it was given up, with {Text}")]
    private static partial void LogLate(ILogger logger, string driver, string verb, string text);
}
