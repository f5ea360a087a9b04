using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Instances to entries, and their entries' state back into Programmed, Running, addresses and provider id.</summary>
public sealed class InstanceController : ProvisioningController<ObjectKey>
{
    private const string InstanceSlot = "instance";

    private readonly ProjectPlane _plane;
    private readonly LocationResolver _resolver;
    private readonly EntryWriter _writer;
    private readonly NetworkPlaces _places;
    private readonly Troubles _troubles;
    private readonly OwnerLifecycle<Instance> _lifecycle;

    internal InstanceController(
        HomePlane home, ProjectPlane plane, LocationResolver resolver, EntryWriter writer, LedgerStore ledger, NetworkPlaces places, Troubles troubles, IScheduler scheduler, ILogger<InstanceController> logger)
        : base("instances", 4, scheduler, logger)
    {
        _plane = plane;
        _resolver = resolver;
        _writer = writer;
        _places = places;
        _troubles = troubles;
        _lifecycle = new(home, plane, ledger, ResourceTypes.Instances, plane.Instances);
        On(plane.Instances, c => Queue.Add(c.Key));
        On(plane.Networks, _ => Unprogrammed());
        On(plane.NetworkContexts, _ => Unprogrammed());
        On(plane.Subnets, _ => Unprogrammed());
        On(plane.Locations, _ => Unprogrammed());
        On(plane.ComputeLocations, _ => Unprogrammed());
        On(plane.WorkloadDeployments, OnDeployment);
        On(home.Configs, OnConfig);
        On(home.Entries, OnEntry);
    }

    /// <summary>An Instance whose own Location was stripped has its deployment's.</summary>
    private void OnDeployment(ObjectChange<WorkloadDeployment> change)
    {
        if (change.Before?.Status?.Location?.Key != change.After?.Status?.Location?.Key)
            foreach (var instance in _plane.Instances.All().Where(i => i.Spec.Location is null && i.Metadata.Namespace == change.Key.Namespace))
                Queue.Add(instance.Key);
    }

    /// <summary>What has its entry needs no second look when a network or Location changes: places are frozen with the entry.</summary>
    private void Unprogrammed()
    {
        foreach (var instance in _plane.Instances.All())
            if (instance.IsDeleting || !Conditions.IsTrue(instance.Status?.Conditions, ConditionTypes.Programmed))
                Queue.Add(instance.Key, WorkPriority.Resync);
    }

    /// <summary>Management defaults (paused, observe-only) reach running instances at once.</summary>
    private void OnConfig(ObjectChange<ProviderConfig> change)
    {
        if (change.Before?.Metadata.Generation != change.After?.Metadata.Generation)
            foreach (var instance in _plane.Instances.All())
                Queue.Add(instance.Key, WorkPriority.Change);
    }

    private void OnEntry(ObjectChange<ManagedResource> change)
    {
        var owner = (change.After ?? change.Before)!.Spec.Owner;
        if (owner.Plane != _plane.Id)
            return;
        if (owner.Kind == "Instance")
            Queue.Add(new ObjectKey(owner.Namespace, owner.Name));
        else if (change.Before is null || change.After is null)
            Unprogrammed();
    }

