using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>What an Instance's Ready condition says.</summary>
public sealed record InstanceReadiness(string Status, string Reason, string Message)
{
    /// <summary>
    /// Gates, then Programmed, then Running; the first that isn't settled decides. Status follows it: False stays False, and what nobody
    /// knows (a driver that is missing, law L9) is Unknown. Ready never stays True with a reason that says otherwise.
    /// </summary>
    /// <param name="networkFailure">The message of a NetworkBinding whose network can't be made; null when there is none.</param>
    public static InstanceReadiness Decide(Instance instance, string? networkFailure)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (instance.Spec.Controller?.SchedulingGates is { Count: > 0 } gates)
        {
            return networkFailure is not null
                ? new(ConditionStatus.False, Reasons.NetworkFailedToCreate, networkFailure)
                : new(ConditionStatus.False, Reasons.SchedulingGatesPresent, $"Waits for the scheduling gates {string.Join(", ", gates.Select(g => g.Name))}.");
        }

        var conditions = instance.Status?.Conditions;
        var programmed = Conditions.Find(conditions, ConditionTypes.Programmed);
        if (programmed?.Status != ConditionStatus.True)
            return Follow(programmed, Reasons.PendingProgramming, "Waits for the provider.");

        // Newer planes have Available in Running's place.
        var running = Conditions.Find(conditions, ConditionTypes.Running) ?? Conditions.Find(conditions, ConditionTypes.Available);
        return running?.Status == ConditionStatus.True
            ? new(ConditionStatus.True, Reasons.Running, "The instance is running.")
            : Follow(running, Reasons.Pending, "Waits for the instance to run.");
    }

    private static InstanceReadiness Follow(Condition? condition, string reason, string message) => condition is null
        ? new(ConditionStatus.False, reason, message)
        : new(
            condition.Status == ConditionStatus.False ? ConditionStatus.False : ConditionStatus.Unknown,
            condition.Reason.Length == 0 ? reason : condition.Reason,
            condition.Message.Length == 0 ? message : condition.Message);
}
