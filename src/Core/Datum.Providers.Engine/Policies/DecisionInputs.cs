using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Policies;

/// <summary>From an entry and a look to what is decided on. The reconciler and the plan ask in the same words.</summary>
internal static class DecisionInputs
{
    /// <summary>Without what only a process that runs remembers: earlier absences and updates, and a candidate for adoption.</summary>
    public static DecisionInput Of(ManagedResource entry, Look look, KindDescriptor kind, ProviderConfig? config, LedgerStore ledger, DateTimeOffset now)
    {
        var record = entry.Spec.Record;
        var policies = entry.Spec.Policies;
        var hash = HashOf(entry);
        var realized = hash is not null && (record.Realized == hash || entry.Status?.DesiredHash == hash);
        return new DecisionInput
        {
            Look = look,
            Now = now,
            Wanted = entry.Spec.Wanted,
            Retiring = record.Retiring,
            Incarnation = record.Incarnation,
            HasParts = record.Parts is { Count: > 0 },
            Intent = record.Intent is { } i ? new OpenIntent(i.Part ?? i.Step, Enum.TryParse<CreateClass>(i.CreateClass, out var c) ? c : CreateClass.Manual, i.StartedAt, i.Deadline,
                i.DesiredHash is null || i.DesiredHash == hash) : null,
            ConsistencyWindow = kind.ConsistencyWindow,
            TokenLife = kind.TokenLife,
            NotReady = [.. (entry.Spec.DependsOn ?? []).Where(d => !IsReady(ledger, d.Name)).Select(d => Name(ledger, d))],
            Dependents = [.. ledger.DependentsOf(entry.Metadata.Name!).Select(d => $"{d.Spec.Kind} of {d.Spec.Owner.Kind} {d.Spec.Owner.Name}")],
            Retain = policies?.Retain != true ? RetainMeans.NotAsked
                : kind.Adoptable ? RetainMeans.Unmarked
                : config?.Spec.Collector?.Policy == CollectorPolicy.Delete ? RetainMeans.Impossible : RetainMeans.Marked,
            DeletionProtection = policies?.DeletionProtection == true,
            ReplaceOnFailure = policies?.OnFailure == FailurePolicy.Replace,
            ReportDrift = policies?.Drift == DriftPolicy.Report && realized,
            KeepAdopted = record.Adopted is not null && record.Realized is { } kept && kept == hash,
        };
    }

    public static string? HashOf(ManagedResource entry) => entry.Spec.Desired is { } desired ? CanonicalJson.Digest(desired) : null;

    /// <summary>What a person asks to be adopted, while it makes a difference; null otherwise.</summary>
    public static (string Policy, string ProviderId)? AdoptionAskedOf(ManagedResource entry, Look look) =>
        entry.Spec is { Wanted: true, Record: { Retiring: false, Parts: null or { Count: 0 } }, Policies: { AdoptId: { } id, Adopt: AdoptPolicy.IfTagged or AdoptPolicy.Always } p }
        && entry.Spec.Record.Adopted != id && look.InProgress is null
        && (look.Presence is Presence.Absent || (look.Presence is Presence.Present && look.Mark is MarkState.Foreign or MarkState.Missing))
            ? (p.Adopt, id) : null;

    /// <summary>Whether what was realized is to be remembered in the record, which survives a backup: status doesn't.</summary>
    public static bool RemembersRealized(ManagedResource entry) => entry.Spec.Policies?.Drift == DriftPolicy.Report;

    private static bool IsReady(LedgerStore ledger, string entryName) => Conditions.IsTrue(ledger.Find(entryName)?.Status?.Conditions, ConditionTypes.Ready);

    private static string Name(LedgerStore ledger, ResourceDependency d) =>
        ledger.Find(d.Name) is { } e ? $"{e.Spec.Kind} of {e.Spec.Owner.Kind} {e.Spec.Owner.Name}" : $"{d.As} {d.Name}";
}
