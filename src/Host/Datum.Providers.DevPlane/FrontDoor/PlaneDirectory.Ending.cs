using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

internal sealed partial class PlaneDirectory
{
    /// <summary>Deletions of one plane that are under way at a time.</summary>
    private const int Together = 64;

    /// <summary>One round of a deletion: delete what is there; once nothing is left, remove the plane and let the object go.</summary>
    private async Task EndAsync(Plane source, ResourceKind served, PlaneKind kind, StoredObject owner, ChildPlane? child)
    {
        child ??= await OpenOrSayAsync(source, served, kind, owner);
        if (child is null) return;
        child.Ending = true;
        // A write that began before is waited for: when it ends it wakes this.
        if (child.Writes > 0) return;
        var left = await DeleteEverythingAsync(child);
        if (left > 0)
        {
            await SayAsync(source, served, kind, owner.Name, "False", "Terminating", $"{left} objects in the control plane wait for their finalizers.");
            return;
        }

        await RemoveAsync(child);
        await PatchAsync(source, served, owner.Name, status: false, RemoveFinalizer);
    }

    private async Task<int> DeleteEverythingAsync(ChildPlane child)
    {
        var left = 0;
        foreach (var (resource, items) in child.Plane.Store.SnapshotAll())
        {
            // What this plane doesn't serve any more may still lie in it.
            if ((child.Plane.Registry.ByResource(resource) ?? core.Registry.ByResource(resource)) is not { } kind) continue;
            var doomed = items.Values.Where(v => resource != BuiltInKinds.Namespaces || !Plane.SeededNamespaces.Contains(v.Name));
            // Side by side: writes that wait together share a flush.
            foreach (var batch in doomed.Chunk(Together)) left += (await Task.WhenAll(batch.Select(v => DeleteAsync(child, kind, v)))).Count(gone => !gone);
        }

        return left;
    }

    /// <summary>True when it is gone.</summary>
    private static async Task<bool> DeleteAsync(ChildPlane child, ResourceKind kind, StoredObject value)
    {
        if (!value.Deleting)
        {
            try
            {
                await child.Plane.Objects.DeleteAsync(kind, value.Namespace, value.Name, new DeleteOptions(value.Uid, Propagation: "Background"));
            }
            catch (ApiError e) when (e.Code is 404 or 409)
            {
                // Gone, or another object of that name: the look below tells.
                return child.Plane.Store.GetLatest(kind.Resource, value.Key) is null;
            }
        }

        return child.Plane.Store.GetLatest(kind.Resource, value.Key) is null;
    }

    /// <summary>The plane, its memory and its folder. The folder goes before the finalizer: a kill in between finds an empty plane to end.</summary>
    private async Task RemoveAsync(ChildPlane child)
    {
        planes.TryRemove((child.Kind.Context, child.Id), out _);
        // Empty by now, unless somebody took the finalizer off: then what was made in it goes with it.
        foreach (var made in planes.Values.Where(c => ReferenceEquals(c.Source, child.Plane))) await RemoveAsync(made);
        await child.DisposeAsync();
        if (child.Folder is not null && Directory.Exists(child.Folder)) Directory.Delete(child.Folder, recursive: true);
        Removed(logger, child.Kind.Context, child.Id);
        // Another object of this name may have waited for it.
        foreach (var source in Sources(child.Kind))
        {
            foreach (var resource in child.Kind.Resources) work.Writer.TryWrite((source, resource.Key, child.Id));
        }
    }

    /// <summary>Deletes the objects of a removed definition in all planes; true while some are left.</summary>
    private async Task<bool> DeleteContentAsync(ResourceKind kind)
    {
        // A plane that can't be read may hold some.
        var left = !broken.IsEmpty;
        foreach (var child in planes.Values)
        {
            foreach (var value in child.Plane.Store.Snapshot(kind.Resource).Items.Values) left |= !await DeleteAsync(child, kind, value);
        }

        return left;
    }

    private void RemoveFinalizer(JsonObject value)
    {
        var meta = (JsonObject)value["metadata"]!;
        var kept = MetadataRules.Finalizers(value).Where(f => f != door.Finalizer).ToArray();
        if (kept.Length == 0) meta.Remove("finalizers");
        else meta["finalizers"] = new JsonArray([.. kept.Select(f => (JsonNode)f)]);
    }
}
