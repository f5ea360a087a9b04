using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Cli.Plan;

/// <summary>From manifests to what would be done at the platforms: the core controllers' own plans make Instances of Workloads, the planner looks.</summary>
internal sealed class PlanRun(PlanSpace space, Planner planner)
{
    private readonly List<PlannedEntry> _entries = [];
    private readonly HashSet<ObjectKey> _instances = [];
    private readonly HashSet<ObjectKey> _networks = [];
    private readonly List<string> _notes = [];

    /// <summary>What the result needs to be understood.</summary>
    public IReadOnlyList<string> Notes => _notes;

    public async Task<IReadOnlyList<PlannedEntry>> ForAsync(PlanTargets targets, CancellationToken cancellation)
    {
        foreach (var network in targets.Networks)
            await NetworkAsync(network, cancellation);
        foreach (var workload in targets.Workloads)
            await WorkloadAsync(workload, cancellation);
        foreach (var instance in targets.Instances)
            await InstanceAsync(instance, cancellation);
        // Whatever stands at a Location or an account that changes.
        var configs = targets.Configs.Select(c => c.Metadata.Name!).ToHashSet(StringComparer.Ordinal);
        var locations = targets.Locations.Select(l => l.Key).ToHashSet();
        if (configs.Count + locations.Count > 0)
        {
            var touched = space.Home.Entries.All().Where(e => configs.Contains(e.Spec.ProviderConfig) || (e.Spec.Location is { } l && locations.Contains(new ObjectKey(l.Namespace, l.Name)))).Select(e => e.Spec.Owner.Uid).ToHashSet(StringComparer.Ordinal);
            foreach (var network in space.Plane.Networks.All().Where(n => touched.Contains(n.Metadata.Uid!) || Contexts(n).Any(c => touched.Contains(c.Metadata.Uid!))))
                await NetworkAsync(network, cancellation);
            foreach (var instance in space.Plane.Instances.All().Where(i => touched.Contains(i.Metadata.Uid!)))
                await InstanceAsync(instance, cancellation);
            if (touched.Count == 0)
                _notes.Add("Nothing stands at the Locations and accounts of these manifests yet.");
        }
        return _entries;
    }

    private IEnumerable<NetworkContext> Contexts(Network network) =>
        space.Plane.NetworkContexts.All().Where(c => c.Metadata.Namespace == network.Metadata.Namespace && c.Spec.Network.Name == network.Metadata.Name);

    private async Task NetworkAsync(Network network, CancellationToken cancellation)
    {
        if (_networks.Add(network.Key))
            _entries.AddRange(await planner.ForNetworkAsync(network, cancellation));
    }

    private async Task InstanceAsync(Instance instance, CancellationToken cancellation)
    {
        if (!_instances.Add(instance.Key))
            return;
        _entries.AddRange(instance.IsDeleting ? await planner.ForGoneAsync(instance, cancellation) : await planner.ForInstanceAsync(Ungated(instance), cancellation));
    }

    private async Task GoneAsync(Instance instance, CancellationToken cancellation)
    {
        if (_instances.Add(instance.Key))
            _entries.AddRange(await planner.ForGoneAsync(instance, cancellation));
    }

