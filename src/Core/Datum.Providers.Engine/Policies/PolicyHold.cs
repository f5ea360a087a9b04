using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Policies;

/// <summary>Why nothing may be changed for an entry right now. It is asked before each decision is carried out and right before each call.</summary>
internal static class PolicyHold
{
    /// <param name="config">As the cache has it: a pause counts before it has reached the entries.</param>
    public static (string Reason, string Message)? Of(ManagedResource entry, ProviderConfig? config, IMutationGate gate)
    {
        if (gate.ObserveOnly)
            return gate.Unconfirmed is { } why ? (Reasons.InstallationUnconfirmed, why) : (Reasons.ObserveOnly, "Observed only: the host runs with --observe-only.");
        if (config?.Spec.Management?.Paused == true)
            return (Reasons.Paused, $"Paused: spec.management.paused of ProviderConfig {config.Metadata.Name} is true.");
        if (config?.Spec.Management?.ObserveOnly == true)
            return (Reasons.ObserveOnly, $"Observed only: spec.management.observeOnly of ProviderConfig {config.Metadata.Name} is true.");
        if (entry.Spec.Policies?.Paused == true)
            return (Reasons.Paused, $"Paused: the annotation {Annotations.Paused} of {Owner(entry)} says so.");
        if (entry.Spec.Policies?.ObserveOnly == true)
            return (Reasons.ObserveOnly, $"Observed only: the annotation {Annotations.ObserveOnly} (or {Annotations.Plan}) of {Owner(entry)} says so.");
        return null;
    }

    private static string Owner(ManagedResource entry) => $"{entry.Spec.Owner.Kind} {entry.Spec.Owner.Name}";
}
