using System.Globalization;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

public enum InstanceActionKind
{
    Unknown = 0,
    Create = 1,
    /// <summary>Nothing more happens until this instance is ready, or gone.</summary>
    Wait = 2,
    Update = 3,
    Delete = 4,
    /// <summary>Deleted, to be made anew at another Location once nothing of it is left.</summary>
    Relocate = 5,
}

/// <summary>One thing to do about one ordinal.</summary>
public sealed record InstanceAction(InstanceActionKind Kind, int Ordinal, string Name, Instance? Current, string Why);

/// <summary>
/// The OrderedReady rollout. Only the first action of a pass is carried out: creates and waits ascending, then updates descending,
/// then deletes descending.
/// </summary>
public static class InstancePlan
{
    private const string OurKeys = "providers.datumapis.com/";

    /// <summary>What there is to do, in order; empty when the instances are as they should be.</summary>
    /// <param name="owned">The instances of this deployment.</param>
    /// <param name="byName">Finds whatever Instance has a name.</param>
    /// <param name="replicas">How many are wanted; null for minReplicas.</param>
    /// <param name="places">Where else an instance that was refused can go; null when it stays.</param>
    public static IReadOnlyList<InstanceAction> Decide(
        WorkloadDeployment deployment, IReadOnlyList<Instance> owned, string hash, Func<string, Instance?> byName, int? replicas = null, InstancePlaces? places = null)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(owned);
        ArgumentNullException.ThrowIfNull(byName);
        var name = deployment.Metadata.Name ?? "";
        var desired = replicas ?? Math.Max(0, deployment.Spec.ScaleSettings.MinReplicas);
        // An instance with a name that we don't give isn't part of the count; it goes with the deployment.
        var byOrdinal = owned.Select(i => (Instance: i, Ordinal: Names.Ordinal(name, i.Metadata.Name ?? ""))).Where(i => i.Ordinal is not null)
            .ToDictionary(i => i.Ordinal!.Value, i => i.Instance);

        var inOrder = new List<InstanceAction>();
        var updates = new List<InstanceAction>();
        var deletes = new List<InstanceAction>();
        for (var ordinal = 0; ordinal < desired; ordinal++)
        {
            var instanceName = Names.Instance(name, ordinal);
            if (!byOrdinal.TryGetValue(ordinal, out var current))
            {
                inOrder.Add(byName(instanceName) is { } foreign
                    ? new(InstanceActionKind.Wait, ordinal, instanceName, foreign, $"{instanceName} belongs to an earlier deployment and has to go first")
                    : new(InstanceActionKind.Create, ordinal, instanceName, null, $"{instanceName} is missing"));
                continue;
            }

            var outdated = current.Spec.Controller?.TemplateHash != hash;
            if (current.IsDeleting)
                inOrder.Add(new(InstanceActionKind.Wait, ordinal, instanceName, current, $"{instanceName} is being deleted"));
            else if (outdated && !IsSettled(deployment, current))
                // It serves nobody, so nothing is lost; without this a broken template could never be corrected.
                inOrder.Add(new(InstanceActionKind.Update, ordinal, instanceName, current, $"{instanceName} isn't ready and has an old template"));
            else if (outdated)
                updates.Add(new(InstanceActionKind.Update, ordinal, instanceName, current, $"{instanceName} has an old template"));
            else if (places?.Next(current) is { } next)
                inOrder.Add(new(InstanceActionKind.Relocate, ordinal, instanceName, current, $"{instanceName} was refused at {current.Spec.Location!.Key} ({InstancePlaces.RefusalOf(current)}) and is tried at {next.Key}"));
            else if (!IsSettled(deployment, current))
                inOrder.Add(new(InstanceActionKind.Wait, ordinal, instanceName, current, $"{instanceName} isn't ready"));
        }

        // Waiting for a surplus instance keeps the order among the surplus ones and never delays the ones that stay.
        foreach (var (ordinal, current) in byOrdinal.Where(i => i.Key >= desired))
        {
            var instanceName = Names.Instance(name, ordinal);
            deletes.Add(current.IsDeleting
                ? new(InstanceActionKind.Wait, ordinal, instanceName, current, $"{instanceName} is being deleted")
                : new(InstanceActionKind.Delete, ordinal, instanceName, current, $"{instanceName} is more than the {desired} wanted"));
        }