    private protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_plane.Instances.Find(key) is not { } instance)
            return Result.Settled;
        if (instance.IsDeleting)
        {
            if (!await _lifecycle.ReleaseAsync(instance, cancellation).ConfigureAwait(false) && _plane.Instances.Find(key) is { } still)
                await WriteAsync(still, s => Set(s, still, ConditionTypes.Running, ConditionStatus.False, Reasons.Stopping, _lifecycle.Blockers(still)), cancellation).ConfigureAwait(false);
            return Result.Settled;
        }

        // A rollout of upstream's core can strip location and controller from the instance; its deployment still has them.
        var deployment = instance.Metadata.ControllerOwner is { Kind: "WorkloadDeployment" } owner
            ? _plane.WorkloadDeployments.Find(new ObjectKey(key.Namespace, owner.Name)) : null;
        if ((instance.Spec.Location ?? deployment?.Status?.Location) is not { } location || instance.Spec.Controller?.SchedulingGates is { Count: > 0 })
            return Result.Settled;

        var answer = _resolver.Resolve(location, key.Namespace);
        if (answer.Resolved is not { } place)
        {
            // What exists stays as it is; only what was never made is told why.
            if (_writer.Find(ResourceKind.Instance, instance.Metadata.Uid!, InstanceSlot) is { } orphaned)
                await BackAsync(instance, orphaned, cancellation, $"It runs on as it was made, but nothing can be changed: {answer.Reason}: {answer.Message}").ConfigureAwait(false);
            else
                await NotProgrammedAsync(instance, answer.Reason, answer.Message, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }
        foreach (var (wanted, i) in instance.Spec.NetworkInterfaces.Select((n, i) => (n.Network, i)))
            if (!string.IsNullOrEmpty(wanted.Namespace) && wanted.Namespace != key.Namespace && !_resolver.SharesNetworks(place.Config))
            {
                await NotProgrammedAsync(instance, Reasons.NotAllowed,
                    $"spec.networkInterfaces[{i}].network.namespace: Network {wanted.Namespace}/{wanted.Name} belongs to another namespace; use one of {key.Namespace}. ProviderConfig {place.Config.Metadata.Name} allows single namespaces, not the whole project.", cancellation).ConfigureAwait(false);
                return Result.Settled;
            }
        var places = new List<InterfacePlace>();
        foreach (var wanted in instance.Spec.NetworkInterfaces)
            if (PlaceOf(wanted, instance, place, location) is { } found)
                places.Add(found);
            else
            {
                await NotProgrammedAsync(instance, Reasons.PendingProgramming, $"Network {wanted.Network.Name} has no allocated range at Location {location.Key} yet.", cancellation).ConfigureAwait(false);
                return Result.Settled;
            }

        var uid = instance.Metadata.Uid!;
        var wish = InstanceTranslation.Translate(instance, place.Driver.Capabilities, place.Config.Spec, places, place.Block.Block,
            slot => _writer.NameOf(ResourceKind.Disk, uid, slot));
        if (wish.Spec is not { } spec)
        {
            await NotProgrammedAsync(instance, Reasons.ConfigurationError, string.Join(" ", wish.Findings.Select(f => $"{f.Path}: {f.Message}")), cancellation).ConfigureAwait(false);
            return Result.Settled;
        }

        // The config's maps count for new resources only: what exists keeps the size that it was made with.
        if (_writer.Find(ResourceKind.Instance, uid, InstanceSlot)?.Spec.Desired is { } made
            && ContractJson.Read<global::Datum.Providers.InstanceSpec>(made).Size is { } size0 && size0.InstanceType == spec.Size.InstanceType)
            spec = spec with { Size = size0 };
        if (ContractJson.Write(spec).GetRawText().Length is > EntryWriter.MaxDesiredBytes and var size)
        {
            await NotProgrammedAsync(instance, Reasons.ConfigurationError,
                $"spec: {size} bytes; a ledger entry takes {EntryWriter.MaxDesiredBytes}. Move long values into a ConfigMap.", cancellation).ConfigureAwait(false);
            return Result.Settled;
        }

        instance = await _lifecycle.HoldAsync(instance, cancellation).ConfigureAwait(false);
        var dependencies = places.SelectMany(p => p.SubnetEntries.Select(s => (s, "subnet")).Prepend((p.NetworkEntry, "network"))).ToList();
        var ownerReference = _writer.OwnerOf(ResourceTypes.Instances, instance);
        var policies = EntryWriter.PoliciesOf(instance.Metadata, place.Config);
        foreach (var (slot, disk) in wish.Disks)
        {
            var entry = await _writer.EnsureAsync(new EntryWish
            {
                Kind = ResourceKind.Disk, Owner = ownerReference, Slot = slot, Place = place, Policies = policies,
                Desired = CanonicalJson.Of(ContractJson.Write(disk with { LocationJson = spec.LocationJson })),
            }, cancellation).ConfigureAwait(false);
            dependencies.Add((entry.Metadata.Name!, "disk"));
        }
        foreach (var (networkEntry, ingress, index) in places.Select((p, i) => (p.NetworkEntry, instance.Spec.NetworkInterfaces[i].NetworkPolicy?.Ingress, i)))
            if (place.Driver.Capabilities.Firewall is FirewallScope.Separate)
            {
                var ports = spec.Sandbox?.Containers.SelectMany(c => c.Ports).ToList() ?? [.. spec.Machine?.Ports ?? []];
                var firewall = await _writer.EnsureAsync(new EntryWish
                {
                    Kind = ResourceKind.Firewall, Owner = ownerReference, Slot = $"eth{index}", Place = place, Policies = policies,
                    Desired = CanonicalJson.Of(ContractJson.Write(new FirewallSpec
                    {
                        Network = new Reference { Name = networkEntry }, LocationJson = spec.LocationJson,
                        // Findings of the rules were reported with the instance itself.
                        Ingress = IngressRules.Normalize(ingress ?? [], ports, "", []),
                    })),
                    DependsOn = [(networkEntry, "network")],
                }, cancellation).ConfigureAwait(false);
                dependencies.Add((firewall.Metadata.Name!, "firewall"));
                spec = spec with
                {
                    Interfaces = spec.Interfaces.SetItem(index, spec.Interfaces[index] with { Firewalls = [new Reference { Name = firewall.Metadata.Name! }] }),
                };
            }

        var instanceEntry = await _writer.EnsureAsync(new EntryWish
        {
            Kind = ResourceKind.Instance, Owner = ownerReference, Slot = InstanceSlot, Place = place, Policies = policies,
            Desired = CanonicalJson.Of(ContractJson.Write(spec)), DependsOn = [.. dependencies],
        }, cancellation).ConfigureAwait(false);
        await BackAsync(instance, instanceEntry, cancellation).ConfigureAwait(false);
        return Result.Settled;
    }

    private InterfacePlace? PlaceOf(InstanceNetworkInterface wanted, Instance instance, ResolvedLocation place, LocationReference location)
    {
        var network = _plane.Networks.Find(new ObjectKey(string.IsNullOrEmpty(wanted.Network.Namespace) ? instance.Metadata.Namespace : wanted.Network.Namespace, wanted.Network.Name));
        if (network is null || _places.ContextOf(network, location) is not { } context)
            return null;
        var (owner, slot, _) = _places.KeyOf(place, network, context);
        if (_places.RangesOf(network, context) is not { } ranges || _writer.Find(ResourceKind.Network, owner.Uid, slot) is not { } entry)
            return null;
        var subnets = place.Driver.Capabilities.Subnets is SubnetSupport.Separate
            ? _places.SubnetsOf(context).Where(s => NetworkPlaces.PrefixOf(s) is not null)
                .Select(s => _writer.NameOf(ResourceKind.Subnet, s.Metadata.Uid!, NetworkController.SubnetSlot)).ToImmutableArray()
            : [];
        return new InterfacePlace(entry.Metadata.Name!, subnets, ranges);
    }

    /// <param name="unserved">Why its Location isn't served any more; empty while it is.</param>
    private async Task BackAsync(Instance instance, ManagedResource entry, CancellationToken cancellation, string unserved = "")
    {
        var after = await WriteAsync(instance, status => InstanceBack.Apply(status, instance, entry, Now, unserved), cancellation).ConfigureAwait(false);
        if (entry.Status?.ProviderId is { } id && after.Metadata.Annotation(Annotations.ProviderId) != id)
        {
            var annotated = ResourceTypes.Instances.Clone(after);
            (annotated.Metadata.Annotations ??= [])[Annotations.ProviderId] = id;
            _plane.Instances.Observe(await _plane.Client.PatchAsync(ResourceTypes.Instances, after.Key,
                Patches.MetadataAndSpec(ResourceTypes.Instances, after, annotated)!, null, cancellation).ConfigureAwait(false));
        }
    }

    private async Task NotProgrammedAsync(Instance instance, string reason, string message, CancellationToken cancellation)
    {
        var after = await WriteAsync(instance, s => Set(s, instance, ConditionTypes.Programmed, ConditionStatus.False, reason, message), cancellation).ConfigureAwait(false);
        await _troubles.TellAsync(_plane.Client, ResourceTypes.Instances, instance, OnlyProgrammed(instance), OnlyProgrammed(after), cancellation).ConfigureAwait(false);
    }

    // Ready follows Programmed and Running belongs to the entry: neither is told a second time.
    private static List<Condition> OnlyProgrammed(Instance instance) => [.. (instance.Status?.Conditions ?? []).Where(c => c.Type == ConditionTypes.Programmed)];

    private void Set(InstanceStatus status, Instance instance, string type, string value, string reason, string message) =>
        Conditions.Set(status.Conditions ??= [], type, value, reason, message, instance.Metadata.Generation, Now);

    private Task<Instance> WriteAsync(Instance instance, Action<InstanceStatus> change, CancellationToken cancellation) =>
        DatumStatus.WriteAsync(_plane, ResourceTypes.Instances, _plane.Instances, instance, i => change(i.Status ??= new InstanceStatus()), cancellation);
}
