using System.Collections.Concurrent;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
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
    IScheduler scheduler, ILogger<EntryReconciler> logger)
{
    /// <summary>Steps done in one pass before other entries get their turn.</summary>
    private const int MaxStepsAPass = 12;

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
            return await WithSessionAsync(entry, session, cancellation).ConfigureAwait(false);
    }

    private async Task<TimeSpan?> WithSessionAsync(ManagedResource entry, Session session, CancellationToken cancellation)
    {
        var kind = EntryIdentity.KindOf(entry);
        if (session.Verbs(kind) is not { } verbs || session.Describe(kind) is not { } descriptor)
        {
            await ReportUnknownAsync(entry, Reasons.Unsupported, $"Driver {session.Descriptor.Id} has no {kind}.", cancellation).ConfigureAwait(false);
            return null;
        }
        if (entry.Spec.Record.AccountId is { } account && account != session.Account.AccountId)
        {
            // L15: another account shows other objects; what isn't there may well exist elsewhere.
            await ReportUnknownAsync(entry, Reasons.AccountChanged,
                $"The entry was made in account {account}, the session proves {session.Account.AccountId}. Nothing is changed until the old account is back.", cancellation).ConfigureAwait(false);
            return null;
        }

        var memory = _memory.GetOrAdd(entry.Metadata.Name!, static _ => new EntryMemory());
        memory.Follow(entry, session.Key);
        if (memory.NotBefore > scheduler.Time.GetUtcNow())
            return DelayOf(memory);

        Look? look = null;
        for (var step = 0; step < MaxStepsAPass; step++)
        {
            var pass = new Pass(entry, session, verbs, descriptor, memory, cancellation);
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
                if (await ObserveAsync(pass, takeDown: true).ConfigureAwait(false) is not { } toGo)
                    return DelayOf(memory);
                look = toGo;
            }

            var decision = Seams.Decide(InputOf(pass, look));
            switch (decision)
            {
                case Decision.None when entry.Spec.Wanted && !owners.IsKnown(entry.Spec.Owner) && await OwnerGoneAsync(entry, cancellation).ConfigureAwait(false) is { Reason: Reasons.OwnerLost } lost:
                    await ReportAsync(entry, look, lost, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return null;

                case Decision.None:
                    if (look.State is Lifecycle.Ready)
                        memory.Works(scheduler.Time.GetUtcNow());
                    memory.Failures = 0;
                    memory.DriftUpdates = 0;
                    await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                    return null;

                case Decision.Wait wait:
                    await ReportAsync(entry, look, decision, memory.Tolerated, cancellation).ConfigureAwait(false);
                    if (wait.Until is not { } until)
                        return null;
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

                case Decision.Release:
                    // Gone for good: the entry's own finalizer is the last thing that held it (L6).
                    await ledger.ReleaseAsync(entry, cancellation).ConfigureAwait(false);
                    _memory.TryRemove(entry.Metadata.Name!, out _);
                    LogReleased(logger, pass.Kind, entry.Metadata.Name!);
                    return null;
            }

            if (Forbidden(pass, decision) is { } waitInstead)
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
                    memory.AbsentSince = null;
                    look = null;
                    continue;

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

            var todo = decision switch
            {
                Decision.Create c => c.Step,
                Decision.Update u => u.Step,
                Decision.Delete d => d.Step,
                _ => throw new InvalidOperationException($"{decision.GetType().Name} has no step."),
            };
            if (todo.Verb is StepVerb.Create or StepVerb.Update && await RefusedByDriverAsync(pass).ConfigureAwait(false) is { } refused)
            {
                await ReportAsync(entry, look, refused, memory.Tolerated, cancellation).ConfigureAwait(false);
                return RefusedDelay(memory);
            }
            if (todo.Verb is StepVerb.Update)
                CountDrift(memory, look);

            var (after, result) = await DoAsync(pass, todo).ConfigureAwait(false);
            entry = pass.Entry = after;
            if (result is null)
                return TimeSpan.FromSeconds(1);
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

    /// <summary>Looks at the platform. Null after an error, which is then reported.</summary>
    private async Task<Look?> ObserveAsync(Pass pass, bool takeDown = false)
    {
        var entry = pass.Entry;
        var build = entry.Spec.Wanted && !entry.Spec.Record.Retiring && !takeDown;
        using var scope = Calls.New(scheduler, pass.Descriptor.CallTimeout, pass.Cancellation, payloads.For(entry));
        Answer<Look> answer;
        try
        {
            answer = await pass.Verbs.ObserveAsync(scope.Call, EntryIdentity.Of(entry), build ? entry.Spec.Desired : null, HandleOf(pass), PartsOf).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            answer = new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = $"spec.desired isn't readable: {e.Message}" };
        }
        if (answer.Error is { } error)
        {
            await FailAsync(pass, null, null, error).ConfigureAwait(false);
            return null;
        }
        var look = answer.Value!;
        if (!Gone(entry, look))
            pass.Memory.AbsentSince = null;
        return look;
    }

    private DecisionInput InputOf(Pass pass, Look look)
    {
        var entry = pass.Entry;
        var record = entry.Spec.Record;
        var now = scheduler.Time.GetUtcNow();
        var input = new DecisionInput
        {
            Look = look,
            Now = now,
            Wanted = entry.Spec.Wanted,
            Retiring = record.Retiring,
            Incarnation = record.Incarnation,
            HasParts = record.Parts is { Count: > 0 },
            Intent = record.Intent is { } i ? new OpenIntent(i.Part ?? i.Step, Enum.TryParse<CreateClass>(i.CreateClass, out var c) ? c : CreateClass.Manual, i.StartedAt, i.Deadline,
                i.DesiredHash is null || i.DesiredHash == DesiredHash(entry)) : null,
            AbsentSince = pass.Memory.AbsentSince,
            PartMissing = LacksPart(entry, look),
            PartMissingSince = pass.Memory.PartMissingSince,
            ConsistencyWindow = pass.Descriptor.ConsistencyWindow,
            TokenLife = pass.Descriptor.TokenLife,
            NotReady = [.. (entry.Spec.DependsOn ?? []).Where(d => !IsReady(d.Name)).Select(d => Name(d))],
            Dependents = [.. ledger.DependentsOf(entry.Metadata.Name!).Select(d => $"{d.Spec.Kind} of {d.Spec.Owner.Kind} {d.Spec.Owner.Name}")],
            Retain = entry.Spec.Policies?.Retain == true,
            DeletionProtection = entry.Spec.Policies?.DeletionProtection == true,
            ReplaceOnFailure = entry.Spec.Policies?.OnFailure == FailurePolicy.Replace,
            SameDriftUpdates = pass.Memory.Drift == DriftOf(look) ? pass.Memory.DriftUpdates : 0,
        };
        // The first of the looks that prove absence; this decision still sees it as the first.
        if (Gone(entry, look) && look.InProgress is null)
            pass.Memory.AbsentSince ??= now;
        pass.Memory.PartMissingSince = input.PartMissing ? pass.Memory.PartMissingSince ?? now : null;
        return input;
    }

    private static bool LacksPart(ManagedResource entry, Look look) =>
        look.Presence is Presence.Present && (entry.Spec.Record.Parts ?? []).Any(p => look.Parts.All(l => l.Name != p.Name));

    /// <summary>Nothing of ours is there: nothing at all, or something else under our name while no part is recorded (law L3).</summary>
    private static bool Gone(ManagedResource entry, Look look) =>
        look.Presence is Presence.Absent || (look is { Presence: Presence.Present, Mark: MarkState.Foreign } && entry.Spec.Record.Parts is not { Count: > 0 });

    private static bool Stale(ManagedResource entry, Look look) =>
        look is { Presence: Presence.Present, Mark: MarkState.Ours, Next: not { Verb: StepVerb.Delete } } && look.Incarnation > 0 && look.Incarnation < entry.Spec.Record.Incarnation;

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

    private static Handle? HandleOf(Pass pass) =>
        pass.Entry.Spec.Record.Handle is { } h && h.Driver == pass.Session.Descriptor.Id && h.DriverVersion == pass.Session.Descriptor.Version
            ? new Handle { Data = h.Data, ExpiresAt = h.ExpiresAt }
            : null;

    private ImmutableArray<Part> PartsOf(string entryName) =>
        [.. (ledger.Find(entryName)?.Spec.Record.Parts ?? []).Select(p => new Part { Name = p.Name, Id = p.Id })];

    private bool IsReady(string entryName) => Conditions.IsTrue(ledger.Find(entryName)?.Status?.Conditions, ConditionTypes.Ready);

    private string Name(ResourceDependency d) =>
        ledger.Find(d.Name) is { } e ? $"{e.Spec.Kind} of {e.Spec.Owner.Kind} {e.Spec.Owner.Name}" : $"{d.As} {d.Name}";

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
