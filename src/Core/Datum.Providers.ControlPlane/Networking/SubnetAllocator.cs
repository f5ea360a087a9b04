using System.Text.Json;
using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>
/// Finds a Subnet's range so that two never get one, also when two hosts allocate at once and both see old caches. Everything stands in the Subnets.
/// </summary>
/// <remarks>
/// First the range is written into the spec: from then on it is held. Then all Subnets are read live. Whoever finds a range that is allocated already gives
/// way. Of two that are only held one has precedence; it takes the other's hold away before it tells of its own range, and that write fails if the other
/// has told meanwhile. Of two overlapping holds the later one's read sees the earlier one, and each tells only as the version that it has read, so one of
/// them is refused by the server.
/// </remarks>
internal sealed class SubnetAllocator(CorePlane plane)
{
    /// <summary>How often another range is looked for at once; then the queue's delay comes between.</summary>
    private const int Attempts = 4;

    /// <summary>The Subnet as it is stored now, with the range that it holds and may be told, or why there is none.</summary>
    public async Task<(Subnet Subnet, PrefixAnswer Answer)> HoldAsync(Subnet subnet, CancellationToken cancellation)
    {
        var known = plane.Caches.Subnets.All();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var answer = SubnetRanges.IsChosen(subnet) && attempt == 0 && SubnetRanges.Held(subnet) is { } held ? PrefixAnswer.Of(held) : Choose(subnet, known);
            if (answer.Prefix is not { } prefix)
                return (await WriteAsync(subnet, null, cancellation), answer);

            subnet = await WriteAsync(subnet, prefix, cancellation);
            if (Conditions.IsFalse(subnet.Status?.Conditions, ConditionTypes.Allocated))
                subnet = await UnrefuseAsync(subnet, prefix, cancellation);
            known = await plane.Subnets.ListAsync(cancellation);
            if (known.FirstOrDefault(s => s.Key == subnet.Key) is not { } now || now.Metadata.ResourceVersion != subnet.Metadata.ResourceVersion)
                throw plane.Subnets.Stale(subnet.Key, "has changed");
            var rivals = RivalsOf(subnet, prefix, known);
            if (rivals.TrueForAll(r => !Outranks(r, subnet)))
            {
                foreach (var rival in rivals)
                    await TakeAwayAsync(rival, prefix, cancellation);
                return (subnet, answer);
            }
        }

