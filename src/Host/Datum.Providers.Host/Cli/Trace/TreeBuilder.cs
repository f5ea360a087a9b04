using System.Globalization;
using Datum.Providers.ControlPlane;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>
/// Makes the tree of a target from a snapshot. Pure. Every object is one node, made once; a node that would lead back to one of its
/// own parents isn't entered again.
/// </summary>
internal sealed partial class TreeBuilder
{
    private readonly PlaneSnapshot _plane;
    private readonly Dictionary<string, TraceNode> _nodes = new(StringComparer.Ordinal);
    private readonly HashSet<TraceNode> _filling = new(ReferenceEqualityComparer.Instance);

    // A plane may hold thousands of instances: each list is searched by index, never as a whole for each object.
    private readonly ILookup<string, WorkloadDeployment> _deploymentsByWorkload;
    private readonly ILookup<string, Instance> _instancesByOwner;
    private readonly ILookup<string, NetworkBinding> _bindingsByOwner;
    private readonly ILookup<string, Resources.Providers.ManagedResource> _entriesByOwner;
    private readonly Dictionary<string, Resources.Providers.ManagedResource> _entries;
    private readonly Dictionary<string, Instance> _instances;
    private readonly Dictionary<string, WorkloadDeployment> _deployments;

    private TreeBuilder(PlaneSnapshot plane)
    {
        _plane = plane;
        _deploymentsByWorkload = plane.Deployments.ToLookup(d => d.Spec.WorkloadRef.Uid.Length > 0 ? d.Spec.WorkloadRef.Uid : d.Spec.WorkloadRef.Name, StringComparer.Ordinal);
        _instancesByOwner = plane.Instances.ToLookup(i => i.Metadata.ControllerOwner?.Uid ?? "", StringComparer.Ordinal);
        _bindingsByOwner = plane.Bindings.ToLookup(b => b.Metadata.ControllerOwner?.Uid ?? "", StringComparer.Ordinal);
        _entriesByOwner = plane.Entries.ToLookup(e => e.Spec.Owner.Uid, StringComparer.Ordinal);
        _instances = plane.Instances.DistinctBy(i => i.Metadata.Uid).ToDictionary(i => i.Metadata.Uid ?? "", StringComparer.Ordinal);
        _deployments = plane.Deployments.DistinctBy(d => d.Metadata.Uid).ToDictionary(d => d.Metadata.Uid ?? "", StringComparer.Ordinal);
        _entries = plane.Entries.GroupBy(e => e.Metadata.Name ?? "").ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
    }

    /// <summary>The tree, or null where the target isn't in the snapshot.</summary>
    public static TraceTree? Build(PlaneSnapshot plane, TraceTarget target)
    {
        var builder = new TreeBuilder(plane);
        var (top, focus) = builder.Root(target);
        if (top is null || focus is null)
            return null;
        Judge.Spread(top);
        return new TraceTree { Top = top, Focus = focus, Host = Hosts.See(plane), Now = plane.Now, Gaps = plane.Gaps };
    }

    private (TraceNode? Top, TraceNode? Focus) Root(TraceTarget target)
    {
        bool Is(KubeObject o) => o.Metadata.Name == target.Name && (o.Metadata.Namespace == target.Namespace || o.Metadata.Namespace is null);
        T? Find<T>(List<T> list) where T : KubeObject => list.Where(Is).OrderBy(o => o.Metadata.Namespace is null).FirstOrDefault();
        switch (target.Kind.Kind)
        {
            case "Workload":
                return Find(_plane.Workloads) is { } workload ? Same(WorkloadNode(workload)) : default;
            case "WorkloadDeployment":
                return Find(_plane.Deployments) is { } deployment ? Under(OwnerOf(deployment), () => DeploymentNode(deployment)) : default;
            case "Instance":
                return Find(_plane.Instances) is { } instance ? UnderDeployment(instance.Metadata, () => InstanceNode(instance)) : default;
            case "NetworkBinding":
                return Find(_plane.Bindings) is { } binding ? UnderDeployment(binding.Metadata, () => BindingNode(binding)) : default;
            case "Network":
                return Find(_plane.Networks) is { } network ? Same(NetworkNode(network, whole: true)) : default;
            case "NetworkContext":
                return Find(_plane.Contexts) is { } context ? UnderNetwork(context, () => ContextNode(context)) : default;
            case "SubnetClaim":
                return Find(_plane.Claims) is { } claim ? UnderContext(claim.Spec.NetworkContext.Name, claim.Metadata.Namespace, () => ClaimNode(claim)) : default;
            case "Subnet":
                return Find(_plane.Subnets) is { } subnet ? UnderContext(subnet.Spec.NetworkContext.Name, subnet.Metadata.Namespace, () => SubnetNode(subnet)) : default;
            case "Location":
                return Find(_plane.Locations) is { } location ? Same(LocationNode(location)) : default;
            case "ProviderConfig":
                return Find(_plane.Configs) is { } config ? Same(ConfigNode(config, whole: true)) : default;
            case "ProviderDriver":
                return Find(_plane.Drivers) is { } driver ? Same(DriverNode(driver, whole: true)) : default;
            default:
                return _entries.GetValueOrDefault(target.Name) is { } entry ? UnderOwner(entry) : default;
        }
    }

