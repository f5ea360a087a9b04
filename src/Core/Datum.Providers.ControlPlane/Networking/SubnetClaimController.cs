using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>SubnetClaim to the Subnet of the same name, and its range and state back.</summary>
internal sealed class SubnetClaimController : CoreController
{
    private static readonly string[] Mirrored = [ConditionTypes.Allocated, ConditionTypes.Programmed];

    public SubnetClaimController(CorePlane plane, int workers) : base("subnetclaim", plane, workers)
    {
        Own(plane.Caches.SubnetClaims);
        Watch(plane.Caches.Subnets, s => [s.Key]);
        Watch(plane.Caches.NetworkContexts, c => plane.SubnetClaims.ByIndex(PlaneCaches.ByContext, c.Key.ToString()).Select(x => x.Key));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.SubnetClaims.Find(key) is not { IsDeleting: false } claim)
            return Result.Settled;
        var owner = claim.Metadata.OwnerReferences?.Find(o => o.Kind == ResourceTypes.NetworkContexts.Kind);
        if (owner is not null && await Plane.NetworkContexts.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.SubnetClaims.DeleteAsync(claim, cancellation);
            return Result.Settled;
        }

        var (subnet, problem) = await SubnetAsync(claim, cancellation);
        var after = Plane.SubnetClaims.Copy(claim);
        var status = after.Status ??= new();
        var conditions = status.Conditions ??= [];
        if (subnet is not null)
        {
            status.SubnetRef = new LocalReference { Name = subnet.Metadata.Name ?? "" };
            status.StartAddress = subnet.Status?.StartAddress;
            status.PrefixLength = subnet.Status?.PrefixLength;
            foreach (var known in Mirrored.Select(type => Conditions.Find(subnet.Status?.Conditions, type)).OfType<Condition>())
                Conditions.Set(conditions, known.Type, known.Status, known.Reason, known.Message, claim.Metadata.Generation, Plane.Now);
        }

        var ready = problem ?? NetworkReadiness.OfClaim(subnet!);
        Conditions.Set(conditions, ConditionTypes.Ready, ready.Status, ready.Reason, ready.Message, claim.Metadata.Generation, Plane.Now);
        await Plane.SubnetClaims.UpdateStatusAsync(claim, after, cancellation);
        return Result.Settled;
    }

    private async Task<(Subnet? Subnet, NetworkReadiness? Problem)> SubnetAsync(SubnetClaim claim, CancellationToken cancellation)
    {
        if (Plane.Subnets.Find(claim.Key) is { } subnet)
        {
            if (subnet.Spec.NetworkContext.Name == claim.Spec.NetworkContext.Name && subnet.Spec.IpFamily == claim.Spec.IpFamily && !subnet.IsDeleting)
                return await FollowAsync(claim, subnet, cancellation);
            return subnet.Spec.NetworkContext.Name == claim.Spec.NetworkContext.Name && subnet.Spec.IpFamily == claim.Spec.IpFamily
                ? (subnet, null)
                : (null, NetworkReadiness.False(Reasons.Conflict,
                    $"Subnet {claim.Metadata.Name} is an {subnet.Spec.IpFamily} one of NetworkContext {subnet.Spec.NetworkContext.Name}; rename the claim."));
        }

        var contextKey = new ObjectKey(claim.Metadata.Namespace, claim.Spec.NetworkContext.Name);
        return Plane.NetworkContexts.Find(contextKey) is { IsDeleting: false } context
            ? (await Plane.Subnets.CreateAsync(NewSubnet(claim, context), cancellation), null)
            : (null, NetworkReadiness.False(Reasons.NetworkContextNotReady, $"There is no NetworkContext {contextKey}."));
    }

    /// <summary>Another range can be asked for until one is allocated.</summary>
    private async Task<(Subnet?, NetworkReadiness?)> FollowAsync(SubnetClaim claim, Subnet subnet, CancellationToken cancellation)
    {
        if (claim.Spec.StartAddress is not { Length: > 0 } && claim.Spec.PrefixLength is null or 0)
            return (subnet, null);
        if (SubnetRanges.Allocated(subnet) is not { } allocated)
        {
            var (start, length) = SubnetRanges.Asked(subnet);
            if ((start ?? "") == (claim.Spec.StartAddress ?? "") && length == (claim.Spec.PrefixLength ?? 0))
                return (subnet, null);
            var after = Plane.Subnets.Copy(subnet);
            after.Metadata.Annotations?.Remove(Annotations.AskedRange);
            (after.Spec.StartAddress, after.Spec.PrefixLength) = (claim.Spec.StartAddress ?? "", claim.Spec.PrefixLength ?? 0);
            return (await Plane.Subnets.UpdateAsync(subnet, after, cancellation), null);
        }

        var fits = (claim.Spec.PrefixLength is null or 0 || claim.Spec.PrefixLength == allocated.Length)
            && (claim.Spec.StartAddress is not { Length: > 0 } asked || (IpPrefix.TryParse(asked, allocated.Length, out var wanted, out _) && wanted == allocated));
        return fits
            ? (subnet, null)
            : (null, NetworkReadiness.False(Reasons.Conflict, $"Subnet {claim.Metadata.Name} has {allocated} already; a range can't be changed. Ask for that, or delete claim and Subnet and make the claim anew."));
    }

    private static Subnet NewSubnet(SubnetClaim claim, NetworkContext context)
    {
        var subnet = new Subnet
        {
            Spec = new SubnetSpec
            {
                SubnetClass = claim.Spec.SubnetClass,
                NetworkContext = new LocalReference { Name = claim.Spec.NetworkContext.Name },
                Location = new LocationReference { Name = claim.Spec.Location.Name, Namespace = claim.Spec.Location.Namespace },
                IpFamily = claim.Spec.IpFamily,
                // What the claim asks for; empty and 0 leave it to the allocator.
                StartAddress = claim.Spec.StartAddress ?? "",
                PrefixLength = claim.Spec.PrefixLength ?? 0,
            },
        };
        subnet.Metadata.Name = claim.Metadata.Name;
        subnet.Metadata.Namespace = claim.Metadata.Namespace;
        subnet.Metadata.OwnerReferences = [CorePlane.Owner(ResourceTypes.NetworkContexts, context)];
        return subnet;
    }
}
