using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
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
    private readonly LedgerStore _ledger;
    private readonly EntryWriter _writer;
    private readonly NetworkWishes _wishes;
    private readonly NetworkPlaces _places;
    private readonly OwnerLifecycle<Network> _networks;
    private readonly OwnerLifecycle<NetworkContext> _contexts;
    private readonly OwnerLifecycle<Subnet> _subnets;

    internal NetworkController(
        HomePlane home, ProjectPlane plane, LocationResolver resolver, EntryWriter writer, LedgerStore ledger, NetworkPlaces places, IScheduler scheduler, ILogger<NetworkController> logger)
        : base("networks", 2, scheduler, logger)
    {
        _plane = plane;
        _ledger = ledger;
        _writer = writer;
        _wishes = new NetworkWishes(resolver, writer, places);
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
                if (subnet.IsDeleting && !await _subnets.ReleaseAsync(subnet, cancellation).ConfigureAwait(false))
                    await BlockedAsync(_subnets, ResourceTypes.Subnets, _plane.Subnets, subnet, s => (s.Status ??= new()).Conditions ??= [], cancellation).ConfigureAwait(false);
            return Result.Settled;
        }
        var network = _plane.Networks.Find(key);
        foreach (var context in _plane.NetworkContexts.ByIndex(NetworkPlaces.ContextsByNetwork, key.ToString()))
        {
            if (context.IsDeleting)
            {
                if (!await _contexts.ReleaseAsync(context, cancellation).ConfigureAwait(false))
                    await BlockedAsync(_contexts, ResourceTypes.NetworkContexts, _plane.NetworkContexts, context, c => (c.Status ??= new()).Conditions ??= [], cancellation).ConfigureAwait(false);
            }
            else if (network is { IsDeleting: false })
                await ContextAsync(network, context, cancellation).ConfigureAwait(false);
        }
        if (network is { IsDeleting: true } && !await _networks.ReleaseAsync(network, cancellation).ConfigureAwait(false))
            await BlockedAsync(_networks, ResourceTypes.Networks, _plane.Networks, network, n => (n.Status ??= new()).Conditions ??= [], cancellation).ConfigureAwait(false);
        return Result.Settled;
    }

    private async Task ContextAsync(Network network, NetworkContext context, CancellationToken cancellation)
    {
        var wish = _wishes.Of(network, context);
        if (wish.Place is not { } place)
        {
            // What the platform has isn't undone by a Location that nobody serves any more; instances on it keep their network.
            await (Conditions.Find(context.Status?.Conditions, ConditionTypes.Programmed) is { Status: ConditionStatus.True } programmed
                ? ProgrammedAsync(context, ConditionStatus.True, programmed.Reason, $"It stays as it was made, but nothing can be changed: {wish.Reason}: {wish.Message}", cancellation)
                : ProgrammedAsync(context, ConditionStatus.False, wish.Reason!, wish.Message, cancellation)).ConfigureAwait(false);
            return;
        }
        if (wish.Reason is { } refused)
        {
            await ProgrammedAsync(context, ConditionStatus.False, refused, wish.Message, cancellation).ConfigureAwait(false);
            return;
        }
        if (wish.Network is null && _ledger.Find(wish.Name) is null)
        {
            // Accepted: now the Subnets can be allocated, and with the first of them the network is made.
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.AwaitingRange,
                wish.Message.Length > 0 ? wish.Message : "The platform makes the network once its address range is allocated.", cancellation).ConfigureAwait(false);
            return;
        }

        if (wish.ByContext)
            context = await _contexts.HoldAsync(context, cancellation).ConfigureAwait(false);
        else
            network = await _networks.HoldAsync(network, cancellation).ConfigureAwait(false);
        var entry = wish.Network is { } wanted ? await _writer.EnsureAsync(wanted, cancellation).ConfigureAwait(false) : _ledger.Find(wish.Name)!;

        var ready = Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Ready);
        var (reason, message) = Sentences.About(entry);
        if (wish.Outside)
            await ProgrammedAsync(context, ConditionStatus.False, Reasons.Unsupported, wish.Refusal(_places.RangesOf(network, context)!.Value.First(r => wish.Refusal(r) is not null))!, cancellation).ConfigureAwait(false);
        else if (ready)
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.Programmed, $"ManagedResource {entry.Metadata.Name}{(wish.Message.Length > 0 ? $". {wish.Message}" : "")}", cancellation).ConfigureAwait(false);
        else if (wish.RangeFirst && entry.Status?.State is null or "Absent" or nameof(Lifecycle.Creating))
            await ProgrammedAsync(context, ConditionStatus.True, Reasons.AwaitingRange, message, cancellation).ConfigureAwait(false);
        else
            await ProgrammedAsync(context, ConditionStatus.False, reason, message, cancellation).ConfigureAwait(false);

        foreach (var subnet in _places.SubnetsOf(context).Where(s => !s.IsDeleting))
            await (NetworkPlaces.PrefixOf(subnet) is { } prefix && wish.Refusal(prefix) is { } refusal
                ? ProgrammedAsync(subnet, ConditionStatus.False, Reasons.Unsupported, refusal, cancellation)
                : SubnetAsync(network, place, subnet, entry, ready, cancellation)).ConfigureAwait(false);
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
        var entry = await _writer.EnsureAsync(_wishes.OfSubnet(network, place, subnet, prefix, networkEntry.Metadata.Name!), cancellation).ConfigureAwait(false);
        var (r, m) = Sentences.About(entry);
        await (Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Ready)
            ? ProgrammedAsync(subnet, ConditionStatus.True, Reasons.Programmed, $"ManagedResource {entry.Metadata.Name}", cancellation)
            : ProgrammedAsync(subnet, ConditionStatus.False, r, m, cancellation)).ConfigureAwait(false);
    }

    /// <summary>Names what holds an object that goes (L7). While the core still holds it, the core says what it waits for.</summary>
    private async Task BlockedAsync<T>(
        OwnerLifecycle<T> lifecycle, ResourceType<T> type, IObjectCache<T> cache, T owner, Func<T, List<Condition>> conditions, CancellationToken cancellation) where T : KubeObject
    {
        if (cache.Find(owner.Key) is { IsDeleting: true, Metadata.Finalizers: [Finalizers.Platform] } still && lifecycle.Blockers(still) is { Length: > 0 } blockers)
            await DatumStatus.WriteAsync(_plane, type, cache, still, o =>
                Conditions.Set(conditions(o), ConditionTypes.DeletionBlocked, ConditionStatus.True, Reasons.DependentsExist, blockers, still.Metadata.Generation, Now), cancellation).ConfigureAwait(false);
    }

    private Task ProgrammedAsync(NetworkContext context, string status, string reason, string message, CancellationToken cancellation) =>
        DatumStatus.WriteAsync(_plane, ResourceTypes.NetworkContexts, _plane.NetworkContexts, context, c =>
            Conditions.Set((c.Status ??= new()).Conditions ??= [], ConditionTypes.Programmed, status, reason, message, context.Metadata.Generation, Now), cancellation);

    private Task ProgrammedAsync(Subnet subnet, string status, string reason, string message, CancellationToken cancellation) =>
        DatumStatus.WriteAsync(_plane, ResourceTypes.Subnets, _plane.Subnets, subnet, s =>
            Conditions.Set((s.Status ??= new()).Conditions ??= [], ConditionTypes.Programmed, status, reason, message, subnet.Metadata.Generation, Now), cancellation);
}
