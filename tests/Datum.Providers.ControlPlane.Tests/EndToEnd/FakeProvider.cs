using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Testing;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>
/// Does by hand what a provider does on a plane: finalizers, Programmed, Running, addresses, and removal. It never writes Ready.
/// One call of <see cref="Step"/> looks at everything once.
/// </summary>
internal sealed class FakeProvider(FakePlane plane)
{
    /// <summary>Instances (by name) whose container doesn't run.</summary>
    public HashSet<string> Stopped { get; } = [];

    /// <summary>Locations (by name) that take no new instance, and the reason that the driver gives.</summary>
    public Dictionary<string, string> Refusing { get; } = [];

    /// <summary>Machines that are at the platform, by instance, with their place.</summary>
    public Dictionary<string, string> Machines { get; } = [];

    /// <summary>While true nothing is taken away from the platform, so finalizers stay.</summary>
    public bool Stuck { get; set; }

    /// <summary>The most instances that were without a running current container at once, counted at each step.</summary>
    public int MostUnready { get; private set; }

    /// <summary>What was removed, in order.</summary>
    public List<string> Removed { get; } = [];

    public bool Step()
    {
        var before = plane.Writes.Count + Edits;
        foreach (var location in plane.Live(ResourceTypes.Locations))
            Set(ResourceTypes.Locations, location, l => (l.Status ??= new()).Conditions ??= [], (ConditionTypes.Accepted, true, "Accepted"), (ConditionTypes.Ready, true, "ProbeSucceeded"));
        foreach (var context in plane.Live(ResourceTypes.NetworkContexts))
        {
            if (Hold(ResourceTypes.NetworkContexts, context, plane.Live(ResourceTypes.Subnets).Any(s => s.Spec.NetworkContext.Name == context.Metadata.Name)))
                Set(ResourceTypes.NetworkContexts, context, c => (c.Status ??= new()).Conditions ??= [], (ConditionTypes.Programmed, true, "Programmed"));
        }

        foreach (var subnet in plane.Live(ResourceTypes.Subnets))
        {
            if (Hold(ResourceTypes.Subnets, subnet, plane.Live(ResourceTypes.Instances).Any(i => i.Spec.Location?.Name == subnet.Spec.Location.Name)) && Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated))
                Set(ResourceTypes.Subnets, subnet, s => (s.Status ??= new()).Conditions ??= [], (ConditionTypes.Programmed, true, "Programmed"));
        }

        var unready = 0;
        foreach (var instance in plane.Live(ResourceTypes.Instances))
        {
            var current = instance.Status?.Controller?.ObservedTemplateHash == instance.Spec.Controller?.TemplateHash;
            unready += !current || instance.IsDeleting ? 1 : 0;
            if (!Hold(ResourceTypes.Instances, instance, false) || instance.Spec.Controller?.SchedulingGates is { Count: > 0 })
                continue;
            var place = instance.Spec.Location?.Name ?? "";
            if (!Machines.TryGetValue(instance.Metadata.Uid!, out _) && Refusing.TryGetValue(place, out var refusal))
            {
                Set(ResourceTypes.Instances, instance, i => (i.Status ??= new()).Conditions ??= [], (ConditionTypes.Programmed, false, refusal), (ConditionTypes.Running, false, "Stopped"));
                continue;
            }

            Machines[instance.Metadata.Uid!] = $"{instance.Metadata.Name} at {place}";
            var suspended = instance.Metadata.Annotation(Annotations.Suspended) == "true";
            var runs = !suspended && !Stopped.Contains(instance.Metadata.Name!);
            // In one write: a hash that goes ahead of the state would let a rollout go on.
            Edit(ResourceTypes.Instances, instance, i =>
            {
                var status = i.Status ??= new();
                status.Controller = new InstanceControllerStatus { ObservedTemplateHash = i.Spec.Controller!.TemplateHash };
                status.NetworkInterfaces = [new() { Assignments = new NetworkAssignments { NetworkIP = "10.128.0.2" } }];
                Apply(i, status.Conditions ??= [], (ConditionTypes.Programmed, true, "Programmed"), (ConditionTypes.Running, runs, runs ? "Running" : suspended ? Reasons.Suspended : "Stopped"));
            });
        }

        MostUnready = Math.Max(MostUnready, unready);
        return plane.Writes.Count + Edits != before;
    }

    private int Edits { get; set; }

    /// <summary>Adds our finalizer, or lets go of a deleted object; true while the object is to be kept up.</summary>
    private bool Hold<T>(ResourceType<T> type, T value, bool inUse) where T : KubeObject
    {
        if (!value.IsDeleting && !value.Metadata.HasFinalizer(Finalizers.Platform))
        {
            plane.Edit(type, value.Metadata.Namespace, value.Metadata.Name!, v => (v.Metadata.Finalizers ??= []).Add(Finalizers.Platform));
            Edits++;
        }
        else if (value.IsDeleting && !inUse && !Stuck && value.Metadata.HasFinalizer(Finalizers.Platform))
        {
            Removed.Add($"{type.Plural}/{value.Metadata.Name}");
            Machines.Remove(value.Metadata.Uid!);
            plane.Edit(type, value.Metadata.Namespace, value.Metadata.Name!, v => v.Metadata.Finalizers!.Remove(Finalizers.Platform));
            Edits++;
            return false;
        }

        return !value.IsDeleting;
    }

    private void Set<T>(ResourceType<T> type, T value, Func<T, List<Condition>> conditions, params (string Type, bool Good, string Reason)[] wanted) where T : KubeObject =>
        Edit(type, value, v => Apply(v, conditions(v), wanted));

    private void Apply(KubeObject value, List<Condition> conditions, params ReadOnlySpan<(string Type, bool Good, string Reason)> wanted)
    {
        foreach (var (kind, good, reason) in wanted)
            Conditions.Set(conditions, kind, ConditionStatus.Of(good), reason, "", value.Metadata.Generation, plane.Time.Now);
    }

    private void Edit<T>(ResourceType<T> type, T value, Action<T> change) where T : KubeObject
    {
        var after = plane.EditStatus(type, value.Metadata.Namespace, value.Metadata.Name!, change);
        if (after.Metadata.ResourceVersion != value.Metadata.ResourceVersion)
            Edits++;
    }
}
