using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>What policies add to a pass: adoption, letting go, what was realized.</summary>
public sealed partial class EntryReconciler
{
    private static readonly Step s_adopt = new() { Part = AdoptionVerbs.Adopt, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "adopt" };
    private static readonly Step s_letGo = new() { Part = AdoptionVerbs.Release, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "take our marks off" };

    /// <summary>How often something is looked for that is to be adopted and isn't there.</summary>
    private static readonly TimeSpan CandidatePeriod = TimeSpan.FromMinutes(5);

    private ProviderConfig? ConfigOf(ManagedResource entry) => home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig));

    /// <summary>Why nothing may be changed, by policy or lease; asked again right before a call.</summary>
    private bool IsHeld(ManagedResource entry) => PolicyHold.Of(entry, ConfigOf(entry), gate) is not null;

    /// <summary>Looks at what is to be adopted. False after an error, which is then reported.</summary>
    private async Task<(bool Ok, AskedAdoption? Asked)> InspectAsync(Pass pass, Look look)
    {
        if (DecisionInputs.AdoptionAskedOf(pass.Entry, look) is not var (policy, id))
            return (true, null);
        var field = $"metadata.annotations[{Annotations.AdoptId}]";
        if (pass.Verbs.Adoption is not { } verbs)
        {
            await FailAsync(pass, look, null, new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Field = field, Message = $"{field}: driver {pass.Session.Descriptor.Id} doesn't adopt objects of kind {pass.Kind}." }).ConfigureAwait(false);
            return (false, null);
        }
        using var scope = Calls.New(scheduler, pass.Descriptor.CallTimeout, pass.Cancellation);
        var answer = await verbs.InspectAsync(scope.Call, EntryIdentity.Of(pass.Entry), id).ConfigureAwait(false);
        if (answer.Error is { } error)
        {
            await FailAsync(pass, look, null, error with { Field = field, Message = $"{field}: '{id}': {error.Message}" }).ConfigureAwait(false);
            LookForItAgain(pass.Memory);
            return (false, null);
        }
        return (true, new AskedAdoption(policy, id, answer.Value!.Mark, answer.Value.Owner));
    }

    /// <summary>The wish may be right and the object not there yet: too new to be seen, not made so far, or in the account that the credentials show again tomorrow.</summary>
    private void LookForItAgain(EntryMemory memory)
    {
        if (memory.NotBefore == DateTimeOffset.MaxValue)
            memory.NotBefore = scheduler.Time.GetUtcNow() + CandidatePeriod;
    }

    /// <summary>Puts our mark on the candidate and records its parts (the policy in the entry is the intent of L4: the call may be repeated).</summary>
    private Task<(ManagedResource Entry, StepResult? Result)> AdoptAsync(Pass pass, Decision.Adopt adopt) =>
        PolicyStepAsync(pass, s_adopt, (verbs, operation, id) => verbs.AdoptAsync(operation, id, adopt.ProviderId), (record, result) =>
        {
            // Of a half that was marked nothing is recorded: the look after it finds it by its mark and sees that the rest still lacks it, and it is adopted again.
            if (result is not { Error: null, Running: null })
                return;
            Merge(record, result.Parts, result.Resolved);
            record.Adopted = adopt.ProviderId;
            record.Realized = DesiredHash(pass.Entry);
        });

    /// <summary>Takes our marks off. When it is done nothing ties the object to us any more.</summary>
    private Task<(ManagedResource Entry, StepResult? Result)> LetGoAsync(Pass pass) =>
        PolicyStepAsync(pass, s_letGo, (verbs, operation, id) => verbs.ReleaseAsync(operation, id), (_, _) => { });

    /// <summary>A part that was hidden from the driver kept its mark: as an absence is seen twice, marks are taken off twice, a window apart (L6). Null when they were.</summary>
    private Decision.Wait? OnceMore(Pass pass)
    {
        var now = scheduler.Time.GetUtcNow();
        pass.Memory.LetGoSince ??= now;
        var proved = pass.Memory.LetGoSince.Value + pass.Descriptor.ConsistencyWindow;
        return now < proved ? new Decision.Wait(Reasons.Waiting, "Our marks were taken off; it is done once more when nothing that is new can be hidden.", proved) : null;
    }

    private async Task<(ManagedResource Entry, StepResult? Result)> PolicyStepAsync(
        Pass pass, Step step, Func<AdoptionVerbs, Operation, Identity, ValueTask<StepResult>> call, Action<ResourceRecord, StepResult> record)
    {
        var entry = pass.Entry;
        var timeout = pass.Descriptor.CallTimeout;
        if (entry.Spec.Record.AccountId is null)
            entry = await ledger.UpdateAsync(entry, e => e.Spec.Record.AccountId = pass.Session.Account.AccountId, pass.Cancellation).ConfigureAwait(false);
        // The write took time: lease and policies are checked again, right before the call (L10).
        if (!gate.MayMutate(timeout) || IsHeld(entry) || pass.Verbs.Adoption is not { } verbs)
            return (entry, null);
        StepResult result;
        using (var scope = Calls.New(scheduler, timeout, pass.Cancellation))
            result = await call(verbs, new Operation
            {
                Call = scope.Call, Step = step, Token = EntryIdentity.Token(entry.Metadata.Name!, entry.Spec.Record.Incarnation, step.Part, 0),
            }, EntryIdentity.Of(entry)).ConfigureAwait(false);
        LogStep(logger, step.Verb, pass.Kind, entry.Metadata.Name!, step.Part, result.Error is { } e1 ? $"{e1.Code}" : result.Running is null ? "done" : "running");
        entry = await ledger.StoreAsync(entry, e => record(e.Spec.Record, result)).ConfigureAwait(false);
        return (entry, result);
    }

    /// <summary>Remembers which wish was realized, where differences from it may be reported only. One write a wish (L8).</summary>
    private Task<ManagedResource> RememberRealizedAsync(ManagedResource entry, CancellationToken cancellation)
    {
        // What was adopted with another wish than today's is an object like any other by now.
        var realized = DecisionInputs.RemembersRealized(entry) ? DesiredHash(entry)
            : entry.Spec.Record is { Adopted: not null, Realized: { } adopted } && adopted == DesiredHash(entry) ? adopted : null;
        return entry.Spec.Record.Realized == realized ? Task.FromResult(entry) : ledger.UpdateAsync(entry, e => e.Spec.Record.Realized = realized, cancellation);
    }

    /// <summary>When an object that asks for it is looked at again though nothing changed.</summary>
    private static TimeSpan? PollOf(ManagedResource entry) => entry.Spec.Policies?.PollIntervalSeconds is > 0 and var s ? TimeSpan.FromSeconds(s) : null;

    /// <summary>What a person asks for by annotation and what isn't done, since the entry has its own object: told, not dropped (L11).</summary>
    private static string NotAdopted(ManagedResource entry) =>
        entry.Spec is { Record: { Parts: { Count: > 0 } parts } record, Policies.AdoptId: { } asked } && record.Adopted != asked && !parts.Exists(p => p.Id == asked)
            ? $"metadata.annotations[{Annotations.AdoptId}]: '{asked}' isn't adopted: the entry has its own object {parts[0].Id}." : "";
}
