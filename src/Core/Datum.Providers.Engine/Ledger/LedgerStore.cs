using System.Collections.Concurrent;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Ledger;

/// <summary>
/// Writes entries. Every write is guarded by the version that it was decided on (409 otherwise), its answer goes into the
/// cache at once (read your own writes), and nothing is written when nothing differs (law L8).
/// </summary>
public sealed class LedgerStore(HomePlane home)
{
    private static readonly ResourceType<ManagedResource> Type = ResourceTypes.ManagedResources;

    // Projects whose entries were listed live in this process's life.
    private readonly ConcurrentDictionary<string, bool> _listed = new(StringComparer.Ordinal);

    public ManagedResource? Find(string name) => home.Entries.Find(new ObjectKey(null, name));

    /// <summary>The entries of this installation that exist for an owner. Another one's (before a fork) are neither given up nor waited for.</summary>
    public IReadOnlyList<ManagedResource> OwnedBy(string ownerUid) => [.. home.Entries.ByIndex(HomePlane.ByOwner, ownerUid).Where(e => e.Spec.Installation == home.Installation)];

    /// <summary>The entries that depend on an entry.</summary>
    public IReadOnlyList<ManagedResource> DependentsOf(string name) => home.Entries.ByIndex(HomePlane.ByDependency, name);

    /// <summary>
    /// True when dependents of an entry came to light that the cache didn't have. A process that began with an old list knows less than the one
    /// before it wrote, so the entry's project is listed live once before anything in it is taken down (L7); from then on our own writes keep the cache whole.
    /// </summary>
    public async Task<bool> FindsDependentsAsync(ManagedResource entry, CancellationToken cancellation)
    {
        var project = entry.Metadata.Labels?.GetValueOrDefault(Labels.Project) ?? "";
        if (_listed.ContainsKey(project) || DependentsOf(entry.Metadata.Name!).Count > 0)
            return false;
        var live = await home.Client.ListAsync(Type, new ListOptions { LabelSelector = project.Length == 0 ? null : $"{Labels.Project}={project}" }, cancellation).ConfigureAwait(false);
        foreach (var one in live.Items)
            home.Entries.Observe(one);
        if (live.Unreadable.Count == 0)
            _listed[project] = true;
        return DependentsOf(entry.Metadata.Name!).Count > 0;
    }

    /// <summary>Creates an entry; one of the same name that is already there is returned as it is.</summary>
    public async Task<ManagedResource> CreateAsync(ManagedResource entry, CancellationToken cancellation)
    {
        ManagedResource stored;
        try
        {
            stored = await home.Client.CreateAsync(Type, Type.Stamp(entry), cancellation).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // Our cache had not seen it yet. It is the same entry: the name is a hash of what it is for.
            stored = await home.Client.FindAsync(Type, entry.Key, cancellation).ConfigureAwait(false)
                ?? throw new KubernetesException(409, "Conflict", $"ManagedResource {entry.Metadata.Name} came and went.");
        }
        home.Entries.Observe(stored);
        return stored;
    }

    /// <summary>Changes labels, finalizers or spec.</summary>
    public async Task<ManagedResource> UpdateAsync(ManagedResource entry, Action<ManagedResource> change, CancellationToken cancellation)
    {
        var after = Type.Clone(entry);
        change(after);
        return Patches.MetadataAndSpec(Type, entry, after) is { } patch
            ? await PatchAsync(entry, patch, null, cancellation).ConfigureAwait(false)
            : entry;
    }

    /// <summary>
    /// Stores what is known for certain (an id that the platform told): not cancelled, and repeated on the newest version when
    /// somebody else was faster.
    /// </summary>
    public Task<ManagedResource> StoreAsync(ManagedResource entry, Action<ManagedResource> change) =>
        OnNewestAsync(entry, e => UpdateAsync(e, change, CancellationToken.None), CancellationToken.None);

    /// <summary>Changes status; on the newest version when the spec has moved on meanwhile.</summary>
    public Task<ManagedResource> UpdateStatusAsync(ManagedResource entry, ManagedResourceStatus status, CancellationToken cancellation) =>
        OnNewestAsync(entry, async e =>
        {
            var after = Type.Clone(e);
            after.Status = status;
            return Patches.Status(Type, e, after) is { } patch ? await PatchAsync(e, patch, "status", cancellation).ConfigureAwait(false) : e;
        }, cancellation);

    private async Task<ManagedResource> OnNewestAsync(ManagedResource entry, Func<ManagedResource, Task<ManagedResource>> write, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await write(entry).ConfigureAwait(false);
            }
            catch (KubernetesException e) when (e.IsConflict && attempt < MaxConflicts)
            {
                var live = await home.Client.FindAsync(Type, entry.Key, cancellation).ConfigureAwait(false);
                if (live is null || live.Metadata.Uid != entry.Metadata.Uid)
                    throw;
                home.Entries.Observe(live);
                entry = live;
            }
        }
    }

    private const int MaxConflicts = 8;

    /// <summary>Deletes the entry and lets its finalizer go. Call it only after absence was proved (law L6).</summary>
    public async Task ReleaseAsync(ManagedResource entry, CancellationToken cancellation)
    {
        if (!entry.IsDeleting)
        {
            await home.Client.DeleteAsync(Type, entry.Key, new DeletePreconditions { Uid = entry.Metadata.Uid }, cancellation).ConfigureAwait(false);
            var live = await home.Client.FindAsync(Type, entry.Key, cancellation).ConfigureAwait(false);
            if (live is null || live.Metadata.Uid != entry.Metadata.Uid)
            {
                home.Entries.ObserveGone(entry.Key, entry.Metadata.Uid);
                return;
            }
            entry = live;
        }
        var after = Type.Clone(entry);
        after.Metadata.Finalizers?.Remove(Finalizers.Platform);
        if (Patches.MetadataAndSpec(Type, entry, after) is { } patch)
        {
            var last = after.Metadata.Finalizers is not { Count: > 0 };
            try
            {
                var stored = await home.Client.PatchAsync(Type, entry.Key, patch, null, cancellation).ConfigureAwait(false);
                if (!last)
                    home.Entries.Observe(stored);
            }
            catch (KubernetesException e) when (e.IsNotFound)
            {
                last = true;
            }
            if (last)
                home.Entries.ObserveGone(entry.Key, entry.Metadata.Uid);
        }
    }

    private async Task<ManagedResource> PatchAsync(ManagedResource entry, Patch patch, string? subresource, CancellationToken cancellation)
    {
        var stored = await home.Client.PatchAsync(Type, entry.Key, patch, subresource, cancellation).ConfigureAwait(false);
        home.Entries.Observe(stored);
        return stored;
    }
}
