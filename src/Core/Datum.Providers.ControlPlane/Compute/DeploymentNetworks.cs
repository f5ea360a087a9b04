using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>Brings the Networks of a deployment's interfaces into its Location: a binding an interface, a claim a context and family.</summary>
internal sealed class DeploymentNetworks(CorePlane plane)
{
    /// <summary>
    /// Creates what is missing at the deployment's Location and at every other one that has an instance of it; what no instance uses
    /// any more goes. By Location: what is waited for, or null when every Subnet is ready.
    /// </summary>
    public async Task<IReadOnlyDictionary<ObjectKey, string?>> EnsureAsync(
        WorkloadDeployment deployment, LocationReference own, IReadOnlyList<Instance> instances, CancellationToken cancellation)
    {
        var problems = new Dictionary<ObjectKey, string?>();
        var wanted = new List<NetworkBinding>();
        var complete = true;
        foreach (var location in instances.Select(i => i.Spec.Location).OfType<LocationReference>().Prepend(own).DistinctBy(l => l.Key).ToList())
        {
            var (bindings, problem) = await EnsureBindingsAsync(deployment, location, location.Key == own.Key, cancellation);
            wanted.AddRange(bindings);
            complete &= problem is null;
            problems[location.Key] = problem ?? await ReadyAsync(bindings, cancellation);
        }

        if (complete)
            await RemoveSurplusAsync(deployment, wanted, cancellation);
        return problems;
    }

    private async Task<(List<NetworkBinding> Bindings, string? Problem)> EnsureBindingsAsync(
        WorkloadDeployment deployment, LocationReference location, bool own, CancellationToken cancellation)
    {
        var bindings = new List<NetworkBinding>();
        foreach (var (network, index) in deployment.Spec.Template.Spec.NetworkInterfaces.Select((n, i) => (n.Network, i)))
        {
            var name = own ? Names.Binding(deployment.Metadata.Name ?? "", index) : Names.Binding(deployment.Metadata.Name ?? "", index, location);
            var (binding, problem) = await EnsureBindingAsync(deployment, location, network, name, cancellation);
            if (problem is not null)
                return (bindings, problem);
            bindings.Add(binding);
        }

        return (bindings, null);
    }

    private async Task<string?> ReadyAsync(List<NetworkBinding> bindings, CancellationToken cancellation)
    {
        if (bindings.Find(b => !Conditions.IsTrue(b.Status?.Conditions, ConditionTypes.Ready)) is { } waiting)
            return Trouble("NetworkBinding", waiting.Metadata.Name, waiting.Status?.Conditions);

        string? first = null;
        foreach (var key in bindings.Select(b => b.Status?.NetworkContextRef is { } c ? new ObjectKey(c.Namespace, c.Name) : Names.ContextOf(b)).Distinct())
            first = await EnsureSubnetsAsync(key, cancellation) ?? first;
        return first;
    }

    private async Task<(NetworkBinding Binding, string? Problem)> EnsureBindingAsync(
        WorkloadDeployment deployment, LocationReference location, NetworkReference network, string name, CancellationToken cancellation)
    {
        var key = new ObjectKey(deployment.Metadata.Namespace, name);
        var existing = plane.NetworkBindings.Find(key);
        if (existing is null)
        {
            var binding = new NetworkBinding();
            binding.Metadata.Name = key.Name;
            binding.Metadata.Namespace = key.Namespace;
            binding.Metadata.OwnerReferences = [CorePlane.Owner(ResourceTypes.WorkloadDeployments, deployment)];
            return (await plane.NetworkBindings.CreateAsync(Shape(binding), cancellation), null);
        }

        if (existing.Metadata.ControllerOwner?.Uid != deployment.Metadata.Uid)
            return (existing, $"NetworkBinding {key.Name} belongs to something else than this deployment.");
        if (existing.IsDeleting)
            return (existing, $"NetworkBinding {key.Name} is being deleted.");
        return (await plane.NetworkBindings.UpdateAsync(existing, Shape(plane.NetworkBindings.Copy(existing)), cancellation), null);

        NetworkBinding Shape(NetworkBinding binding)
        {
            binding.Spec.Network.Name = network.Name;
            binding.Spec.Network.Namespace = string.IsNullOrEmpty(network.Namespace) ? deployment.Metadata.Namespace : network.Namespace;
            binding.Spec.Location.Name = location.Name;
            binding.Spec.Location.Namespace = location.Namespace;
            return binding;
        }
    }

    private async Task RemoveSurplusAsync(WorkloadDeployment deployment, List<NetworkBinding> wanted, CancellationToken cancellation)
    {
        foreach (var binding in plane.NetworkBindings.ByIndex(PlaneCaches.ByOwner, deployment.Metadata.Uid ?? ""))
        {
            if (!wanted.Exists(w => w.Key == binding.Key))
                await plane.NetworkBindings.DeleteAsync(binding, cancellation);
        }
    }

    private async Task<string?> EnsureSubnetsAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (plane.NetworkContexts.Find(key) is not { IsDeleting: false } context)
            return $"NetworkContext {key} isn't there.";
        if (plane.Networks.Find(new ObjectKey(key.Namespace, context.Spec.Network.Name)) is not { } network)
            return $"There is no Network {key.Namespace}/{context.Spec.Network.Name}.";

        string? first = null;
        foreach (var family in Names.Families(network))
        {
            var claimKey = new ObjectKey(key.Namespace, Names.Claim(key.Name, family));
            var claim = plane.SubnetClaims.Find(claimKey) ?? await plane.SubnetClaims.CreateAsync(NewClaim(context, claimKey, family), cancellation);
            first ??= SubnetProblem(claim);
        }

        return first;
    }

    private string? SubnetProblem(SubnetClaim claim)
    {
        if (!Conditions.IsTrue(claim.Status?.Conditions, ConditionTypes.Ready) || claim.Status?.SubnetRef is not { } reference)
            return Trouble("SubnetClaim", claim.Metadata.Name, claim.Status?.Conditions);
        var subnet = plane.Subnets.Find(new ObjectKey(claim.Metadata.Namespace, reference.Name));
        return subnet is { IsDeleting: false } && Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Ready)
            ? null
            : Trouble("Subnet", reference.Name, subnet?.Status?.Conditions);
    }

    private static SubnetClaim NewClaim(NetworkContext context, ObjectKey key, string family)
    {
        var claim = new SubnetClaim
        {
            Spec = new SubnetClaimSpec
            {
                SubnetClass = Names.SubnetClass,
                NetworkContext = new LocalReference { Name = context.Metadata.Name ?? "" },
                Location = new LocationReference { Name = context.Spec.Location.Name, Namespace = context.Spec.Location.Namespace },
                IpFamily = family,
            },
        };
        claim.Metadata.Name = key.Name;
        claim.Metadata.Namespace = key.Namespace;
        claim.Metadata.OwnerReferences = [CorePlane.Owner(ResourceTypes.NetworkContexts, context, controller: false)];
        return claim;
    }

    private static string Trouble(string kind, string? name, List<Condition>? conditions) =>
        Conditions.Find(conditions, ConditionTypes.Ready) is { } ready ? $"{kind} {name}: {ready.Reason}: {ready.Message}" : $"{kind} {name} isn't ready yet.";
}