    private static (TraceNode?, TraceNode?) Same(TraceNode node) => (node, node);

    private (TraceNode?, TraceNode?) Under(Workload? owner, Func<TraceNode> focus)
    {
        if (owner is null)
            return Same(focus());
        var top = WorkloadNode(owner);
        var node = focus();
        return RootCause.Way(top, node) is null ? Same(node) : (top, node);
    }

    private (TraceNode?, TraceNode?) UnderDeployment(ObjectMeta meta, Func<TraceNode> focus)
    {
        if (DeploymentOf(meta) is not { } deployment)
            return Same(focus());
        var top = OwnerOf(deployment) is { } workload ? WorkloadNode(workload) : DeploymentNode(deployment);
        var node = focus();
        return RootCause.Way(top, node) is null ? Same(node) : (top, node);
    }

    private (TraceNode?, TraceNode?) UnderNetwork(NetworkContext context, Func<TraceNode> focus)
    {
        var network = _plane.Networks.Find(n => n.Metadata.Namespace == context.Metadata.Namespace && n.Metadata.Name == context.Spec.Network.Name);
        if (network is null)
            return Same(focus());
        var top = NetworkNode(network, whole: true);
        var node = focus();
        return RootCause.Way(top, node) is null ? Same(node) : (top, node);
    }

    private (TraceNode?, TraceNode?) UnderContext(string name, string? ns, Func<TraceNode> focus) =>
        _plane.Contexts.Find(c => c.Metadata.Namespace == ns && c.Metadata.Name == name) is { } context ? UnderNetwork(context, focus) : Same(focus());

    private (TraceNode?, TraceNode?) UnderOwner(Resources.Providers.ManagedResource entry)
    {
        var owner = entry.Spec.Owner;
        var kind = TraceKind.Find(owner.Kind);
        // The owner may have another life by now; the entry stands alone then.
        if (kind is null || kind.Kind == ResourceTypes.ManagedResources.Kind || Root(new TraceTarget(kind, owner.Namespace, owner.Name)) is not { Item1: { } top })
            return Same(EntryNode(entry));
        var node = EntryNode(entry);
        return RootCause.Way(top, node) is null ? Same(node) : (top, node);
    }

    private Workload? OwnerOf(WorkloadDeployment deployment) => _plane.Workloads.Find(w =>
        w.Metadata.Namespace == deployment.Metadata.Namespace && w.Metadata.Name == deployment.Spec.WorkloadRef.Name);

    private WorkloadDeployment? DeploymentOf(ObjectMeta meta) => meta.ControllerOwner is { Kind: "WorkloadDeployment" } owner
        ? _deployments.GetValueOrDefault(owner.Uid) : null;

    /// <summary>The node of an object: made once, then the same one.</summary>
    private TraceNode Once(TraceNode made, Action<TraceNode> fill)
    {
        if (_nodes.TryGetValue(made.Key, out var known))
            return known;
        _nodes[made.Key] = made;
        _filling.Add(made);
        fill(made);
        _filling.Remove(made);
        return made;
    }

    /// <summary>Puts a node below another one, unless it stands above that: then it would never end.</summary>
    private void Link(List<TraceNode> list, TraceNode node)
    {
        if (!_filling.Contains(node))
            list.Add(node);
    }

    private TraceNode WorkloadNode(Workload workload) => Once(
        Judge.Object("Workload", workload, workload.Status?.Conditions, _plane.Now, ConditionTypes.Available), node =>
        {
            node.Fact("workload", node.Key);
            Owner(node);
            if (workload.Status is { } s)
                node.Detail(string.Create(CultureInfo.InvariantCulture, $"{s.ReadyReplicas} of {s.DesiredReplicas} instances ready, {s.CurrentReplicas} of the current template"));
            foreach (var missing in Names.NetworkKeys(workload.Spec.Template.Spec, workload.Metadata.Namespace))
                if (MissingNetwork(missing) is { } network)
                    Link(node.Needs, network);
            var deployments = _deploymentsByWorkload[workload.Metadata.Uid ?? ""].Concat(_deploymentsByWorkload[workload.Metadata.Name ?? ""])
                .Where(d => d.Metadata.Namespace == workload.Metadata.Namespace).ToList();
            foreach (var name in workload.Spec.Placements.Select(p => p.Name).Concat(deployments.Select(d => d.Spec.PlacementName)).Distinct(StringComparer.Ordinal))
                Link(node.Children, PlacementNode(workload, name, deployments));
        });

