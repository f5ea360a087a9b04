using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>One step and its records: what is stored before the call, what after it, and what a look adds (laws L4 and L5).</summary>
public sealed partial class EntryReconciler
{
    /// <summary>Stores the intent, does the step, stores what came of it. The result is null when the lease ran out in between.</summary>
    private async Task<(ManagedResource Entry, StepResult? Result)> DoAsync(Pass pass, Step step)
    {
        var entry = pass.Entry;
        var now = scheduler.Time.GetUtcNow();
        var token = Seams.Token(entry.Metadata.Name!, entry.Spec.Record.Incarnation, step.Part, entry.Spec.Record.Refused?.GetValueOrDefault(step.Part) ?? 0);
        var timeout = pass.Descriptor.CallTimeout;

        if (step.Verb is StepVerb.Create && (step.Class is not CreateClass.Repeatable || entry.Spec.Record.AccountId is null))
            entry = await ledger.UpdateAsync(entry, e =>
            {
                var record = e.Spec.Record;
                record.AccountId ??= pass.Session.Account.AccountId;
                if (step.Class is CreateClass.Repeatable)
                    return;
                var repeated = record.Intent?.Part == step.Part ? record.Intent : null;
                record.Intent = new RecordedIntent
                {
                    Step = step.Description ?? step.Part, Part = step.Part, CreateClass = step.Class.ToString(), Token = token,
                    StartedAt = repeated?.StartedAt ?? now, Deadline = now + timeout, Attempt = (repeated?.Attempt ?? 0) + 1, Host = gate.Holder, DesiredHash = DesiredHash(entry),
                };
            }, pass.Cancellation).ConfigureAwait(false);

        // Looks from before this create say nothing about what it makes (L6); what failed before it has been told.
        if (step.Verb is StepVerb.Create)
        {
            pass.Memory.AbsentSince = null;
            pass.Memory.ToldFailure = "";
        }

        // The write took time: the lease is checked again, right before the call (L10).
        if (!gate.MayMutate(timeout) || IsHeld(entry))
            return (entry, null);

        StepResult result;
        using (var scope = Calls.New(scheduler, timeout, pass.Cancellation, payloads.For(entry)))
        {
            var operation = new Operation { Call = scope.Call, Step = step, Token = token };
            result = await pass.Verbs.ApplyAsync(operation, EntryIdentity.Of(entry), entry.Spec.Desired, PartsOf).ConfigureAwait(false);
        }
        if (step.Verb is StepVerb.Create)
        {
            pass.Memory.CreatedAt = scheduler.Time.GetUtcNow();
            pass.Memory.Shown = false;
        }
        var outcome = result.Error is { } e1 ? $"{e1.Code}" : result.Running is null ? "done" : "running";
        LogStep(logger, step.Verb, pass.Kind, entry.Metadata.Name!, step.Part, outcome);

        // From here on the answer is known: storing it is neither cancelled with the pass nor given up for a conflict, or it would be lost for nothing.
        entry = await ledger.StoreAsync(entry, e =>
        {
            var record = e.Spec.Record;
            Merge(record, result.Parts, result.Resolved);
            var intent = result.Error is { } failed ? Recovery.Intent(step.Class, failed.Effect) : result.Running is null ? IntentAfter.Closed : IntentAfter.Open;
            if (step.Verb is StepVerb.Create && intent is not IntentAfter.Open)
                record.Intent = null;
            if (step.Verb is StepVerb.Create && intent is IntentAfter.ClosedNewToken)
                Refused(record, step.Part);
            record.Handle = result.Running?.Handle is { } h ? HandleOf(pass.Session, h) : result.Error is null ? null : record.Handle;
        }).ConfigureAwait(false);
        return (entry, result);
    }

