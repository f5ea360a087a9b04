namespace Datum.Providers.Engine.Decisions;

/// <summary>What the host does after an error. docs/driver-contract.md has the same table; a test holds the two together.</summary>
public enum RecoveryAction
{
    /// <summary>Again with growing delays, from seconds to minutes.</summary>
    Retry,

    /// <summary>Again soon: the object moved under us.</summary>
    LookAgain,

    /// <summary>Again after minutes: somebody else must make room.</summary>
    RetrySlowly,

    /// <summary>Not before the desired state, the config or the credentials change.</summary>
    WaitForChange,
}

/// <summary>What becomes of the intent of a create step that failed. docs/driver-contract.md has the table by class and effect.</summary>
public enum IntentAfter
{
    /// <summary>Open: the create may still come to light, so the host looks before it acts (law L5).</summary>
    Open,

    /// <summary>Closed: the platform's answer settles it.</summary>
    Closed,

    /// <summary>Closed, and the next attempt has a token of its own: the old one would bring the old refusal back.</summary>
    ClosedNewToken,
}

/// <summary>From an error to what to do about it.</summary>
public static class Recovery
{
    // No default arm: a new code must be answered here before it compiles. Values outside the enum can't come through the guard.
#pragma warning disable CS8524
    public static RecoveryAction After(ErrorCode code) => code switch
    {
        ErrorCode.Unknown => RecoveryAction.RetrySlowly,
        ErrorCode.Invalid => RecoveryAction.WaitForChange,
        ErrorCode.Unsupported => RecoveryAction.WaitForChange,
        ErrorCode.Unauthenticated => RecoveryAction.RetrySlowly,
        ErrorCode.Forbidden => RecoveryAction.RetrySlowly,
        ErrorCode.QuotaExceeded => RecoveryAction.RetrySlowly,
        ErrorCode.CapacityUnavailable => RecoveryAction.RetrySlowly,
        ErrorCode.Throttled => RecoveryAction.Retry,
        ErrorCode.Conflict => RecoveryAction.Retry,
        ErrorCode.PreconditionFailed => RecoveryAction.LookAgain,
        ErrorCode.NotReadyYet => RecoveryAction.Retry,
        ErrorCode.Unavailable => RecoveryAction.Retry,
        ErrorCode.Timeout => RecoveryAction.Retry,
        ErrorCode.Failed => RecoveryAction.RetrySlowly,
        ErrorCode.Bug => RecoveryAction.RetrySlowly,
    };

    /// <summary>What a create step of a class leaves open after an error of an effect.</summary>
    public static IntentAfter Intent(CreateClass of, Effect effect) => effect switch
    {
        Effect.Unknown => IntentAfter.Open,
        Effect.Applied => IntentAfter.Closed,
        Effect.NotApplied => of switch
        {
            CreateClass.Token => IntentAfter.ClosedNewToken,
            CreateClass.Unknown or CreateClass.Repeatable or CreateClass.Named or CreateClass.Marked or CreateClass.Manual => IntentAfter.Closed,
        },
    };
#pragma warning restore CS8524

    /// <summary>How long to wait before the next try. <paramref name="jitter"/> is in [0,1).</summary>
    public static TimeSpan? Delay(RecoveryAction action, int failures, TimeSpan? retryAfter, double jitter)
    {
        var exponent = Math.Min(failures, 10);
        TimeSpan? delay = action switch
        {
            RecoveryAction.Retry => TimeSpan.FromSeconds(Math.Min(300, 0.5 * Math.Pow(2, exponent))),
            RecoveryAction.LookAgain => TimeSpan.FromMilliseconds(200 * Math.Pow(2, Math.Min(failures, 6))),
            RecoveryAction.RetrySlowly => TimeSpan.FromSeconds(Math.Min(900, 15 * Math.Pow(2, Math.Min(failures, 6)))),
            _ => null,
        };
        if (delay is null)
            return retryAfter;
        delay = delay.Value * (0.75 + 0.5 * jitter);
        return retryAfter > delay ? retryAfter : delay;
    }
}
