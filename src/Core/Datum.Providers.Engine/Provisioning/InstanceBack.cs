using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>From an Instance's ledger entry to its status: pure, and true in both directions (a condition goes back to False when the truth does).</summary>
internal static class InstanceBack
{
    /// <param name="unserved">Why the Location isn't served any more: said beside a Programmed that stays True, since the platform has what was asked for.</param>
    public static void Apply(InstanceStatus status, Instance instance, ManagedResource entry, DateTimeOffset now, string unserved = "")
    {
        var conditions = status.Conditions ??= [];
        var generation = instance.Metadata.Generation;
        var ready = Conditions.Find(entry.Status?.Conditions, ConditionTypes.Ready);
        var (reason, message) = Sentences.About(entry);
        var state = Enum.TryParse<Lifecycle>(entry.Status?.State, out var parsed) ? parsed : Lifecycle.Unknown;
        InstanceFacts? facts = null;
        if (entry.Status?.Observed is { } observed)
            facts = ContractJson.Read<InstanceFacts>(observed);

        // Nobody could look (driver missing, config gone): what was true may still be true, but nobody knows (law L9).
        if (ready?.Status == ConditionStatus.Unknown && ready.Reason.Length > 0 && entry.Status?.State is not null)
        {
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.Unknown, reason, message, generation, now);
            AvailableToo(conditions, generation, now);
            return;
        }

        var built = state is Lifecycle.Ready or Lifecycle.Degraded && !entry.Spec.Record.Retiring && entry.Spec.Wanted
            && entry.Spec.Desired is { } desired && entry.Status?.DesiredHash == CanonicalJson.Digest(desired);
        // Nobody translates while the Location isn't served: the entry has the wish of before, not a newer template.
        var behind = unserved.Length > 0 && instance.Spec.Controller is { } asked && status.Controller?.ObservedTemplateHash != asked.TemplateHash;
        if (built && behind)
        {
            Conditions.Set(conditions, ConditionTypes.Programmed, ConditionStatus.False, Reasons.PendingProgramming, unserved, generation, now);
        }
        else if (built)
        {
            Conditions.Set(conditions, ConditionTypes.Programmed, ConditionStatus.True, Reasons.Programmed, unserved, generation, now);
            if (instance.Spec.Controller is { } controller)
                (status.Controller ??= new InstanceControllerStatus()).ObservedTemplateHash = controller.TemplateHash;
        }
        else
        {
            Conditions.Set(conditions, ConditionTypes.Programmed, ConditionStatus.False,
                reason is Reasons.Ready or "" ? Reasons.ProgrammingInProgress : FailureOf(facts)?.Reason ?? reason, FailureOf(facts)?.Message ?? message, generation, now);
        }

        var suspended = IsSuspended(entry);
        if (suspended && state is Lifecycle.Ready or Lifecycle.Degraded && facts?.Power is PowerState.Stopped)
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.False, Reasons.Suspended, "It is stopped on request and keeps everything.", generation, now);
        else if (state is Lifecycle.Ready)
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.True, Reasons.Running, "", generation, now);
        else if (state is Lifecycle.Degraded)
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.False,
                FailureOf(facts)?.Reason ?? Reasons.Stopped, FailureOf(facts)?.Message ?? facts?.GuestMessage ?? "The instance is not running.", generation, now);
        else if (state is Lifecycle.Creating or Lifecycle.Updating)
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.False, suspended ? Reasons.Stopping : Reasons.Starting, FailureOf(facts)?.Message ?? "", generation, now);
        else
            Conditions.Set(conditions, ConditionTypes.Running, ConditionStatus.False, state is Lifecycle.Deleting ? Reasons.Stopping : Reasons.Stopped, "", generation, now);

        if (facts is not null)
            Addresses(status, facts);
        AvailableToo(conditions, generation, now);
    }

    /// <summary>The third era asks for Available where the second has Running. A plane that has it gives it to every Instance from the beginning; both say the same.</summary>
    internal static void AvailableToo(List<Condition> conditions, long? generation, DateTimeOffset now)
    {
        if (Conditions.Find(conditions, ConditionTypes.Available) is not null && Conditions.Find(conditions, ConditionTypes.Running) is { } running)
            Conditions.Set(conditions, ConditionTypes.Available, running.Status, running.Reason, running.Message, generation, now);
    }

    /// <summary>Whether the wish is that it is stopped.</summary>
    internal static bool IsSuspended(ManagedResource entry) =>
        entry.Spec.Desired is { ValueKind: JsonValueKind.Object } desired && desired.TryGetProperty("suspended", out var value) && value.ValueKind is JsonValueKind.True;

    private static ContainerFacts? FailureOf(InstanceFacts? facts) =>
        facts is null ? null : facts.Containers.FirstOrDefault(c => !c.Running && c.Reason is not null);

    private static void Addresses(InstanceStatus status, InstanceFacts facts)
    {
        var interfaces = status.NetworkInterfaces ??= [];
        for (var i = 0; i < facts.Interfaces.Length; i++)
        {
            if (interfaces.Count == i)
                interfaces.Add(new InstanceNetworkInterfaceStatus());
            var assignments = interfaces[i].Assignments ??= new NetworkAssignments();
            assignments.NetworkIP = facts.Interfaces[i].NetworkAddresses.FirstOrDefault();
            assignments.ExternalIP = facts.Interfaces[i].ExternalAddresses.FirstOrDefault();
        }
    }
}
