using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>The status of a deployment that has a Location.</summary>
public static class DeploymentStatusPlan
{
    private const string ScalingActive = "ScalingActive";
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
    public static WorkloadDeploymentStatus Compute(
        WorkloadDeployment deployment, IReadOnlyList<Instance> instances, string hash, string? networkProblem, InstanceAction? action, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(instances);
        var status = ResourceTypes.WorkloadDeployments.Clone(deployment).Status ?? new();
        var generation = deployment.Metadata.Generation;
        status.Replicas = instances.Count;
        status.DesiredReplicas = Math.Max(0, deployment.Spec.ScaleSettings.MinReplicas);
        status.ReadyReplicas = instances.Count(InstancePlan.IsReady);
        status.CurrentReplicas = instances.Count(i => !i.IsDeleting && i.Status?.Controller?.ObservedTemplateHash == hash
            && Conditions.IsTrue(i.Status.Conditions, ConditionTypes.Programmed));

        var conditions = status.Conditions ??= [];
        var (state, reason, message) = Available(deployment, instances, status, networkProblem, action);
        Conditions.Set(conditions, ConditionTypes.Available, state, reason, message, generation, now);

        var scale = deployment.Spec.ScaleSettings;
        if (scale.MaxReplicas is not null || scale.Metrics is { Count: > 0 })
            Conditions.Set(conditions, ScalingActive, ConditionStatus.False, Reasons.Unsupported,
                "spec.scaleSettings.maxReplicas and metrics are not acted on: minReplicas instances are kept.", generation, now);
        else
            Conditions.Remove(conditions, ScalingActive);
        return status;
    }

    private static (string Status, string Reason, string Message) Available(
        WorkloadDeployment deployment, IReadOnlyList<Instance> instances, WorkloadDeploymentStatus status, string? networkProblem, InstanceAction? action)
    {
        var refusal = Refusal(deployment);
        if (status.ReadyReplicas > 0)
        {
            var rest = refusal ?? (action is null ? null : $"{action.Why}.");
            return (ConditionStatus.True, Reasons.StableInstanceFound, $"{status.ReadyReplicas} of {status.DesiredReplicas} instances are ready." + (rest is null ? "" : $" {rest}"));
        }

        if (refusal is not null)
            return (ConditionStatus.False, Reasons.Unsupported, refusal);
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
