using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>
/// Networks, NetworkContexts and Subnets to entries and back. One controller for the three, keyed by Network: they share one
/// platform object on most platforms, so they are decided on together.
/// </summary>
public sealed class NetworkController : ProvisioningController<ObjectKey>
{
    private readonly ProjectPlane _plane;
    private readonly LocationResolver _resolver;
    private readonly EntryWriter _writer;
    private readonly NetworkPlaces _places;
    private readonly OwnerLifecycle<Network> _networks;
    private readonly OwnerLifecycle<NetworkContext> _contexts;
    private readonly OwnerLifecycle<Subnet> _subnets;

    internal NetworkController(
        HomePlane home, ProjectPlane plane, LocationResolver resolver, EntryWriter writer, LedgerStore ledger, NetworkPlaces places, IScheduler scheduler, ILogger<NetworkController> logger)
        : base("networks", 2, scheduler, logger)
    {
        _plane = plane;
        _resolver = resolver;
        _writer = writer;
        _places = places;
        _networks = new(home, plane, ledger, ResourceTypes.Networks, plane.Networks);
        _contexts = new(home, plane, ledger, ResourceTypes.NetworkContexts, plane.NetworkContexts);
        _subnets = new(home, plane, ledger, ResourceTypes.Subnets, plane.Subnets);
        On(plane.Networks, c => Queue.Add(c.Key));
        On(plane.NetworkContexts, c => Queue.Add(new ObjectKey(c.Key.Namespace, (c.After ?? c.Before)!.Spec.Network.Name)));
        On(plane.Subnets, OnSubnet);
        On(plane.Locations, _ => All());
        On(plane.ComputeLocations, _ => All());
        On(home.Configs, _ => All());
        On(home.Entries, OnEntry);
    }

    private void All()
    {
        foreach (var network in _plane.Networks.All())
            Queue.Add(network.Key, WorkPriority.Resync);
    }

    private void OnSubnet(ObjectChange<Subnet> change) => Queue.Add(KeyOf((change.After ?? change.Before)!));

    private void OnEntry(ObjectChange<ManagedResource> change)
    {
        var owner = (change.After ?? change.Before)!.Spec.Owner;
        if (owner.Plane != _plane.Id)
            return;
        ObjectKey? key = owner.Kind switch
        {
            "Network" => new ObjectKey(owner.Namespace, owner.Name),
            "NetworkContext" when _plane.NetworkContexts.Find(new ObjectKey(owner.Namespace, owner.Name)) is { } context => new ObjectKey(owner.Namespace, context.Spec.Network.Name),
            "Subnet" when _plane.Subnets.Find(new ObjectKey(owner.Namespace, owner.Name)) is { } subnet => KeyOf(subnet),
            _ => null,
        };
        if (key is { } known)
            Queue.Add(known);
    }

    // A Subnet that goes may have lost its context, and with it the way to its Network: it is worked on by its context's name. '/' can't be part of a name.
    private const string GoingSubnets = "/subnets";

    private ObjectKey KeyOf(Subnet subnet)
    {
        var context = subnet.Spec.NetworkContext.Name;
        return new ObjectKey(subnet.Metadata.Namespace, !subnet.IsDeleting && _plane.NetworkContexts.Find(new ObjectKey(subnet.Metadata.Namespace, context)) is { } found
            ? found.Spec.Network.Name
            : context + GoingSubnets);
    }

    private protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (key.Name.EndsWith(GoingSubnets, StringComparison.Ordinal))
        {
            foreach (var subnet in _plane.Subnets.ByIndex(NetworkPlaces.SubnetsByContext, $"{key.Namespace}/{key.Name[..^GoingSubnets.Length]}"))
                if (subnet.IsDeleting)
                    await _subnets.ReleaseAsync(subnet, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }
        var network = _plane.Networks.Find(key);
        foreach (var context in _plane.NetworkContexts.ByIndex(NetworkPlaces.ContextsByNetwork, key.ToString()))
        {
            if (context.IsDeleting)
                await _contexts.ReleaseAsync(context, cancellation).ConfigureAwait(false);
            else if (network is { IsDeleting: false })
                await ContextAsync(network, context, cancellation).ConfigureAwait(false);
        }
        if (network is { IsDeleting: true })
            await _networks.ReleaseAsync(network, cancellation).ConfigureAwait(false);
        return Result.Settled;
    }

    private async Task ContextAsync(Network network, NetworkContext context, CancellationToken cancellation)
    {
        var answer = _resolver.Resolve(context.Spec.Location, context.Metadata.Namespace);
        if (answer.Resolved is not { } place)
        {
            // What the platform has isn't undone by a Location that nobody serves any more; instances on it keep their network.
            await (Conditions.Find(context.Status?.Conditions, ConditionTypes.Programmed) is { Status: ConditionStatus.True } programmed
                ? ProgrammedAsync(context, ConditionStatus.True, programmed.Reason, $"It stays as it was made, but nothing can be changed: {answer.Reason}: {answer.Message}", cancellation)
                : ProgrammedAsync(context, ConditionStatus.False, answer.Reason, answer.Message, cancellation)).ConfigureAwait(false);
            return;
        }
        var capabilities = place.Driver.Capabilities;
        var families = NetworkPlaces.FamiliesOf(network);
        if (Unsupported(capabilities.IpFamilies, families) is { } why)
        {
            await ProgrammedAsync(context, ConditionStatus.False, Reasons.Unsupported, $"spec.ipFamilies: {why}", cancellation).ConfigureAwait(false);
            return;
        }

        var (owner, slot, byContext) = _places.KeyOf(place, network, context);
        var rangeFirst = place.Driver.RangeOrder is RangeOrder.RangeFirst;
        var ranges = _places.RangesOf(network, context);
        if (rangeFirst && ranges is null && _writer.Find(ResourceKind.Network, owner.Uid, slot) is null)
        {
            // Accepted: now the Subnets can be allocated, and with the first of them the network is made.
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.AwaitingRange, "The platform makes the network once its address range is allocated.", cancellation).ConfigureAwait(false);
            return;
        }