    private TraceNode PlacementNode(Workload workload, string name, List<WorkloadDeployment> deployments)
    {
        var node = new TraceNode("Placement", workload.Metadata.Namespace, $"{workload.Metadata.Name}.{name}");
        if (Conditions.Find(workload.Status?.Placements?.Find(p => p.Name == name)?.Conditions, ConditionTypes.Available) is { } available)
            Judge.Tell(node, available);
        else
            (node.Condition, node.Mark, node.Reason, node.Message) = (ConditionTypes.Available, Mark.Waiting, Reasons.Pending, "no condition yet");
        var index = workload.Spec.Placements.FindIndex(p => p.Name == name);
        node.Fact("cityField", $"spec.placements[{(index < 0 ? 0 : index)}].cityCodes");
        node.Fact("replicasField", $"spec.placements[{(index < 0 ? 0 : index)}].scaleSettings.minReplicas");
        foreach (var deployment in deployments.Where(d => d.Spec.PlacementName == name).OrderBy(d => d.Metadata.Name, StringComparer.Ordinal))
            Link(node.Children, DeploymentNode(deployment));
        return node;
    }

    private TraceNode DeploymentNode(WorkloadDeployment deployment) => Once(
        Judge.Object("WorkloadDeployment", deployment, deployment.Status?.Conditions, _plane.Now, ConditionTypes.Available), node =>
        {
            Owner(node);
            node.Fact("city", deployment.Spec.CityCode);
            if (OwnerOf(deployment) is null)
            {
                node.Fact("workload", node.Key);
                node.Fact("cityField", "spec.cityCode");
                node.Fact("replicasField", "spec.scaleSettings.minReplicas");
            }
            if (deployment.Status is { } s)
                node.Detail(string.Create(CultureInfo.InvariantCulture, $"city {deployment.Spec.CityCode}, {s.ReadyReplicas} of {s.DesiredReplicas} instances ready, location {s.Location?.Key.ToString() ?? "none yet"}"));
            var located = deployment.Status?.Location;
            node.Fact("alternatives", Alternatives(deployment.Metadata.Namespace, located?.Name));
            if (located is not null)
                Link(node.Needs, LocationNode(located, deployment.Metadata.Namespace));
            else
                foreach (var candidate in InCity(deployment))
                    Link(node.Needs, LocationNode(candidate));
            foreach (var binding in _bindingsByOwner[deployment.Metadata.Uid ?? ""])
                Link(node.Needs, BindingNode(binding));
            foreach (var instance in _instancesByOwner[deployment.Metadata.Uid ?? ""].OrderBy(i => Names.Ordinal(deployment.Metadata.Name ?? "", i.Metadata.Name ?? "") ?? int.MaxValue))
                Link(node.Children, InstanceNode(instance));
        });

    private TraceNode InstanceNode(Instance instance) => Once(
        Judge.Object("Instance", instance, instance.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            Owner(node);
            node.Fact("instance", node.Key);
            node.Fact("wish", WishOf(instance, node));
            node.Fact("field", FieldOf(instance, node.Message));
            if (instance.Spec.Controller?.SchedulingGates is { Count: > 0 } gates)
            {
                node.Fact("gates", string.Join(", ", gates.Select(g => g.Name)));
                // Network is the core controllers' own gate: what it waits for stands beside, under the deployment.
                if (gates.TrueForAll(g => g.Name == SchedulingGates.Network))
                    (node.AdviceKind, node.Mark) = (Advice.NetworkGate, Judge.MarkOf(node.Status ?? "", node.Reason, Advice.NetworkGate));
            }
            if (DeploymentOf(instance.Metadata) is null && instance.Spec.Location is { } location)
                Link(node.Needs, LocationNode(location, instance.Metadata.Namespace));
            foreach (var address in instance.Status?.NetworkInterfaces?.Select(i => i.Assignments) ?? [])
                if (address?.NetworkIP is { Length: > 0 } ip)
                    node.Detail($"address {ip}{(string.IsNullOrEmpty(address.ExternalIP) ? "" : $", outside {address.ExternalIP}")}");
            Entries(node, instance.Metadata.Uid, instance);
        });

    private static void Owner(TraceNode node) => node.Fact("owner", node.Key);

    /// <summary>The object that a user edits to change an instance.</summary>
    private string WishOf(Instance instance, TraceNode node) => DeploymentOf(instance.Metadata) is not { } deployment ? node.Key
        : OwnerOf(deployment) is { } workload ? $"Workload {workload.Key}" : $"WorkloadDeployment {deployment.Key}";

    /// <summary>A message that begins with a path in the Instance, with that path as it is in what the user edits.</summary>
    private string FieldOf(Instance instance, string message)
    {
        var text = message.Trim().TrimEnd('.');
        return DeploymentOf(instance.Metadata) is null ? text : text.Replace("spec.", "spec.template.spec.", StringComparison.Ordinal).Replace("spec.template.spec.template.", "spec.template.", StringComparison.Ordinal);
    }
}
