using Datum.Providers.Engine.Ledger;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>
/// Our finalizer on a Datum object: on before the first entry is made, off after the last one is gone. That an owner goes is
/// read live, by UID, with its deletionTimestamp; only then its entries are no longer wanted.
/// </summary>
internal sealed class OwnerLifecycle<T>(HomePlane home, ProjectPlane plane, LedgerStore ledger, ResourceType<T> type, IObjectCache<T> cache) where T : KubeObject
{
    public async Task<T> HoldAsync(T owner, CancellationToken cancellation)
    {
        if (owner.Metadata.HasFinalizer(Finalizers.Platform))
            return owner;
        var after = type.Clone(owner);
        (after.Metadata.Finalizers ??= []).Add(Finalizers.Platform);
        var stored = await plane.Client.PatchAsync(type, owner.Key, Patches.MetadataAndSpec(type, owner, after)!, null, cancellation).ConfigureAwait(false);
        cache.Observe(stored);
        return stored;
    }

    /// <summary>Takes the owner's entries down and lets the owner go when none is left. True when it is let go.</summary>
    public async Task<bool> ReleaseAsync(T owner, CancellationToken cancellation)
    {
        if (!owner.Metadata.HasFinalizer(Finalizers.Platform))
            return true;
        var live = await plane.Client.FindAsync(type, owner.Key, cancellation).ConfigureAwait(false);
        if (live is null || live.Metadata.Uid != owner.Metadata.Uid)
        {
            cache.ObserveGone(owner.Key, owner.Metadata.Uid);
            return true;
        }
        if (!live.IsDeleting)
            return false;

        foreach (var entry in ledger.OwnedBy(live.Metadata.Uid!))
            await ledger.UpdateAsync(entry, e =>
            {
                e.Spec.Wanted = false;
                // Protection that is taken off, or a pause that is put on, counts while it goes as well.
                if (home.Configs.Find(new ObjectKey(null, e.Spec.ProviderConfig)) is { } config)
                    e.Spec.Policies = Policies.PolicyReader.Read(live.Metadata, config).Policies;
            }, cancellation).ConfigureAwait(false);
        if (ledger.OwnedBy(live.Metadata.Uid!).Count > 0)
            return false;

        // The cache says that none is left. The finalizer is the last guard, so the ledger itself is asked once more.
        var left = await home.Client.ListAsync(ResourceTypes.ManagedResources,
            new ListOptions { LabelSelector = $"{Labels.OwnerUid}={live.Metadata.Uid}" }, cancellation).ConfigureAwait(false);
        if (left.Items.Any(e => e.Spec.Installation == home.Installation) || left.Unreadable.Count > 0)
        {
            foreach (var entry in left.Items)
                home.Entries.Observe(entry);
            return false;
        }

        var after = type.Clone(live);
        after.Metadata.Finalizers!.Remove(Finalizers.Platform);
        try
        {
            var stored = await plane.Client.PatchAsync(type, live.Key, Patches.MetadataAndSpec(type, live, after)!, null, cancellation).ConfigureAwait(false);
            if (after.Metadata.Finalizers.Count > 0)
                cache.Observe(stored);
            else
                cache.ObserveGone(live.Key, live.Metadata.Uid);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            cache.ObserveGone(live.Key, live.Metadata.Uid);
        }
        return true;
    }

    /// <summary>What still holds the owner, for its conditions.</summary>
    public string Blockers(T owner) => string.Join("; ", ledger.OwnedBy(owner.Metadata.Uid!)
        .Select(e => $"{e.Spec.Kind} {e.Metadata.Name}: {Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Message ?? "is being taken down"}"));
}

/// <summary>
/// Writes what Datum objects are told: guarded by version, on change only (law L8), not as fast as another host undoes it, and seen by our next read.
/// </summary>
internal static class DatumStatus
{
    public static Task<T> WriteAsync<T>(
        ProjectPlane plane, ResourceType<T> type, IObjectCache<T> cache, T value, Action<T> change, CancellationToken cancellation) where T : KubeObject
    {
        var after = type.Clone(value);
        change(after);
        return PatchAsync(plane, type, cache, value, Patches.Status(type, value, after), "status", () => Contest.Content(type, after, "status"), cancellation);
    }

    /// <summary>As <see cref="WriteAsync"/>, for labels, annotations and the like.</summary>
    public static Task<T> WriteMetadataAsync<T>(
        ProjectPlane plane, ResourceType<T> type, IObjectCache<T> cache, T value, Action<T> change, CancellationToken cancellation) where T : KubeObject
    {
        var after = type.Clone(value);
        change(after);
        return PatchAsync(plane, type, cache, value, Patches.MetadataAndSpec(type, value, after), null, () => Contest.Content(type, after, "metadata", "spec"), cancellation);
    }

    private static async Task<T> PatchAsync<T>(
        ProjectPlane plane, ResourceType<T> type, IObjectCache<T> cache, T value, Patch? patch, string? subresource, Func<string> contentOf, CancellationToken cancellation) where T : KubeObject
    {
        if (patch is null)
            return value;
        var content = contentOf();
        plane.Contest?.Check(type, value, subresource ?? "", content);
        var stored = await plane.Client.PatchAsync(type, value.Key, patch, subresource, cancellation).ConfigureAwait(false);
        plane.Contest?.Wrote(value, stored, subresource ?? "", content);
        cache.Observe(stored);
        return stored;
    }
}
