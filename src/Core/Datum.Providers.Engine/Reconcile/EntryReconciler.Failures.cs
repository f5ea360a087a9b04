using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>What a driver refuses and what fails: how it is told, and when it is tried again.</summary>
public sealed partial class EntryReconciler
{
    /// <summary>Asks the driver once for each wish whether it can be fulfilled (law L11).</summary>
    private async Task<Decision.Refuse?> RefusedByDriverAsync(Pass pass)
    {
        if (pass.Memory.ValidatedWish == pass.Memory.Wish && pass.Memory.Wish.Length > 0)
            return null;
        using var scope = Calls.New(scheduler, pass.Descriptor.CallTimeout, pass.Cancellation, payloads.For(pass.Entry));
        ImmutableArray<Finding> findings;
        try
        {
            findings = await pass.Verbs.ValidateAsync(scope.Call, pass.Entry.Spec.Desired ?? default, PartsOf).ConfigureAwait(false);
        }
        catch (DriverException e)
        {
            var delay = Recovery.Delay(RecoveryAction.Retry, pass.Memory.Failures++, e.Error.RetryAfter, scheduler.NextRandom()) ?? TimeSpan.FromMinutes(1);
            pass.Memory.NotBefore = scheduler.Time.GetUtcNow() + delay;
            return new Decision.Refuse(e.Error.Code.ToString(), e.Error.Message);
        }
        var refused = findings.Where(f => !f.Tolerated).ToList();
        if (refused.Count > 0)
            return new Decision.Refuse(Reasons.Unsupported, string.Join(" ", refused.Select(f => $"{f.Path}: {f.Message}")));
        pass.Memory.Tolerated = [.. findings];
        pass.Memory.ValidatedWish = pass.Memory.Wish;
        return null;
    }

    private async Task FailAsync(Pass pass, Look? look, Step? step, DriverError error)
    {
        var memory = pass.Memory;
        var action = Recovery.After(error.Code);
        var delay = Recovery.Delay(action, memory.Failures++, error.RetryAfter, scheduler.NextRandom());
        if (error.Code is ErrorCode.Unauthenticated)
            sessions.Invalidate(pass.Session);
        LogFailed(logger, pass.Kind, pass.Entry.Metadata.Name!, step?.Part ?? "observe", error.Code, error.Effect, error.Message, error.PlatformCode);
        await ReportFailureAsync(pass.Entry, look, error, pass.Cancellation).ConfigureAwait(false);
        memory.NotBefore = delay is { } d ? scheduler.Time.GetUtcNow() + d : DateTimeOffset.MaxValue;
    }

    private static string DriftOf(Look look) => string.Join(';', look.Drift.Select(d => $"{d.Path}={d.Actual}"));

    private static void CountDrift(EntryMemory memory, Look look)
    {
        var drift = DriftOf(look);
        memory.DriftUpdates = memory.Drift == drift ? memory.DriftUpdates + 1 : 1;
        memory.Drift = drift;
    }

    private TimeSpan? DelayOf(EntryMemory memory) => memory.NotBefore == DateTimeOffset.MaxValue ? null : Until(memory.NotBefore);

    /// <summary>A refusal waits for another wish; a driver that couldn't say is asked again.</summary>
    private TimeSpan? RefusedDelay(EntryMemory memory) => memory.NotBefore > scheduler.Time.GetUtcNow() ? DelayOf(memory) : null;

    private TimeSpan Until(DateTimeOffset at)
    {
        var left = at - scheduler.Time.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