        return [.. inOrder, .. updates.OrderByDescending(a => a.Ordinal), .. deletes.OrderByDescending(a => a.Ordinal)];
    }

    /// <summary>
    /// Ready, and programmed from the template that its spec has: right after an update the old Ready says nothing of the new template.
    /// What the provider wrote is judged here too, because Ready follows it one write later.
    /// </summary>
    public static bool IsSettled(Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        return IsReady(instance)
            && InstanceReadiness.Decide(instance, null).Status == ConditionStatus.True
            && (instance.Spec.Controller is null || instance.Status?.Controller?.ObservedTemplateHash == instance.Spec.Controller.TemplateHash);
    }

    /// <summary>As <see cref="IsSettled(Instance)"/>, or as far as a suspended one can be: programmed and off.</summary>
    private static bool IsSettled(WorkloadDeployment deployment, Instance instance) => IsSettled(instance)
        || (instance.Metadata.Annotation(Annotations.Suspended) == "true" && SuspensionOf(deployment) == "true"
            && Conditions.IsTrue(instance.Status?.Conditions, ConditionTypes.Programmed)
            && Conditions.Find(instance.Status?.Conditions, ConditionTypes.Running)?.Reason == Reasons.Suspended
            && instance.Status?.Controller?.ObservedTemplateHash == instance.Spec.Controller?.TemplateHash);

    /// <summary>What the instances' annotation <see cref="Annotations.Suspended"/> shall be; null when they shall have none.</summary>
    public static string? SuspensionOf(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        return DeploymentOptions.Of(deployment).Suspended ? "true" : deployment.Spec.Template.Metadata?.Annotations?.GetValueOrDefault(Annotations.Suspended);
    }

    public static bool IsReady(Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        return !instance.IsDeleting && Conditions.IsTrue(instance.Status?.Conditions, ConditionTypes.Ready);
    }

    /// <summary>The new instance of an ordinal. It is made gated: the gate goes when the networks are there.</summary>
    /// <param name="location">Where it goes; null for the deployment's Location.</param>
    public static Instance New(WorkloadDeployment deployment, int ordinal, string hash, OwnerReference owner, LocationReference? location = null)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var template = ResourceTypes.WorkloadDeployments.Clone(deployment).Spec.Template;
        var instance = new Instance { Spec = template.Spec };
        instance.Metadata.Name = Names.Instance(deployment.Metadata.Name ?? "", ordinal);
        instance.Metadata.Namespace = deployment.Metadata.Namespace;
        instance.Metadata.Labels = Label(deployment, ordinal, template.Metadata?.Labels, null);
        instance.Metadata.Annotations = Annotate(deployment, template.Metadata?.Annotations, null);
        instance.Metadata.OwnerReferences = [owner];
        instance.Spec.Location = (location ?? deployment.Status?.Location) is { } place ? new LocationReference { Name = place.Name, Namespace = place.Namespace } : null;
        instance.Spec.Controller = new InstanceControllerSpec { TemplateHash = hash, SchedulingGates = [new SchedulingGate { Name = SchedulingGates.Network }] };
        return instance;
    }

    /// <summary>The instance with the template as it is now. It keeps its location, its gates and what we and the platform noted on it.</summary>
    public static Instance Updated(WorkloadDeployment deployment, Instance current, int ordinal, string hash)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(current);
        var template = ResourceTypes.WorkloadDeployments.Clone(deployment).Spec.Template;
        var after = ResourceTypes.Instances.Clone(current);
        var before = after.Spec;
        after.Metadata.Labels = Label(deployment, ordinal, template.Metadata?.Labels, before: after.Metadata.Labels);
        after.Metadata.Annotations = Annotate(deployment, template.Metadata?.Annotations, after.Metadata.Annotations);
        after.Spec = template.Spec;
        after.Spec.Location = before.Location ?? deployment.Status?.Location;
        after.Spec.Controller = before.Controller ?? new();
        after.Spec.Controller.TemplateHash = hash;
        if (!Networks(before).SequenceEqual(Networks(after.Spec)) && after.Spec.Controller.SchedulingGates?.Exists(g => g.Name == SchedulingGates.Network) != true)
            (after.Spec.Controller.SchedulingGates ??= []).Add(new SchedulingGate { Name = SchedulingGates.Network });
        return after;

        IEnumerable<ObjectKey> Networks(InstanceSpec spec) => spec.NetworkInterfaces.Select(i => Names.Resolve(i.Network, deployment.Metadata.Namespace));
    }

    private static Dictionary<string, string> Label(WorkloadDeployment deployment, int ordinal, Dictionary<string, string>? template, Dictionary<string, string>? before)
    {
        var labels = Merge(template, before) ?? [];
        labels[Labels.InstanceIndex] = ordinal.ToString(CultureInfo.InvariantCulture);
        labels[Labels.WorkloadUid] = deployment.Spec.WorkloadRef.Uid;
        labels[Labels.WorkloadDeploymentUid] = deployment.Metadata.Uid ?? "";
        return labels;
    }

    private static Dictionary<string, string>? Annotate(WorkloadDeployment deployment, Dictionary<string, string>? template, Dictionary<string, string>? before)
    {
        var annotations = Merge(template, before) ?? [];
        Set(Annotations.Suspended, SuspensionOf(deployment));
        Set(Annotations.PayloadVersions, PayloadVersions.Of(deployment).Changed());
        return annotations.Count == 0 ? null : annotations;

        void Set(string key, string? value)
        {
            if (value is null)
                annotations.Remove(key);
            else
                annotations[key] = value;
        }
    }

    private static Dictionary<string, string>? Merge(Dictionary<string, string>? template, Dictionary<string, string>? before)
    {
        var merged = (before ?? []).Where(p => p.Key.StartsWith(OurKeys, StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        foreach (var (key, value) in template ?? [])
            merged[key] = value;
        return merged.Count == 0 ? null : merged;
    }
}