        throw plane.Subnets.Stale(subnet.Key, "lost its range to others that were faster");
    }

    private async Task<Subnet> WriteAsync(Subnet subnet, IpPrefix? prefix, CancellationToken cancellation)
    {
        var after = plane.Subnets.Copy(subnet);
        SubnetRanges.Write(after, prefix);
        return await plane.Subnets.UpdateAsync(subnet, after, cancellation);
    }

    /// <summary>A range that was refused is held by nobody: it has to be seen as held again before it is told.</summary>
    private async Task<Subnet> UnrefuseAsync(Subnet subnet, IpPrefix prefix, CancellationToken cancellation)
    {
        var after = plane.Subnets.Copy(subnet);
        Conditions.Set(after.Status!.Conditions!, ConditionTypes.Allocated, ConditionStatus.Unknown, Reasons.Pending, $"{prefix} is being allocated.", subnet.Metadata.Generation, plane.Now);
        return await plane.Subnets.UpdateStatusAsync(subnet, after, cancellation);
    }

    private async Task TakeAwayAsync(Subnet rival, IpPrefix prefix, CancellationToken cancellation)
    {
        if (SubnetRanges.IsChosen(rival))
        {
            await WriteAsync(rival, null, cancellation);
            return;
        }

        var after = plane.Subnets.Copy(rival);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.Allocated, ConditionStatus.False, Reasons.RangeUnavailable,
            $"The wanted range {SubnetRanges.Held(rival)} overlaps {prefix}, which is in use.", rival.Metadata.Generation, plane.Now);
        await plane.Subnets.UpdateStatusAsync(rival, after, cancellation);
    }

    /// <summary>What is allocated stays. Before that who asked for a range goes before whose range was chosen, then the older one.</summary>
    private static bool Outranks(Subnet a, Subnet b) => Rank(a).CompareTo(Rank(b)) < 0;

    private static (bool, bool, DateTimeOffset, string) Rank(Subnet subnet) =>
        (SubnetRanges.Allocated(subnet) is null, SubnetRanges.IsChosen(subnet), subnet.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue, subnet.Metadata.Uid ?? "");

    private List<Subnet> RivalsOf(Subnet subnet, IpPrefix prefix, IReadOnlyList<Subnet> known)
    {
        var network = NetworkOf(subnet);
        return [.. known.Where(s => s.Key != subnet.Key && Taken(s, subnet, network) is { } taken && taken.Prefix.Overlaps(prefix)
            && (taken.Exclusive || taken.Network is null || taken.Network == network?.Metadata.Uid))];
    }

    private PrefixAnswer Choose(Subnet subnet, IReadOnlyList<Subnet> known)
    {
        var family = SubnetRanges.Family(subnet.Spec.IpFamily);
        if (family == IpFamily.Unknown)
            return new() { Reason = Reasons.ConfigurationError, Message = $"spec.ipFamily is '{subnet.Spec.IpFamily}'; IPv4 and IPv6 are possible." };
        if (SubnetClasses.DefaultLength(subnet.Spec.SubnetClass, family) is not { } length)
            return new() { Reason = Reasons.Unsupported, Message = $"spec.subnetClass is '{subnet.Spec.SubnetClass}'; known are {string.Join(", ", SubnetClasses.Known)}." };
        var contextKey = new ObjectKey(subnet.Metadata.Namespace, subnet.Spec.NetworkContext.Name);
        if (plane.NetworkContexts.Find(contextKey) is not { } context)
            return new() { Reason = Reasons.NetworkContextNotReady, Message = $"There is no NetworkContext {contextKey}." };
        var networkKey = new ObjectKey(contextKey.Namespace, context.Spec.Network.Name);
        if (plane.Networks.Find(networkKey) is not { } network)
            return new() { Reason = Reasons.NetworkNotFound, Message = $"There is no Network {networkKey}." };
        if (IpamWish.Problem(network) is { } problem)
            return new() { Reason = problem.Reason, Message = $"Network {networkKey}: {problem.Message}" };

        var asked = SubnetRanges.Asked(subnet);
        return PrefixAllocator.Allocate(
            new PrefixRequest
            {
                Network = network.Metadata.Uid ?? "",
                Family = family,
                Ranges = RangesOf(network, family),
                StartAddress = asked.StartAddress,
                PrefixLength = asked.PrefixLength,
                DefaultLength = length,
            },
            [.. known.Where(s => s.Key != subnet.Key).Select(s => Taken(s, subnet, network)).OfType<TakenPrefix>()]);
    }

    /// <summary>What another Subnet holds, as it is to a Subnet of a Network.</summary>
    private TakenPrefix? Taken(Subnet other, Subnet subnet, Network? network)
    {
        if (SubnetRanges.Held(other) is not { } prefix)
            return null;
        var its = NetworkOf(other);
        var byDefault = (network is not null && RangesOf(network, prefix.Family).Count == 0) || (its is not null && RangesOf(its, prefix.Family).Count == 0);
        return new TakenPrefix(its?.Metadata.Uid ?? ContextOf(other)?.Metadata.ControllerOwner?.Uid, prefix, byDefault || AtOnePlace(other, subnet));
    }

    private NetworkContext? ContextOf(Subnet subnet) => plane.NetworkContexts.Find(new(subnet.Metadata.Namespace, subnet.Spec.NetworkContext.Name));

    private Network? NetworkOf(Subnet subnet) =>
        ContextOf(subnet) is { } context ? plane.Networks.Find(new(context.Metadata.Namespace, context.Spec.Network.Name)) : null;

    private static IReadOnlyList<string> RangesOf(Network network, IpFamily family) =>
        family == IpFamily.IPv4 ? network.Spec.Ipam.AllIPv4Ranges : network.Spec.Ipam.AllIPv6Ranges;

    /// <summary>Locations with one and the same provider block are one place, whatever their names and however the block is written.</summary>
    private bool AtOnePlace(Subnet a, Subnet b) => a.Spec.Location.Key == b.Spec.Location.Key
        || (BlockOf(a) is { } one && BlockOf(b) is { } two && one.Driver == two.Driver && JsonElement.DeepEquals(one.Block, two.Block));

    private LocationBlock? BlockOf(Subnet subnet)
    {
        var key = subnet.Spec.Location.Key;
        var location = Find(key) ?? (key.Namespace is null ? Find(new(subnet.Metadata.Namespace, key.Name)) : Find(new(null, key.Name)));
        return location is not null && LocationBlock.TryRead(location, out var block, out _) ? block : null;
    }

    private Location? Find(ObjectKey key) => plane.Caches.Locations.Find(key) ?? plane.Caches.ComputeLocations?.Find(key);
}
