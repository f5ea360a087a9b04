using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Instances to entries, and their entries' state back into Programmed, Running, addresses and provider id.</summary>
public sealed class InstanceController : ProvisioningController<ObjectKey>
{
    private readonly ProjectPlane _plane;
    private readonly EntryWriter _writer;
    private readonly InstanceWishes _wishes;
    private readonly Troubles _troubles;
    private readonly OwnerLifecycle<Instance> _lifecycle;

    internal InstanceController(
        HomePlane home, ProjectPlane plane, LocationResolver resolver, EntryWriter writer, LedgerStore ledger, NetworkPlaces places, Troubles troubles, IScheduler scheduler, ILogger<InstanceController> logger)
        : base("instances", 4, scheduler, logger)
    {
        _plane = plane;
        _writer = writer;
        _wishes = new InstanceWishes(plane, resolver, writer, places);
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
                await WriteAsync(still, s =>
                {
                    Set(s, still, ConditionTypes.Running, ConditionStatus.False, Reasons.Stopping, _lifecycle.Blockers(still));
                    InstanceBack.AvailableToo(s.Conditions!, still.Metadata.Generation, Now);
                }, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }

        var wishes = _wishes.Of(instance);
        if (wishes.Reason is { } reason)
        {
            // What exists stays as it is; only what was never made is told why.
            if (wishes.Unserved && _writer.Find(ResourceKind.Instance, instance.Metadata.Uid!, InstanceWishes.InstanceSlot) is { } orphaned)
                await BackAsync(instance, orphaned, cancellation, $"It runs on as it was made, but nothing can be changed: {reason}: {wishes.Message}").ConfigureAwait(false);
            else
                await NotProgrammedAsync(instance, reason, wishes.Message, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }
        if (wishes.Entries.IsEmpty)
            return Result.Settled;

        instance = await _lifecycle.HoldAsync(instance, cancellation).ConfigureAwait(false);
        ManagedResource? last = null;
        foreach (var wish in wishes.Entries)
            last = await _writer.EnsureAsync(wish, cancellation).ConfigureAwait(false);
        await BackAsync(instance, last!, cancellation).ConfigureAwait(false);
        return Result.Settled;
    }

    /// <param name="unserved">Why its Location isn't served any more; empty while it is.</param>
    private async Task BackAsync(Instance instance, ManagedResource entry, CancellationToken cancellation, string unserved = "")
    {
        var after = await WriteAsync(instance, status => InstanceBack.Apply(status, instance, entry, Now, unserved), cancellation).ConfigureAwait(false);
        if (entry.Status?.ProviderId is { } id && after.Metadata.Annotation(Annotations.ProviderId) != id)
            await DatumStatus.WriteMetadataAsync(_plane, ResourceTypes.Instances, _plane.Instances, after, i => (i.Metadata.Annotations ??= [])[Annotations.ProviderId] = id, cancellation).ConfigureAwait(false);
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
