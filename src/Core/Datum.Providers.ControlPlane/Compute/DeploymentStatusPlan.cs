using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>The status of a deployment that has a Location.</summary>
public static class DeploymentStatusPlan
{
    private const string OrderedReady = "OrderedReady";

    /// <summary>Why the scale settings can't be carried out at all; null when they can.</summary>
    public static string? Refusal(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var policy = deployment.Spec.ScaleSettings.InstanceManagementPolicy;
        return policy is null or "" or OrderedReady
            ? null
            : $"spec.scaleSettings.instanceManagementPolicy is {policy}; only {OrderedReady} is possible.";
    }

    /// <summary>Counters and conditions over the instances that exist.</summary>
    /// <param name="networkProblem">What the networks wait for; null when they are ready.</param>
    /// <param name="action">The first action of the rollout; null when there is nothing to do.</param>
    /// <param name="scale">How many instances are wanted, and why.</param>
    /// <param name="places">Where the instances are, where that isn't the deployment's Location alone; null where it is.</param>
    /// <param name="payloadProblem">Which config maps and secrets can't be watched; null when all can.</param>
    public static WorkloadDeploymentStatus Compute(
        WorkloadDeployment deployment, IReadOnlyList<Instance> instances, string hash, string? networkProblem, InstanceAction? action, ScaleAnswer scale, DateTimeOffset now,
        string? places = null, string? payloadProblem = null)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(instances);
        ArgumentNullException.ThrowIfNull(scale);
        var status = ResourceTypes.WorkloadDeployments.Clone(deployment).Status ?? new();
        var generation = deployment.Metadata.Generation;
        status.Replicas = instances.Count;
        status.DesiredReplicas = scale.Replicas;
        status.ReadyReplicas = instances.Count(InstancePlan.IsReady);
        status.CurrentReplicas = instances.Count(i => !i.IsDeleting && i.Status?.Controller?.ObservedTemplateHash == hash
            && Conditions.IsTrue(i.Status.Conditions, ConditionTypes.Programmed));

        var conditions = status.Conditions ??= [];
        var (state, reason, message) = Available(deployment, instances, status, networkProblem, action, payloadProblem);
        Conditions.Set(conditions, ConditionTypes.Available, state, reason, message, generation, now);

        if (scale.Status is { } scaling)
            Conditions.Set(conditions, ConditionTypes.ScalingActive, scaling, scale.Reason, scale.Message, generation, now);
        else
            Conditions.Remove(conditions, ConditionTypes.ScalingActive);
        if (places is not null)
            Conditions.Set(conditions, ConditionTypes.Scheduled, ConditionStatus.True, Reasons.LocationAssigned, places, generation, now);
        return status;
    }

    private static (string Status, string Reason, string Message) Available(
        WorkloadDeployment deployment, IReadOnlyList<Instance> instances, WorkloadDeploymentStatus status, string? networkProblem, InstanceAction? action, string? payloadProblem)
    {
        var refusal = Refusal(deployment);
        if (status.ReadyReplicas > 0)
        {
            var rest = refusal ?? (action is null ? payloadProblem : $"{action.Why}.");
            return (ConditionStatus.True, Reasons.StableInstanceFound, $"{status.ReadyReplicas} of {status.DesiredReplicas} instances are ready." + (rest is null ? "" : $" {rest}"));
        }

        if (refusal is not null)
            return (ConditionStatus.False, Reasons.Unsupported, refusal);
        if (action is null && InstancePlan.SuspensionOf(deployment) == "true" && instances.Count > 0)
            return (ConditionStatus.False, Reasons.Suspended, $"{instances.Count} instances are stopped and keep everything: {Annotations.Suspended}.");
        if (networkProblem is not null)
            return (ConditionStatus.False, Reasons.ProvisioningNetwork, networkProblem);
        if (status.DesiredReplicas == 0)
            return (ConditionStatus.False, Reasons.ProvisioningInstances, "No instance is wanted: spec.scaleSettings.minReplicas is 0.");

        var first = instances.FirstOrDefault(i => !i.IsDeleting);
        var ready = Conditions.Find(first?.Status?.Conditions, ConditionTypes.Ready);
        return (ConditionStatus.False, Reasons.ProvisioningInstances, ready is null
            ? $"0 of {status.DesiredReplicas} instances are ready."
            : $"0 of {status.DesiredReplicas} instances are ready. {first!.Metadata.Name}: {ready.Reason}: {ready.Message}");
    }
}
