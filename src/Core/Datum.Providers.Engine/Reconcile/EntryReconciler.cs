using System.Collections.Concurrent;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>
/// Brings one ledger entry and its platform object together, for every kind and every driver: look, record, decide, store the
/// intent, do one step, record, look again. A kill between any two of these loses nothing (laws L1, L4, L5, L6).
/// </summary>
public sealed partial class EntryReconciler(
    HomePlane home, LedgerStore ledger, SessionManager sessions, IMutationGate gate, IOwnerReader owners, IPayloadSource payloads, IEventRecorder events,
    AccountLimits limits, AccountGuard accounts, IScheduler scheduler, ILogger<EntryReconciler> logger)
{
    /// <summary>Steps done in one pass before other entries get their turn.</summary>
    private const int MaxStepsAPass = 12;

    /// <summary>Between the answer of a create and its repetition.</summary>
    private static readonly TimeSpan RepeatPause = TimeSpan.FromSeconds(1);

    internal EngineSeams Seams { get; init; } = new();

    private readonly ConcurrentDictionary<string, EntryMemory> _memory = [];
    private readonly ConcurrentDictionary<string, bool> _foreign = [];

    /// <summary>Works on the entry once. The result says when to come back; null when an event will.</summary>
    public async Task<TimeSpan?> ReconcileAsync(string name, CancellationToken cancellation)
    {
        if (ledger.Find(name) is not { } entry)
        {
            _memory.TryRemove(name, out _);
            _foreign.TryRemove(name, out _);
            return null;
        }
        if (entry.Spec.Format > ManagedResourceSpec.CurrentFormat)
        {
            await ReportAsync(entry, null, new Decision.Refuse(Reasons.UnsupportedFormat,
                $"The entry has format {entry.Spec.Format}, this host knows up to {ManagedResourceSpec.CurrentFormat}. Run a newer host."), [], cancellation).ConfigureAwait(false);
            return null;
        }
        if (entry.Spec.Installation != home.Installation)
        {
            // Another host's: not ours to touch (law L3). Nobody else may be there any more, so it is said, once.
            if (_foreign.TryAdd(name, true))
                LogForeign(logger, entry.Spec.Kind, name, entry.Spec.Installation, home.Installation);
            return null;
        }

        if (!owners.IsEngaged(entry.Spec.Owner, out var notEngaged))
        {
            // Its owner can't be asked, so nothing is made, changed or deleted for it (law L14); engaging the plane wakes the entry.
            if (notEngaged is not null)
                await ReportUnknownAsync(entry, Reasons.PlaneNotEngaged, notEngaged, cancellation).ConfigureAwait(false);
            return null;
        }

        var answer = await sessions.ForEntryAsync(entry, cancellation).ConfigureAwait(false);
        if (answer.Session is not { } session || session.TryUse() is not { } use)
        {
            // A session that is being opened is no finding: what was seen before stays until it says something.
            var opening = answer.Session is not null || answer.Reason == Reasons.Waiting;
            if (!opening || entry.Status?.State is null)
                await ReportUnknownAsync(entry, answer.Session is null ? answer.Reason : Reasons.Waiting,
                    answer.Session is null ? answer.Message : "The session is being replaced.", cancellation).ConfigureAwait(false);
            return answer.RetryAt is { } at ? Until(at) : answer.Session is null ? null : TimeSpan.FromSeconds(1);
        }
        using (use)
        using (var allowance = limits.Admitted(name, session.Meter))
            return await WithSessionAsync(entry, session, allowance, cancellation).ConfigureAwait(false);
    }

    private async Task<TimeSpan?> WithSessionAsync(ManagedResource entry, Session session, Allowance? allowance, CancellationToken cancellation)
    {
        var kind = EntryIdentity.KindOf(entry);
        if (session.Verbs(kind) is not { } verbs || session.Describe(kind) is not { } descriptor)
        {
            await ReportUnknownAsync(entry, Reasons.Unsupported, $"Driver {session.Descriptor.Id} has no {kind}.", cancellation).ConfigureAwait(false);
            return null;
        }
        (entry, var held, var heldDelay) = await HeldAsync(entry, session, cancellation).ConfigureAwait(false);
        if (held)
            return heldDelay;

        if (session.Meter.Breaker.IsOpen)
        {
            // Nobody asks meanwhile; the probe that is answered wakes the entry.
            await ReportBreakerAsync(entry, session, cancellation).ConfigureAwait(false);
            return null;
        }

        var memory = _memory.GetOrAdd(entry.Metadata.Name!, static _ => new EntryMemory());
        // A platform that came back is a new beginning: nobody waits for a delay from before.
        memory.Follow(entry, session.Meter.Breaker.Opened is 0 ? session.Key : $"{session.Key}#{session.Meter.Breaker.Opened}");
        memory.Allowance = allowance;
        if (memory.NotBefore > scheduler.Time.GetUtcNow())
            return DelayOf(memory);

        Look? look = null;
        for (var step = 0; step < MaxStepsAPass; step++)
        {
            var pass = new Pass(entry, session, verbs, descriptor, memory, cancellation);
            if (look is null && Turn(pass) is { } later)
                return later;
            look ??= await ObserveAsync(pass).ConfigureAwait(false);
            if (look is null)
                return DelayOf(memory);
            entry = pass.Entry = await RecordAsync(pass, look).ConfigureAwait(false);
            if (look is { InProgress: null, Failure: { } failure } && entry.Spec.Wanted && memory.ToldFailure != Told(failure))
            {
                memory.ToldFailure = Told(failure);
                // Only the operation knew that it failed. Its handle is gone now, so the next look begins afresh.
                await FailAsync(pass, look, null, failure).ConfigureAwait(false);
                return DelayOf(memory);
            }

            if (Stale(entry, look))
            {
                // Something of an earlier life is still there: it is looked at again as something that must go.
                if (Turn(pass) is { } itsTurn)
                    return itsTurn;
                if (await ObserveAsync(pass, takeDown: true).ConfigureAwait(false) is not { } toGo)
                    return DelayOf(memory);
                look = toGo;
            }

            Watched(pass, look);
            var (inspected, adoption) = await InspectAsync(pass, look).ConfigureAwait(false);
            if (!inspected)
                return DelayOf(memory);
            var decision = WhenLong(pass, look, Seams.Decide(InputOf(pass, look, adoption)));
            if (RestsOnAbsence(entry, look, decision) && await UnprovedAsync(pass).ConfigureAwait(false) is { } unprovedYet)
                return unprovedYet.Delay;
            if (decision is Decision.Create or Decision.Update or Decision.Adopt or Decision.Wait { Reason: Reasons.WaitingForDependency } && !owners.IsKnown(entry.Spec.Owner) && await OwnerGoneAsync(entry, cancellation).ConfigureAwait(false) is { } gone)
            {
                // A ledger that was restored has entries whose owners went long ago: nothing is made for them.
                await ReportAsync(entry, look, gone, memory.Tolerated, cancellation).ConfigureAwait(false);
                return gone.Reason == Reasons.OwnerLost ? null : TimeSpan.FromSeconds(5);
            }
            if (decision is Decision.Delete or Decision.Replace && await ledger.FindsDependentsAsync(entry, cancellation).ConfigureAwait(false))
                continue;
            switch (decision)
            {
                case Decision.None:
                    var ownerless = entry.Spec.Wanted && !owners.IsKnown(entry.Spec.Owner) ? await OwnerGoneAsync(entry, cancellation).ConfigureAwait(false) : null;
                    if (ownerless is { Reason: Reasons.OwnerLost })
                    {
                        await ReportAsync(entry, look, ownerless, memory.Tolerated, cancellation).ConfigureAwait(false);
                        return null;
                    }
                    if (look.State is Lifecycle.Ready)
                        memory.Works(scheduler.Time.GetUtcNow());
                    memory.Failures = 0;
                    memory.DriftUpdates = 0;
                    accounts.Settled(AccountGuard.KeyOf(session), entry.Metadata.Name!);
                    entry = await RememberRealizedAsync(entry, cancellation).ConfigureAwait(false);
                    await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                    TimeSpan? next = memory.OverdueAt is { } overdue && (PollOf(entry) is not { } poll || Until(overdue) < poll) ? Until(overdue) : PollOf(entry);
                    // An owner that nobody knows and that couldn't be read may have gone: it is asked for again.
                    return ownerless is null || next < OwnerPeriod ? next : OwnerPeriod;

                case Decision.Wait wait:
                    await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                    if (wait.Until is not { } until)
                        return PollOf(entry);
                    if (until > scheduler.Time.GetUtcNow())
                        return Until(until);
                    look = null;
                    continue;

                case Decision.Refuse refuse:
                    LogRefused(logger, pass.Kind, entry.Metadata.Name!, refuse.Reason);
                    await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return null;

                case Decision.CatchUp catchUp:
                    entry = await ledger.UpdateAsync(entry, e => e.Spec.Record.Incarnation = catchUp.Incarnation, cancellation).ConfigureAwait(false);
                    look = null;
                    continue;

                case Decision.Release when ReleaseHeld(pass, look) is { } unproved:
                    await ReportAsync(entry, look, unproved, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return unproved.Until is { } proofAt ? Until(proofAt) : null;

                case Decision.Release:
                    if (look.Presence is Presence.Present)
                        await RetainAsync(entry, cancellation).ConfigureAwait(false);
                    // Gone for good: the entry's own finalizer is the last thing that held it (L6).
                    await ledger.ReleaseAsync(entry, cancellation).ConfigureAwait(false);
                    _memory.TryRemove(entry.Metadata.Name!, out _);
                    LogReleased(logger, pass.Kind, entry.Metadata.Name!);
                    return null;
            }

            if ((TooNew(pass, decision) ?? Forbidden(pass, decision)) is { } waitInstead)
            {
                await ReportAsync(entry, look, waitInstead, memory.Tolerated, cancellation).ConfigureAwait(false);
                return waitInstead.Until is { } until ? Until(until) : null;
            }

            // Something that worked has stopped: that is told before it is mended.
            if (Broken(entry, look, decision) && memory.RepairAt(scheduler.Time.GetUtcNow()) is { } repairAt)
            {
                await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                return Until(repairAt);
            }

            switch (decision)
            {
                case Decision.Renew when entry.Spec.Wanted && !entry.Spec.Record.Retiring && await OwnerGoneAsync(entry, cancellation).ConfigureAwait(false) is { } lost:
                    await ReportAsync(entry, look, lost, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return lost.Reason == Reasons.OwnerLost ? null : TimeSpan.FromSeconds(5);

                case Decision.Renew:
                    entry = await ledger.UpdateAsync(entry, e => Renew(e.Spec.Record), cancellation).ConfigureAwait(false);
                    accounts.Renewed(AccountGuard.KeyOf(session), entry.Metadata.Name!);
                    memory.AbsentSince = null;
                    look = null;
                    continue;

                case Decision.Replace when TurnToValidate(pass) is { } itsTurn:
                    return itsTurn;

                case Decision.Replace when await RefusedByDriverAsync(pass).ConfigureAwait(false) is { } impossible:
                    // What can't be built anew isn't taken down for it.
                    await ReportAsync(entry, look, impossible, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return RefusedDelay(memory);

                case Decision.Replace replace:
                    if (await owners.ReadAsync(entry.Spec.Owner, cancellation).ConfigureAwait(false) is not OwnerState.Exists)
                    {
                        await ReportAsync(entry, look, new Decision.Wait(Reasons.Waiting, "The owner couldn't be read live; nothing is replaced on an old picture.", null), memory.Tolerated, cancellation).ConfigureAwait(false);
                        return TimeSpan.FromSeconds(5);
                    }
                    LogReplacing(logger, pass.Kind, entry.Metadata.Name!, replace.Why);
                    entry = await ledger.UpdateAsync(entry, e => e.Spec.Record.Retiring = true, cancellation).ConfigureAwait(false);
                    look = null;
                    continue;
            }

            if (decision is Decision.Adopt or Decision.LetGo)
            {
                var (adopted, answer) = decision is Decision.Adopt adopt ? await AdoptAsync(pass, adopt).ConfigureAwait(false) : await LetGoAsync(pass).ConfigureAwait(false);
                entry = pass.Entry = adopted;
                if (answer is null)
                    return TimeSpan.FromSeconds(1);
                if (answer.Error is { } unchanged)
                {
                    await FailAsync(pass, look, decision is Decision.Adopt ? s_adopt : s_letGo, unchanged).ConfigureAwait(false);
                    if (decision is Decision.Adopt)
                        LookForItAgain(memory);
                    return DelayOf(memory);
                }
                if (answer.Running is { } busy)
                    return busy.LookAgainAfter;
                if (decision is Decision.LetGo)
                {
                    // In another account there is nothing to take a mark off, and that is an answer too: the account is proved after it (L15).
                    memory.LookedAt = session.Moment();
                    if (await UnprovedAsync(pass).ConfigureAwait(false) is { } unsure)
                        return unsure.Delay;
                    if (OnceMore(pass) is { } again)
                    {
                        await ReportAsync(entry, look, again, memory.Tolerated, cancellation).ConfigureAwait(false);
                        return Until(again.Until!.Value);
                    }
                    await ledger.ReleaseAsync(entry, cancellation).ConfigureAwait(false);
                    _memory.TryRemove(entry.Metadata.Name!, out _);
                    LogReleased(logger, pass.Kind, entry.Metadata.Name!);
                    return null;
                }
                look = null;
                continue;
            }

            var todo = decision switch
            {
                Decision.Create c => c.Step,
                Decision.Update u => u.Step,
                Decision.Delete d => d.Step,
                _ => throw new InvalidOperationException($"{decision.GetType().Name} has no step."),
            };
            if (todo.Verb is StepVerb.Create or StepVerb.Update && TurnToValidate(pass) is { } turn)
                return turn;
            if (todo.Verb is StepVerb.Create or StepVerb.Update && await RefusedByDriverAsync(pass).ConfigureAwait(false) is { } refused)
            {
                await ReportAsync(entry, look, refused, memory.Tolerated, cancellation).ConfigureAwait(false);
                return RefusedDelay(memory);
            }
            // What the last answer promised may be hidden still; asking again at once, woken by our own record of it, would only hammer the platform.
            if (todo.Verb is StepVerb.Create && entry.Spec.Record.Intent is not null && memory.CreatedAt is { } answered && Until(answered + RepeatPause) is var pause && pause > TimeSpan.Zero)
                return pause;
            var (after, result, notYet) = await DoInTurnAsync(pass, todo).ConfigureAwait(false);
            entry = pass.Entry = after;
            if (result is null)
                return notYet;
            if (todo.Verb is StepVerb.Update)
                CountDrift(memory, look);
            if (result.Error is { } error)
            {
                await FailAsync(pass, look, todo, error).ConfigureAwait(false);
                return DelayOf(memory);
            }
            if (result.Running is { } running)
            {
                await ReportAsync(entry, look, new Decision.Wait(Reasons.ProgrammingInProgress, running.Message ?? $"The platform works on {todo.Description ?? todo.Part}.", null), memory.Tolerated, cancellation).ConfigureAwait(false);
                return running.LookAgainAfter;
            }
            look = result.Look;
        }
        return TimeSpan.Zero;
    }

    [LoggerMessage(EventId = 2101, Level = LogLevel.Information, Message = "{Verb} {Kind} {Entry} {Part}: {Outcome}")]
    private static partial void LogStep(ILogger logger, StepVerb verb, string kind, string entry, string part, string outcome);

    [LoggerMessage(EventId = 2102, Level = LogLevel.Warning, Message = "{Kind} {Entry} {Part} failed: {Code} (effect {Effect}) {Error} [{PlatformCode}]")]
    private static partial void LogFailed(ILogger logger, string kind, string entry, string part, ErrorCode code, Effect effect, string error, string? platformCode);

    [LoggerMessage(EventId = 2103, Level = LogLevel.Information, Message = "{Kind} {Entry} is replaced: {Why}")]
    private static partial void LogReplacing(ILogger logger, string kind, string entry, string why);

    [LoggerMessage(EventId = 2104, Level = LogLevel.Information, Message = "{Kind} {Entry} is gone and released")]
    private static partial void LogReleased(ILogger logger, string kind, string entry);

    [LoggerMessage(EventId = 2106, Level = LogLevel.Warning, Message = "{Kind} {Entry} belongs to installation {Other}, this host is {Own}: it is left alone. Run a host with --installation {Other}, or remove the entry by hand once its object is gone")]
    private static partial void LogForeign(ILogger logger, string kind, string entry, string other, string own);

    [LoggerMessage(EventId = 2105, Level = LogLevel.Warning, Message = "{Kind} {Entry} is refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string kind, string entry, string reason);

    /// <summary>What one round of a pass works with.</summary>
    private sealed class Pass(ManagedResource entry, Session session, KindVerbs verbs, KindDescriptor descriptor, EntryMemory memory, CancellationToken cancellation)
    {
        public ManagedResource Entry { get; set; } = entry;
        public Session Session => session;
        public KindVerbs Verbs => verbs;
        public KindDescriptor Descriptor => descriptor;
        public EntryMemory Memory => memory;
        public CancellationToken Cancellation => cancellation;
        public string Kind => Entry.Spec.Kind;
    }
}
