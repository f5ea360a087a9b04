using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Runtime;

/// <summary>
/// One kind on one plane: reads from the cache, writes to the server. The answer of every write goes into the cache before the
/// write returns (read your own writes), and nothing is written that is like that already (law L8). What somebody else has just undone isn't
/// written again at once: see <see cref="Contest"/>.
/// </summary>
internal sealed class Stored<T>(IKubernetesClient client, ResourceType<T> type, IObjectCache<T> cache, TimeProvider time, ILogger logger) where T : KubeObject
{
    private readonly Contest _contest = new(time, logger);

    public ResourceType<T> Type => type;

    public IObjectCache<T> Cache => cache;

    public T? Find(ObjectKey key) => cache.Find(key);

    public IReadOnlyList<T> ByIndex(string index, string value) => cache.ByIndex(index, value);

    /// <summary>A copy that can be changed.</summary>
    public T Copy(T value) => type.Clone(value);

    /// <summary>Creates; when the name is taken, what stands there is in the cache and a conflict is thrown.</summary>
    public async Task<T> CreateAsync(T value, CancellationToken cancellation)
    {
        try
        {
            var created = await client.CreateAsync(type, type.Stamp(value), cancellation);
            cache.Observe(created);
            return created;
        }
        catch (KubernetesException error) when (error.IsAlreadyExists)
        {
            await RefreshAsync(value.Key, null, cancellation);
            throw Stale(value.Key, "was created meanwhile");
        }
    }

    /// <summary>Writes labels, annotations, finalizers, owners and spec where they differ.</summary>
    public Task<T> UpdateAsync(T before, T after, CancellationToken cancellation) =>
        PatchAsync(before, after, Patches.MetadataAndSpec(type, before, after), null, cancellation);

    /// <summary>Writes the status where it differs.</summary>
    public Task<T> UpdateStatusAsync(T before, T after, CancellationToken cancellation) =>
        PatchAsync(before, after, Patches.Status(type, before, after), "status", cancellation);

    public Task<T> AddFinalizerAsync(T value, string finalizer, CancellationToken cancellation)
    {
        if (value.Metadata.HasFinalizer(finalizer))
            return Task.FromResult(value);
        var after = Copy(value);
        (after.Metadata.Finalizers ??= []).Add(finalizer);
        return UpdateAsync(value, after, cancellation);
    }

    public Task<T> RemoveFinalizerAsync(T value, string finalizer, CancellationToken cancellation)
    {
        if (!value.Metadata.HasFinalizer(finalizer))
            return Task.FromResult(value);
        var after = Copy(value);
        after.Metadata.Finalizers!.RemoveAll(f => f == finalizer);
        return UpdateAsync(value, after, cancellation);
    }

    /// <summary>Deletes this very object (by its UID) and reads what is left of it. One that is being deleted is left alone.</summary>
    /// <param name="unchanged">True: only if nobody has written it since it was read.</param>
    public async Task DeleteAsync(T value, CancellationToken cancellation, bool unchanged = false)
    {
        if (value.IsDeleting)
            return;
        try
        {
            await client.DeleteAsync(type, value.Key, new DeletePreconditions { Uid = value.Metadata.Uid, ResourceVersion = unchanged ? value.Metadata.ResourceVersion : null }, cancellation);
        }
        catch (KubernetesException error) when (error.IsConflict || error.IsNotFound)
        {
            // Another object of that name, or gone: all is well. Still there: the server had a conflict of its own, and nothing would wake us.
            if (await RefreshAsync(value.Key, value.Metadata.Uid, cancellation) is { IsDeleting: false } live && live.Metadata.Uid == value.Metadata.Uid)
                throw Stale(value.Key, "couldn't be deleted");
            return;
        }

        await RefreshAsync(value.Key, value.Metadata.Uid, cancellation);
    }

    /// <summary>Reads an object live; the cache knows it afterwards.</summary>
    public async Task<T?> RefreshAsync(ObjectKey key, string? uid, CancellationToken cancellation)
    {
        var live = await client.FindAsync(type, key, cancellation);
        var known = uid ?? cache.Find(key)?.Metadata.Uid;
        if (known is not null && live?.Metadata.Uid != known)
            cache.ObserveGone(key, known);
        if (live is not null)
            cache.Observe(live);
        return live;
    }

    /// <summary>Reads all objects of the plane live; the cache knows them afterwards.</summary>
    public async Task<IReadOnlyList<T>> ListAsync(CancellationToken cancellation)
    {
        var found = new List<T>();
        string? next = null;
        do
        {
            var page = await client.ListAsync(type, new ListOptions { Limit = 500, Continue = next }, cancellation);
            found.AddRange(page.Items);
            next = page.Continue;
        }
        while (next is not null);
        foreach (var value in found)
            cache.Observe(value);
        return found;
    }

    /// <summary>
    /// Whether the object that an owner reference names is gone. The cache can say that it is there; only the server, that it isn't.
    /// </summary>
    public async Task<bool> IsGoneAsync(string? ns, OwnerReference owner, CancellationToken cancellation)
    {
        var key = new ObjectKey(type.Namespaced ? ns : null, owner.Name);
        if (cache.Find(key)?.Metadata.Uid == owner.Uid)
            return false;
        var live = await RefreshAsync(key, null, cancellation);
        return live?.Metadata.Uid != owner.Uid;
    }

    private async Task<T> PatchAsync(T before, T wanted, Patch? patch, string? subresource, CancellationToken cancellation)
    {
        if (patch is null)
            return before;
        var content = subresource is null ? Contest.Content(type, wanted, "metadata", "spec") : Contest.Content(type, wanted, subresource);
        _contest.Check(type, before, subresource ?? "", content);
        try
        {
            var after = await client.PatchAsync(type, before.Key, patch, subresource, cancellation);
            _contest.Wrote(before, after, subresource ?? "", content);
            // The patch that takes the last finalizer away answers with the object as it was when it went.
            if (after.IsDeleting && after.Metadata.Finalizers is not { Count: > 0 })
                cache.ObserveGone(after.Key, after.Metadata.Uid);
            else
                cache.Observe(after);
            return after;
        }
        catch (KubernetesException error) when (error.IsConflict || error.IsNotFound)
        {
            await RefreshAsync(before.Key, before.Metadata.Uid, cancellation);
            throw Stale(before.Key, error.IsNotFound ? "is gone" : "has changed");
        }
    }

    /// <summary>What to throw when an object isn't as it was decided on: the reconcile is done again soon.</summary>
    public KubernetesException Stale(ObjectKey key, string what) => new(409, "Conflict", $"{type} {key} {what}");
}
