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

    public IReadOnlyList<Subnet> SubnetsOf(NetworkContext context) => plane.Subnets.ByIndex(SubnetsByContext, context.Key.ToString());

    /// <summary>The context of a Network at a Location.</summary>
    public NetworkContext? ContextOf(Network network, LocationReference location) =>
        ContextsOf(network).FirstOrDefault(c => c.Spec.Location.Name == location.Name
            && (c.Spec.Location.Namespace is null || location.Namespace is null || c.Spec.Location.Namespace == location.Namespace));

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
    public static string? PrefixOf(Subnet subnet)
    {
        if (subnet.IsDeleting || !Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated))
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
}
