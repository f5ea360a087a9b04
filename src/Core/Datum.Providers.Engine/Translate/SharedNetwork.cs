using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Translate;

/// <summary>
/// A Network's object that several Locations share: whichever of them is looked at, it comes to the same wish. What belongs to one of them alone
/// (the location block beyond the sharing scope) stays as it was when the object was made.
/// </summary>
internal sealed class SharedNetwork(LocationResolver resolver, EntryWriter writer, NetworkPlaces places)
{
    /// <summary>The location block of the wish.</summary>
    public static string BlockOf(ResolvedLocation place, NetworkSpec? made) => made?.LocationJson ?? place.Block.Block.GetRawText();

    /// <summary>The spec that the entry of a shared network has; null before there is one, and where each context has its own.</summary>
    public NetworkSpec? Made(ResourceOwner owner, string slot, bool byContext) =>
        !byContext && writer.Find(ResourceKind.Network, owner.Uid, slot)?.Spec.Desired is { } desired ? ContractJson.Read<NetworkSpec>(desired) : null;

    /// <summary>
    /// The ranges that hold every Subnet of the object: what the Network declares, and what is allocated outside of it at any of the Locations.
    /// They only grow while the object exists: a range that something still uses can't be taken back, and one that holds it can't be put in its place.
    /// </summary>
    public ImmutableArray<string> RangesOf(Network network, NetworkContext context, ImmutableArray<string> allocated, string slot, NetworkSpec? made)
    {
        var wanted = network.Spec.Ipam.AllIPv4Ranges.Concat(network.Spec.Ipam.AllIPv6Ranges).Concat(allocated);
        foreach (var other in places.ContextsOf(network).Where(c => c.Metadata.Uid != context.Metadata.Uid && !c.IsDeleting).OrderBy(c => c.Metadata.Name, StringComparer.Ordinal))
            if (resolver.Resolve(other.Spec.Location, other.Metadata.Namespace).Resolved is { } place && places.KeyOf(place, network, other).Slot == slot
                && places.RangesOf(network, other) is { } ranges)
                wanted = wanted.Concat(ranges);
        if (made is null)
            return Widest(wanted);
        return Sorted(made.Ranges.Concat(Widest(wanted.Where(w => !made.Ranges.Any(m => Holds([m], w) || Holds([w], m))))));
    }

    /// <summary>
    /// The ranges that the object at the platform has for good; null while it can get others: before it is begun, and where the driver can change them in
    /// place (<see cref="KindDescriptor.UpdatablePaths"/>). A wish for others would be a wish for another network, with everything that is in it.
    /// </summary>
    public static ImmutableArray<string>? FixedOf(ResolvedLocation place, ManagedResource? entry) =>
        place.Driver.RangeOrder is RangeOrder.RangeFirst && entry is { Spec: { Desired: { } desired, Record: { } record } }
            && (record.AccountId is not null || record.Intent is not null || record.Parts is { Count: > 0 }) && !Widens(place)
            ? ContractJson.Read<NetworkSpec>(desired).Ranges : null;

    /// <summary>Whether the driver can give a network more ranges while it is used.</summary>
    public static bool Widens(ResolvedLocation place) => place.Driver.Kinds.Any(k => k.Kind is ResourceKind.Network && k.UpdatablePaths.Contains("ranges"));

    /// <summary>Whether a prefix is within one of some ranges.</summary>
    public static bool Holds(ImmutableArray<string> ranges, string prefix) => IPNetwork.TryParse(prefix, out var inner)
        && ranges.Any(r => IPNetwork.TryParse(r, out var outer) && outer.BaseAddress.AddressFamily == inner.BaseAddress.AddressFamily && outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress));

    /// <summary>
    /// A Subnet of the same object that is about to get its range, at any of the Locations: where ranges can't be added later the network is made with it.
    /// One that was refused its range isn't waited for.
    /// </summary>
    public Subnet? ComingOf(Network network, string slot) => places.ContextsOf(network)
        .Where(c => !c.IsDeleting && resolver.Resolve(c.Spec.Location, c.Metadata.Namespace).Resolved is { } place && places.KeyOf(place, network, c).Slot == slot)
        .SelectMany(places.SubnetsOf)
        .FirstOrDefault(s => !s.IsDeleting && NetworkPlaces.PrefixOf(s) is null && Conditions.Find(s.Status?.Conditions, ConditionTypes.Allocated) is null or { Status: ConditionStatus.Unknown });

    /// <summary>What can't be read of the ranges that a Network declares.</summary>
    public static IEnumerable<Finding> Unreadable(Network network) =>
        new[] { ("ipv4Range", network.Spec.Ipam.AllIPv4Ranges, AddressFamily.InterNetwork), ("ipv6Range", network.Spec.Ipam.AllIPv6Ranges, AddressFamily.InterNetworkV6) }
            .SelectMany(f => f.Item2.Where(r => !IPNetwork.TryParse(r, out var parsed) || parsed.BaseAddress.AddressFamily != f.Item3)
                .Select(r => new Finding { Path = $"spec.ipam.{f.Item1}", Message = $"'{r}' is no prefix of that family such as {(f.Item3 is AddressFamily.InterNetwork ? "10.0.0.0/16" : "fd20:1:2::/48")}." }));

    /// <summary>The prefixes that no other one contains, in order of family and address.</summary>
    private static ImmutableArray<string> Widest(IEnumerable<string> prefixes)
    {
        var parsed = Parsed(prefixes);
        return Sorted(parsed.Where(p => !parsed.Exists(o => o.PrefixLength < p.PrefixLength && o.BaseAddress.AddressFamily == p.BaseAddress.AddressFamily && o.Contains(p.BaseAddress))).Select(p => p.ToString()));
    }

    private static ImmutableArray<string> Sorted(IEnumerable<string> prefixes) =>
    [
        .. Parsed(prefixes).OrderBy(p => p.BaseAddress.AddressFamily).ThenBy(p => new BigInteger(p.BaseAddress.GetAddressBytes(), isUnsigned: true, isBigEndian: true))
            .Select(p => p.ToString()),
    ];

    private static List<IPNetwork> Parsed(IEnumerable<string> prefixes) =>
        [.. prefixes.Select(p => IPNetwork.TryParse(p, out var parsed) ? parsed : (IPNetwork?)null).OfType<IPNetwork>().Distinct()];
}