    /// <summary>Stores ids and resolved values as soon as they are seen, and closes an intent that the look has answered.</summary>
    private Task<ManagedResource> RecordAsync(Pass pass, Look look) => IsRecorded(pass.Entry.Spec, look) ? Task.FromResult(pass.Entry) :
        ledger.UpdateAsync(pass.Entry, e =>
        {
            var record = e.Spec.Record;
            var ours = look is { Presence: Presence.Present, Mark: MarkState.Ours } && (look.Incarnation == 0 || look.Incarnation == record.Incarnation);
            if (ours)
            {
                // What this entry has made, or asked for, is recorded before it can be seen.
                if (record.Intent is null && look.Parts.Any(p => record.Parts?.Exists(r => r.Name == p.Name) != true))
                    pass.Memory.FoundAt = scheduler.Time.GetUtcNow();
                // Adopted, and ended before that was recorded: the mark tells.
                if (record is { Parts: null or { Count: 0 }, Intent: null, Adopted: null } && e.Spec.Policies is { AdoptId: { } asked, Adopt: not AdoptPolicy.Never })
                    (record.Adopted, record.Realized) = (asked, DesiredHash(e));
                Merge(record, look.Parts, look.Resolved);
                if (record.Intent is { } intent && look.Parts.Any(p => p.Name == intent.Part))
                    record.Intent = null;
            }
            if (look.InProgress is { Handle: { } handle })
                record.Handle = HandleOf(pass.Session, handle);
            else if (look.InProgress is null)
                record.Handle = null;
            if (look is { Presence: Presence.Absent, Failure.Effect: Effect.NotApplied } && record.Intent is { } refused)
            {
                // The operation that the intent stands for has failed for certain: the next one needs a token of its own.
                Refused(record, refused.Part ?? refused.Step);
                record.Intent = null;
            }
        }, pass.Cancellation);

    // The steady state, in which nothing is cloned and compared: nothing is open, and every part that the look shows stands in the record.
    private static bool IsRecorded(ManagedResourceSpec spec, Look look) =>
        spec.Record is { Intent: null, Handle: null } record && look is { InProgress: null, Failure: null } && (spec.Policies?.AdoptId is null || record.Adopted is not null)
        && (look.Presence is not Presence.Present
            || (look.Parts.All(p => record.Parts?.Exists(r => r.Name == p.Name && r.Id == p.Id) == true)
                && look.Resolved.All(r => record.Resolved is { } resolved && resolved.TryGetValue(r.Key, out var value) && value == r.Value)));

    private static void Refused(ResourceRecord record, string part) =>
        (record.Refused ??= [])[part] = record.Refused.GetValueOrDefault(part) + 1;

    private static RecordedHandle HandleOf(Session session, Handle handle) => new()
    {
        Driver = session.Descriptor.Id, DriverVersion = session.Descriptor.Version, Data = handle.Data, ExpiresAt = handle.ExpiresAt,
    };

    private static string? DesiredHash(ManagedResource entry) => entry.Spec.Desired is { } desired ? CanonicalJson.Digest(desired) : null;

    private static string Told(DriverError failure) => $"{failure.Code}/{failure.PlatformCode}/{failure.RequestId}/{failure.Message}";

    private static void Merge(ResourceRecord record, ImmutableArray<Part> parts, ImmutableDictionary<string, string> resolved)
    {
        foreach (var part in parts)
        {
            record.Parts ??= [];
            var known = record.Parts.Find(p => p.Name == part.Name);
            if (known is null)
                record.Parts.Add(new RecordedPart { Name = part.Name, Id = part.Id });
            else
                known.Id = part.Id;
        }
        foreach (var (key, value) in resolved)
            (record.Resolved ??= [])[key] = value;
    }

    private static void Renew(ResourceRecord record)
    {
        record.Incarnation++;
        record.Parts = null;
        record.Intent = null;
        record.Handle = null;
        record.Refused = null;
        record.ProviderChange = null;
        record.Realized = null;
        // A replacement resolves anew; what vanished is built again as it was.
        if (record.Retiring)
            record.Resolved = null;
        record.Retiring = false;
    }
}
