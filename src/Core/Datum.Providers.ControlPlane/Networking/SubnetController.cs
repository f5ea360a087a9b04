using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>
/// Gives each Subnet its range and keeps its Ready condition. One worker, so that Subnets of one host don't get into each other's way; those of two
/// hosts are kept apart by <see cref="SubnetAllocator"/>. The range is written into the spec before the status tells of it: a lost status (backups drop it)
/// changes no address.
/// </summary>
internal sealed class SubnetController : CoreController
{
    /// <summary>Reasons that end by themselves: nobody has to be told.</summary>
    private static readonly string[] Waits = [Reasons.NetworkContextNotReady, Reasons.NetworkNotFound];

    private readonly SubnetAllocator _allocator;

    public SubnetController(CorePlane plane) : base("subnet", plane)
    {
        _allocator = new(plane);
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
        var prefix = SubnetRanges.Allocated(subnet);
        if (prefix is { } range)
        {
            // The spec has it too, for the day on which the status is lost.
            var recorded = Plane.Subnets.Copy(subnet);
            (recorded.Spec.StartAddress, recorded.Spec.PrefixLength) = (range.StartAddress, range.Length);
            subnet = await Plane.Subnets.UpdateAsync(subnet, recorded, cancellation);
        }
        else
        {
            (subnet, var answer) = await _allocator.HoldAsync(subnet, cancellation);
            prefix = answer.Prefix;
            if (prefix is null)
                refusal = (ConditionStatus.False, answer.Reason, answer.Message);
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
        if (refusal is not { } no || Waits.Contains(no.Reason))
            return Result.Settled;
        await Plane.TellAsync(ResourceTypes.Subnets, subnet, ConditionTypes.Allocated, subnet.Status?.Conditions, conditions, cancellation);
        // What another one holds without being told of it may come free without any Subnet going.
        return Plane.Subnets.ByIndex(PlaneCaches.Waiting, "").Any(s => s.Key != key && SubnetRanges.Held(s) is not null) ? Result.After(TimeSpan.FromMinutes(1)) : Result.Settled;
    }

    private IEnumerable<ObjectKey> Waiting() => Plane.Subnets.ByIndex(PlaneCaches.Waiting, "").Select(s => s.Key);
}
