using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Which entry stands for a Network at a Location, and which prefixes belong to it.</summary>
internal sealed class NetworkPlaces(ProjectPlane plane, EntryWriter writer)
{
    public const string SubnetsByContext = "context";
    public const string ContextsByNetwork = "network";

    /// <summary>Adds the indexes; once, before the caches are filled.</summary>
    public static void Prepare(ProjectPlane plane)
    {
        plane.Subnets.AddIndex(SubnetsByContext, static s => [$"{s.Metadata.Namespace}/{s.Spec.NetworkContext.Name}"]);
        plane.NetworkContexts.AddIndex(ContextsByNetwork, static c => [$"{c.Metadata.Namespace}/{c.Spec.Network.Name}"]);
    }

    public Network? NetworkOf(NetworkContext context) => plane.Networks.Find(new ObjectKey(context.Metadata.Namespace, context.Spec.Network.Name));

    public IReadOnlyList<NetworkContext> ContextsOf(Network network) => plane.NetworkContexts.ByIndex(ContextsByNetwork, network.Key.ToString());

    /// <summary>The oldest first: a Subnet that comes later changes nothing of what the others are used for.</summary>
    public IReadOnlyList<Subnet> SubnetsOf(NetworkContext context) =>
        [.. plane.Subnets.ByIndex(SubnetsByContext, context.Key.ToString()).OrderBy(s => s.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal)];

    /// <summary>The context of a Network at a Location.</summary>
    public NetworkContext? ContextOf(Network network, LocationReference location) =>
        ContextsOf(network).FirstOrDefault(c => c.Spec.Location.Name == location.Name
            && (string.IsNullOrEmpty(c.Spec.Location.Namespace) || string.IsNullOrEmpty(location.Namespace) || c.Spec.Location.Namespace == location.Namespace));

    /// <summary>
    /// Owner and slot of the entry. Where the network holds its ranges itself, each context has one object for network and
    /// subnet; elsewhere all Locations of one sharing scope share the Network's object.
    /// </summary>
    public (ResourceOwner Owner, string Slot, bool OwnedByContext) KeyOf(ResolvedLocation place, Network network, NetworkContext context)
    {
        if (place.Driver.Capabilities.Subnets is SubnetSupport.InNetwork)
            return (writer.OwnerOf(ResourceTypes.NetworkContexts, context), "network", true);
        var scope = string.Join(',', EntryWriter.ScopeOf(place, ResourceKind.Network).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}"));
        return (writer.OwnerOf(ResourceTypes.Networks, network), $"{place.Driver.Id}/{place.Config.Metadata.Name}/{scope}", false);
    }

    /// <summary>The prefix of an allocated Subnet, or null while it has none (upstream's table gives some cities an empty one).</summary>
    public static string? PrefixOf(Subnet subnet) => subnet.IsDeleting ? null : AllocatedOf(subnet);

    /// <summary>As <see cref="PrefixOf"/>, also of a Subnet that is to go: it goes when nothing uses it any more.</summary>
    private static string? AllocatedOf(Subnet subnet)
    {
        if (!Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated))
            return null;
        var start = string.IsNullOrEmpty(subnet.Status?.StartAddress) ? subnet.Spec.StartAddress : subnet.Status.StartAddress;
        var length = subnet.Status?.PrefixLength is > 0 and var l ? l : subnet.Spec.PrefixLength;
        return string.IsNullOrEmpty(start) || length == 0 ? null : $"{start}/{length}";
    }

    /// <summary>Families that the Network is to carry; IPv4 where it says nothing (era 2's default).</summary>
    public static ImmutableArray<string> FamiliesOf(Network network) => network.Spec.IpFamilies is { Count: > 0 } f ? [.. f] : ["IPv4"];

    /// <summary>The prefixes of a context in the order of the Network's families; null while a family has none yet.</summary>
    public ImmutableArray<string>? RangesOf(Network network, NetworkContext context)
    {
        var subnets = SubnetsOf(context);
        var ranges = ImmutableArray.CreateBuilder<string>();
        foreach (var family in FamiliesOf(network))
        {
            var prefixes = subnets.Where(s => s.Spec.IpFamily == family).Select(PrefixOf).OfType<string>().ToList();
            if (prefixes.Count == 0)
                return null;
            ranges.AddRange(prefixes);
        }
        return ranges.ToImmutable();
    }

    /// <summary>
    /// The Subnet of each of the Network's families that an interface has its address from: the one that it was made with while that is there, else the
    /// oldest. A Subnet that is added to a context, or one that shall go, moves no instance. Null while a family has none.
    /// </summary>
    /// <param name="isMade">Whether the interface was made with a Subnet of that prefix.</param>
    /// <param name="isHeld">Whether the network at the platform has a prefix.</param>
    public ImmutableArray<(Subnet Subnet, string Prefix)>? InterfaceOf(Network network, NetworkContext context, Func<Subnet, string, bool> isMade, Func<string, bool> isHeld)
    {
        var allocated = SubnetsOf(context).Select(s => (Subnet: s, Prefix: AllocatedOf(s))).Where(s => s.Prefix is not null).Select(s => (s.Subnet, Prefix: s.Prefix!)).ToList();
        var found = ImmutableArray.CreateBuilder<(Subnet, string)>();
        foreach (var family in FamiliesOf(network))
        {
            var candidates = allocated.Where(s => s.Subnet.Spec.IpFamily == family).ToList();
            var made = candidates.FindIndex(s => isMade(s.Subnet, s.Prefix));
            var one = made >= 0 ? made : candidates.FindIndex(s => !s.Subnet.IsDeleting && isHeld(s.Prefix));
            if (one < 0)
                return null;
            found.Add(candidates[one]);
        }
        return found.ToImmutable();
    }
}
