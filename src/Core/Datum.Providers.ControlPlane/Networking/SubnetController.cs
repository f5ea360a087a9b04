using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>
/// Gives each Subnet its range and keeps its Ready condition. One worker, so that two Subnets never get one range. The range is written
/// into the spec before the status tells of it: a lost status (backups drop it) changes no address.
/// </summary>
internal sealed class SubnetController : CoreController
{
    public SubnetController(CorePlane plane) : base("subnet", plane)
    {
        var caches = plane.Caches;
        Own(caches.Subnets);
        // A range that came free, or a wider range of a Network, is what others wait for.
        Watch(caches.Subnets, s => caches.Subnets.Find(s.Key)?.Metadata.Uid == s.Metadata.Uid ? [] : Waiting());
        Watch(caches.Networks, _ => Waiting());
        Watch(caches.NetworkContexts, c => plane.Subnets.ByIndex(PlaneCaches.ByContext, c.Key.ToString()).Select(s => s.Key));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.Subnets.Find(key) is not { IsDeleting: false } subnet)
            return Result.Settled;
        var owner = subnet.Metadata.ControllerOwner;
        if (owner?.Kind == ResourceTypes.NetworkContexts.Kind && await Plane.NetworkContexts.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.Subnets.DeleteAsync(subnet, cancellation);
            return Result.Settled;
        }

        (string Status, string Reason, string Message)? refusal = null;
        IpPrefix? prefix = SubnetRanges.Allocated(subnet);
        if (prefix is null)
        {
            var answer = Allocate(subnet);
            prefix = answer.Prefix;
            if (prefix is null)
                refusal = (ConditionStatus.False, answer.Reason, answer.Message);
        }

        if (prefix is { } range)
        {
            var recorded = Plane.Subnets.Copy(subnet);
            recorded.Spec.StartAddress = range.StartAddress;
            recorded.Spec.PrefixLength = range.Length;
            subnet = await Plane.Subnets.UpdateAsync(subnet, recorded, cancellation);
        }

        var after = Plane.Subnets.Copy(subnet);
        var status = after.Status ??= new();
        var conditions = status.Conditions ??= [];
        var (state, reason, message) = refusal ?? (ConditionStatus.True, Reasons.PrefixAllocated, $"{prefix} is allocated.");
        status.StartAddress = prefix?.StartAddress;
        status.PrefixLength = prefix?.Length;
        Conditions.Set(conditions, ConditionTypes.Allocated, state, reason, message, subnet.Metadata.Generation, Plane.Now);
        var ready = NetworkReadiness.OfSubnet(conditions);
        Conditions.Set(conditions, ConditionTypes.Ready, ready.Status, ready.Reason, ready.Message, subnet.Metadata.Generation, Plane.Now);
        await Plane.Subnets.UpdateStatusAsync(subnet, after, cancellation);
        return Result.Settled;
    }

    private PrefixAnswer Allocate(Subnet subnet)
    {
        var family = SubnetRanges.Family(subnet.Spec.IpFamily);
        if (family == IpFamily.Unknown)
            return new() { Reason = Reasons.ConfigurationError, Message = $"spec.ipFamily is '{subnet.Spec.IpFamily}'; IPv4 and IPv6 are possible." };
        var contextKey = new ObjectKey(subnet.Metadata.Namespace, subnet.Spec.NetworkContext.Name);
        if (Plane.NetworkContexts.Find(contextKey) is not { } context)
            return new() { Reason = Reasons.NetworkContextNotReady, Message = $"There is no NetworkContext {contextKey}." };
        var networkKey = new ObjectKey(contextKey.Namespace, context.Spec.Network.Name);
        if (Plane.Networks.Find(networkKey) is not { } network)
            return new() { Reason = Reasons.NetworkNotFound, Message = $"There is no Network {networkKey}." };

        var taken = Plane.Caches.Subnets.All().Where(s => s.Key != subnet.Key)
            .Select(s => (Network: NetworkUid(s), Prefix: SubnetRanges.Held(s))).Where(s => s.Prefix is not null)
            .Select(s => new TakenPrefix(s.Network, s.Prefix!.Value)).ToList();
        return PrefixAllocator.Allocate(
            new PrefixRequest
            {
                Network = network.Metadata.Uid ?? "",
                Family = family,
                Ranges = family == IpFamily.IPv4 ? network.Spec.Ipam.AllIPv4Ranges : network.Spec.Ipam.AllIPv6Ranges,
                StartAddress = subnet.Spec.StartAddress,
                PrefixLength = subnet.Spec.PrefixLength,
            },
            taken);
    }

    private string? NetworkUid(Subnet subnet)
    {
        var context = Plane.NetworkContexts.Find(new(subnet.Metadata.Namespace, subnet.Spec.NetworkContext.Name));
        return context is null
            ? null
            : Plane.Networks.Find(new(context.Metadata.Namespace, context.Spec.Network.Name))?.Metadata.Uid ?? context.Metadata.ControllerOwner?.Uid;
    }

    private IEnumerable<ObjectKey> Waiting() => Plane.Subnets.ByIndex(PlaneCaches.Waiting, "").Select(s => s.Key);
}