    /// <summary>The deployments and Instances that the core controllers would make of the Workload, and what they would take away.</summary>
    private async Task WorkloadAsync(Workload workload, CancellationToken cancellation)
    {
        var desired = WorkloadPlan.Desired(workload);
        if (desired.Error is { } error)
        {
            _entries.Add(new PlannedEntry { Entry = "", Kind = "Instance", Owner = $"Workload {workload.Key}", Action = PlannedAction.Refused, Reason = Reasons.ConfigurationError, Message = error });
            return;
        }
        var owner = new OwnerReference { ApiVersion = ResourceTypes.Workloads.ApiVersion, Kind = "Workload", Name = workload.Metadata.Name!, Uid = workload.Metadata.Uid!, Controller = true };
        var existing = space.Plane.WorkloadDeployments.All().Where(d => d.Metadata.Namespace == workload.Metadata.Namespace && d.Spec.WorkloadRef.Uid == workload.Metadata.Uid).ToList();
        foreach (var wanted in desired.Items)
        {
            var live = existing.Find(d => d.Metadata.Name == wanted.Name);
            var deployment = WorkloadPlan.Shape(workload, wanted, live is null ? new WorkloadDeployment() : ResourceTypes.WorkloadDeployments.Clone(live), owner);
            deployment.Metadata.Uid ??= $"plan/WorkloadDeployment/{deployment.Key}";
            if (deployment.Status?.Location is null)
            {
                var choice = LocationChoice.Decide(wanted.CityCode, Locations(workload), l => space.Plane.Instances.All().Count(i => i.Spec.Location?.Name == l.Metadata.Name));
                if (choice.Chosen is not { } location)
                {
                    _entries.Add(new PlannedEntry { Entry = "", Kind = "Instance", Owner = $"WorkloadDeployment {deployment.Key}", Action = PlannedAction.Refused, Reason = choice.Reason, Message = choice.Message });
                    continue;
                }
                (deployment.Status ??= new WorkloadDeploymentStatus()).Location = new LocationReference { Name = location.Metadata.Name!, Namespace = location.Metadata.Namespace };
            }
            await DeploymentAsync(deployment, cancellation);
        }
        foreach (var gone in existing.Where(d => !desired.Items.Any(w => w.Name == d.Metadata.Name)))
            foreach (var instance in Owned(gone))
                await GoneAsync(instance, cancellation);
    }

    private async Task DeploymentAsync(WorkloadDeployment deployment, CancellationToken cancellation)
    {
        var hash = TemplateHash.Of(deployment.Spec.Template);
        var owned = Owned(deployment);
        var actions = InstancePlan.Decide(deployment, owned, hash, name => space.Plane.Instances.Find(new ObjectKey(deployment.Metadata.Namespace, name)));
        var owner = new OwnerReference { ApiVersion = ResourceTypes.WorkloadDeployments.ApiVersion, Kind = "WorkloadDeployment", Name = deployment.Metadata.Name!, Uid = deployment.Metadata.Uid!, Controller = true };
        foreach (var action in actions.OrderBy(a => a.Ordinal))
            switch (action.Kind)
            {
                case InstanceActionKind.Create:
                    var created = InstancePlan.New(deployment, action.Ordinal, hash, owner);
                    created.Metadata.Uid = $"plan/Instance/{created.Key}";
                    await InstanceAsync(created, cancellation);
                    break;
                case InstanceActionKind.Update:
                    await InstanceAsync(InstancePlan.Updated(deployment, action.Current!, action.Ordinal, hash), cancellation);
                    break;
                case InstanceActionKind.Delete:
                    await GoneAsync(action.Current!, cancellation);
                    break;
                default:
                    _notes.Add(action.Why + ".");
                    break;
            }
        foreach (var instance in owned)
            await InstanceAsync(instance, cancellation);
    }

    private IReadOnlyList<Instance> Owned(WorkloadDeployment deployment) =>
        [.. space.Plane.Instances.All().Where(i => i.Metadata.OwnerReferences?.Exists(o => o.Uid == deployment.Metadata.Uid) == true)];

    private IReadOnlyList<Location> Locations(Workload workload) =>
        [.. space.Plane.Locations.All().Concat(space.Plane.ComputeLocations.All().Where(c => space.Plane.Locations.Find(c.Key) is null)).Where(l => l.Metadata.Namespace is null || l.Metadata.Namespace == workload.Metadata.Namespace)];

    /// <summary>The network's gate goes when the network is there: a plan tells the end.</summary>
    private static Instance Ungated(Instance instance)
    {
        if (instance.Spec.Controller?.SchedulingGates?.Exists(g => g.Name == SchedulingGates.Network) != true)
            return instance;
        var after = ResourceTypes.Instances.Clone(instance);
        after.Spec.Controller!.SchedulingGates!.RemoveAll(g => g.Name == SchedulingGates.Network);
        return after;
    }
}