        if (byContext)
            context = await _contexts.HoldAsync(context, cancellation).ConfigureAwait(false);
        else
            network = await _networks.HoldAsync(network, cancellation).ConfigureAwait(false);
        var entry = !rangeFirst || ranges is not null
            ? await _writer.EnsureAsync(new EntryWish
            {
                Kind = ResourceKind.Network, Owner = owner, Slot = slot, Place = place,
                Desired = CanonicalJson.Of(ContractJson.Write(new global::Datum.Providers.NetworkSpec
                {
                    Ranges = rangeFirst ? WholeRanges(place, network, ranges!.Value) : [],
                    IpFamilies = families,
                    Mtu = network.Spec.Mtu,
                    LocationJson = place.Block.Block.GetRawText(),
                })),
                Policies = EntryWriter.PoliciesOf(network.Metadata, place.Config),
            }, cancellation).ConfigureAwait(false)
            : _writer.Find(ResourceKind.Network, owner.Uid, slot)!;

        var ready = Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Ready);
        var (reason, message) = Sentences.About(entry);
        if (ready)
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.Programmed, $"ManagedResource {entry.Metadata.Name}", cancellation).ConfigureAwait(false);
        else if (rangeFirst && entry.Status?.State is null or "Absent" or nameof(Lifecycle.Creating))
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.AwaitingRange, message, cancellation).ConfigureAwait(false);
        else
            await ProgrammedAsync(context, ConditionStatus.False, reason, message, cancellation).ConfigureAwait(false);

        foreach (var subnet in _places.SubnetsOf(context).Where(s => !s.IsDeleting))
            await SubnetAsync(network, place, subnet, entry, ready, cancellation).ConfigureAwait(false);
    }

    /// <summary>On platforms with subnets of their own the network needs one range that holds them all: what the Network declares, or else the allocated prefixes.</summary>
    private static ImmutableArray<string> WholeRanges(ResolvedLocation place, Network network, ImmutableArray<string> allocated)
    {
        if (place.Driver.Capabilities.Subnets is SubnetSupport.InNetwork)
            return allocated;
        var declared = network.Spec.Ipam.AllIPv4Ranges.Concat(network.Spec.Ipam.AllIPv6Ranges).ToImmutableArray();
        return declared.IsEmpty ? allocated : declared;
    }

    private async Task SubnetAsync(Network network, ResolvedLocation place, Subnet subnet, ManagedResource networkEntry, bool networkReady, CancellationToken cancellation)
    {
        if (NetworkPlaces.PrefixOf(subnet) is not { } prefix)
        {
            if (Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated))
                await ProgrammedAsync(subnet, ConditionStatus.False, Reasons.RangeUnavailable, "The Subnet is allocated without a start address; the platform isn't called.", cancellation).ConfigureAwait(false);
            return;
        }
        if (place.Driver.Capabilities.Subnets is not SubnetSupport.Separate)
        {
            var (reason, message) = Sentences.About(networkEntry);
            await (networkReady
                ? ProgrammedAsync(subnet, ConditionStatus.True, Reasons.Programmed, "The network holds the range.", cancellation)
                : ProgrammedAsync(subnet, ConditionStatus.False, reason, message, cancellation)).ConfigureAwait(false);
            return;
        }
        subnet = await _subnets.HoldAsync(subnet, cancellation).ConfigureAwait(false);
        var entry = await _writer.EnsureAsync(new EntryWish
        {
            Kind = ResourceKind.Subnet, Owner = _writer.OwnerOf(ResourceTypes.Subnets, subnet), Slot = SubnetSlot, Place = place,
            Desired = CanonicalJson.Of(ContractJson.Write(new global::Datum.Providers.SubnetSpec
            {
                Network = new Reference { Name = networkEntry.Metadata.Name! }, Range = prefix, LocationJson = place.Block.Block.GetRawText(),
            })),
            DependsOn = [(networkEntry.Metadata.Name!, "network")],
            Policies = EntryWriter.PoliciesOf(network.Metadata, place.Config),
        }, cancellation).ConfigureAwait(false);
        var (r, m) = Sentences.About(entry);
        await (Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Ready)
            ? ProgrammedAsync(subnet, ConditionStatus.True, Reasons.Programmed, $"ManagedResource {entry.Metadata.Name}", cancellation)
            : ProgrammedAsync(subnet, ConditionStatus.False, r, m, cancellation)).ConfigureAwait(false);
    }

    internal const string SubnetSlot = "subnet";

    private static string? Unsupported(IpFamilySupport support, ImmutableArray<string> families)
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

    private Task ProgrammedAsync(NetworkContext context, string status, string reason, string message, CancellationToken cancellation) =>
        DatumStatus.WriteAsync(_plane, ResourceTypes.NetworkContexts, _plane.NetworkContexts, context, c =>
            Conditions.Set((c.Status ??= new()).Conditions ??= [], ConditionTypes.Programmed, status, reason, message, context.Metadata.Generation, Now), cancellation);

    private Task ProgrammedAsync(Subnet subnet, string status, string reason, string message, CancellationToken cancellation) =>
        DatumStatus.WriteAsync(_plane, ResourceTypes.Subnets, _plane.Subnets, subnet, s =>
            Conditions.Set((s.Status ??= new()).Conditions ??= [], ConditionTypes.Programmed, status, reason, message, subnet.Metadata.Generation, Now), cancellation);
}
