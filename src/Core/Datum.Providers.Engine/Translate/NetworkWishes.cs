using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Engine.Translate;

/// <summary>What a NetworkContext comes to.</summary>
/// <param name="Place">Null when its Location isn't served.</param>
/// <param name="Reason">Why nothing is wished; null when something is, or when the range is waited for.</param>
/// <param name="Network">The wish for the network's own entry; null while its range isn't allocated.</param>
/// <param name="Name">The entry's name, also without a wish.</param>
/// <param name="ByContext">Whether the context owns the entry; the Network otherwise.</param>
internal sealed record ContextWish(ResolvedLocation? Place, string? Reason, string Message, EntryWish? Network, string Name, bool ByContext, bool RangeFirst)
{
    /// <summary>What the network at the platform has for good; null where it can get more.</summary>
    public ImmutableArray<string>? Fixed { get; init; }

    /// <summary>True: none of the context's ranges of a family is in <see cref="Fixed"/>, so nothing can be made here.</summary>
    public bool Outside { get; init; }

    /// <summary>Why a prefix can't be had here; null when it can.</summary>
    public string? Refusal(string prefix) => Fixed is { } has && !SharedNetwork.Holds(has, prefix)
        ? $"{prefix} isn't in the network that the platform has for it ({string.Join(", ", has)}), and this platform can't add ranges to a network (capability updatablePaths ranges). "
            + $"What is there stays (ManagedResource {Name}). Use a Network of its own at this Location, or one whose spec.ipam names a range for all of its Locations before its first use."
        : null;
}

/// <summary>From Networks, contexts and Subnets to entries: reads caches, writes nothing.</summary>
internal sealed class NetworkWishes(LocationResolver resolver, EntryWriter writer, NetworkPlaces places)
{
    public const string SubnetSlot = "subnet";

    private readonly SharedNetwork _shared = new(resolver, writer, places);

    public ContextWish Of(Network network, NetworkContext context)
    {
        var answer = resolver.Resolve(context.Spec.Location, context.Metadata.Namespace);
        if (answer.Resolved is not { } place)
            return new ContextWish(null, answer.Reason, answer.Message, null, "", false, false);
        var families = NetworkPlaces.FamiliesOf(network);
        if (Unsupported(place.Driver.Capabilities.IpFamilies, families) is { } why)
            return new ContextWish(place, Reasons.Unsupported, $"spec.ipFamilies: {why}", null, "", false, false);

        var (owner, slot, byContext) = places.KeyOf(place, network, context);
        var name = writer.NameOf(ResourceKind.Network, owner.Uid, slot);
        var read = Read(network, place);
        var findings = read.Findings;
        if (read.Policies.AdoptId is not null && places.ContextsOf(network) is { Count: > 1 } contexts && byContext)
            findings = findings.Add(new Finding { Path = $"metadata.annotations[{Annotations.AdoptId}]", Message = $"names one object, and the Network has one at each of its {contexts.Count} Locations. Remove the annotation, or give each Location a Network of its own." });
        // What was made with good ranges stays; that new ones can't be read is told by the allocator.
        var made = _shared.Made(owner, slot, byContext);
        if (made is null)
            findings = findings.AddRange(SharedNetwork.Unreadable(network));
        if (!findings.IsEmpty)
            return new ContextWish(place, Reasons.ConfigurationError, string.Join(" ", findings.Select(f => $"{f.Path}: {f.Message}")), null, name, byContext, false);

        var rangeFirst = place.Driver.RangeOrder is RangeOrder.RangeFirst;
        var ranges = places.RangesOf(network, context);
        var has = SharedNetwork.FixedOf(place, writer.Find(ResourceKind.Network, owner.Uid, slot));
        if (rangeFirst && !byContext && made is null && ranges is not null && !SharedNetwork.Widens(place) && _shared.ComingOf(network, slot) is { } coming)
            return new ContextWish(place, null, $"Waits for the range of Subnet {coming.Metadata.Name}: this platform can't add it to the network later.", null, name, byContext, rangeFirst);
        var wanted = !rangeFirst || ranges is null ? [] : byContext ? ranges.Value : _shared.RangesOf(network, context, ranges.Value, slot, made);
        var left = has is { } its ? network.Spec.Ipam.AllIPv4Ranges.Concat(network.Spec.Ipam.AllIPv6Ranges).Concat(wanted).Where(r => !SharedNetwork.Holds(its, r)).Distinct(StringComparer.Ordinal).ToList() : [];
        var wish = rangeFirst && ranges is null ? null : new EntryWish
        {
            Kind = ResourceKind.Network, Owner = owner, Slot = slot, Place = place, From = [network, context],
            Desired = CanonicalJson.Of(ContractJson.Write(new global::Datum.Providers.NetworkSpec
            {
                Ranges = has ?? wanted,
                IpFamilies = families,
                Mtu = network.Spec.Mtu,
                LocationJson = SharedNetwork.BlockOf(place, made),
            })),
            Policies = read.Policies,
        };
        return new ContextWish(place, null, left.Count == 0 ? "" : $"{string.Join(", ", left)} can't be added: this platform can't add ranges to a network that exists (capability updatablePaths ranges).", wish, name, byContext, rangeFirst)
        {
            Fixed = has,
            Outside = has is { } fixedRanges && ranges is { } own && families.Any(f => !own.Any(r => r.Contains(':', StringComparison.Ordinal) == (f == "IPv6") && SharedNetwork.Holds(fixedRanges, r))),
        };
    }

    /// <summary>The wish of an allocated Subnet where subnets are objects of their own.</summary>
    public EntryWish OfSubnet(Network network, ResolvedLocation place, Subnet subnet, string prefix, string networkEntry) => new()
    {
        Kind = ResourceKind.Subnet, Owner = writer.OwnerOf(ResourceTypes.Subnets, subnet), Slot = SubnetSlot, Place = place, From = [network, subnet],
        Desired = CanonicalJson.Of(ContractJson.Write(new global::Datum.Providers.SubnetSpec
        {
            Network = new Reference { Name = networkEntry }, Range = prefix, LocationJson = place.Block.Block.GetRawText(),
        })),
        DependsOn = [(networkEntry, "network")],
        Policies = Policy.WithoutAdoption(Read(network, place).Policies),
    };

    private static ReadPolicies Read(Network network, ResolvedLocation place) =>
        PolicyReader.Read(network.Metadata, place.Config, ResourceKind.Network, place.Driver.Kinds.Any(k => k is { Kind: ResourceKind.Network, Adoptable: true }));

    internal static string? Unsupported(IpFamilySupport support, ImmutableArray<string> families)
    {
        var v4 = families.Contains("IPv4");
        var v6 = families.Contains("IPv6");
        return support switch
        {
            IpFamilySupport.IPv4Only when v6 => "The platform of this Location has IPv4 only.",
            IpFamilySupport.IPv4OrDual when !v4 => "The platform of this Location has no networks with IPv6 alone; add IPv4.",
            IpFamilySupport.IPv6Only when v4 => "The platform of this Location has IPv6 only.",
            _ => null,
        };
    }
}
