using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>
/// What controllers of a full cluster do in the background: objects whose owners are gone are deleted, ending namespaces and
/// definitions are emptied. Decisions are made on the store's newest state, the events only wake it.
/// </summary>
internal sealed partial class Collector : IAsyncDisposable
{
    private readonly ObjectStore store;
    private readonly KindRegistry registry;
    private readonly ObjectService objects;
    private readonly ILogger logger;
    private readonly Channel<(string Resource, string Key)> work = Channel.CreateUnbounded<(string, string)>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, HashSet<(string Resource, string Key)>> dependents = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private Task loop = Task.CompletedTask;

    public Collector(ObjectStore store, KindRegistry registry, ObjectService objects, ILogger logger)
    {
        (this.store, this.registry, this.objects, this.logger) = (store, registry, objects, logger);
    }

    /// <summary>Deletes the objects of a kind that other planes hold; true while some are left.</summary>
    public Func<ResourceKind, Task<bool>>? ContentElsewhere { get; set; }

    /// <summary>Has one object looked at again.</summary>
    public void Wake(string resource, string key) => work.Writer.TryWrite((resource, key));

    public void Start()
    {
        store.Committed += OnCommitted;
        foreach (var (resource, items) in store.SnapshotAll())
        {
            foreach (var value in items.Values) Note(resource, value);
        }

        loop = LoopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        store.Committed -= OnCommitted;
        work.Writer.TryComplete();
        await loop;
    }

    private void OnCommitted(Change change)
    {
        var value = change.Value;
        if (change.Type != ChangeType.Deleted)
        {
            Note(change.Resource, value);
            return;
        }

        lock (gate)
        {
            foreach (var owner in value.OwnerUids)
            {
                if (dependents.TryGetValue(owner, out var set)) set.Remove((change.Resource, value.Key));
            }

            if (dependents.Remove(value.Uid, out var orphans))
            {
                foreach (var orphan in orphans) work.Writer.TryWrite(orphan);
            }
        }

        // Ending containers wait for this one.
        if (value.Namespace.Length > 0) work.Writer.TryWrite((BuiltInKinds.Namespaces, value.Namespace));
        if (registry.ByResource(change.Resource) is { BuiltIn: false } kind) work.Writer.TryWrite((BuiltInKinds.Definitions, kind.Plural + "." + kind.Group));
        foreach (var (resource, key) in OwnersOf(value)) work.Writer.TryWrite((resource, key));
    }

    private void Note(string resource, StoredObject value)
    {
        lock (gate)
        {
            foreach (var owner in value.OwnerUids)
            {
                if (!dependents.TryGetValue(owner, out var set)) dependents[owner] = set = [];
                set.Add((resource, value.Key));
            }
        }

        if (value.OwnerUids.Count > 0 || value.Deleting) work.Writer.TryWrite((resource, value.Key));
    }

    private async Task LoopAsync()
    {
        await foreach (var (resource, key) in work.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await ProcessAsync(resource, key);
            }
            catch (Exception e) when (e is ApiError or ObjectDisposedException)
            {
                // Someone else changed it: the change brings it back here.
                Skipped(logger, resource, key, e.Message);
            }
            catch (Exception e)
            {
                Failed(logger, resource, key, e);
            }
        }
    }

    private async Task ProcessAsync(string resource, string key)
    {
        if (registry.ByResource(resource) is not { } kind || store.GetLatest(resource, key) is not { } value) return;
        if (value.Deleting)
        {
            if (resource == BuiltInKinds.Namespaces) await EmptyNamespaceAsync(kind, value);
            else if (resource == BuiltInKinds.Definitions) await EmptyDefinitionAsync(kind, value);
            await FinishPropagationAsync(kind, value);
        }

        if (value.OwnerUids.Count > 0) await CheckOwnersAsync(kind, value);
    }

    private async Task CheckOwnersAsync(ResourceKind kind, StoredObject value)
    {
        var refs = value.Parse()["metadata"]?["ownerReferences"] as JsonArray ?? [];
        var absent = refs.Where(r => !OwnerExists(r, value.Namespace)).Select(r => JsonText.String(r?["uid"])).ToHashSet(StringComparer.Ordinal);
        if (absent.Count == 0 || value.Deleting) return;
        if (absent.Count == refs.Count)
        {
            await objects.DeleteAsync(kind, value.Namespace, value.Name, new DeleteOptions(value.Uid, Propagation: "Background"));
            return;
        }

        await PatchMetadataAsync(kind, value, meta => Drop(meta, absent));
    }

    private bool OwnerExists(JsonNode? reference, string @namespace)
    {
        var owner = registry.ByKind(JsonText.String(reference?["apiVersion"]) ?? "", JsonText.String(reference?["kind"]) ?? "");
        // A kind that isn't served now may come back: nothing is deleted on a guess.
        if (owner is null) return true;
        // Nor where a cluster-scoped object names an owner that lives in some namespace: which one, nobody can tell.
        if (owner.Namespaced && @namespace.Length == 0) return true;
        var key = StoredObject.KeyOf(owner.Namespaced ? @namespace : "", JsonText.String(reference?["name"]) ?? "");
        return store.GetLatest(owner.Resource, key)?.Uid == JsonText.String(reference?["uid"]);
    }

    private IEnumerable<(string Resource, string Key)> OwnersOf(StoredObject value)
    {
        if (value.OwnerUids.Count == 0) yield break;
        foreach (var reference in value.Parse()["metadata"]?["ownerReferences"] as JsonArray ?? [])
        {
            var owner = registry.ByKind(JsonText.String(reference?["apiVersion"]) ?? "", JsonText.String(reference?["kind"]) ?? "");
            if (owner is not null) yield return (owner.Resource, StoredObject.KeyOf(owner.Namespaced ? value.Namespace : "", JsonText.String(reference?["name"]) ?? ""));
        }
    }

    private async Task FinishPropagationAsync(ResourceKind kind, StoredObject value)
    {
        var finalizers = MetadataRules.Finalizers(value.Parse());
        List<(string Resource, string Key)> children;
        lock (gate) children = dependents.TryGetValue(value.Uid, out var set) ? [.. set] : [];
        if (finalizers.Contains(ObjectService.OrphanFinalizer))
        {
            foreach (var child in Existing(children)) await PatchMetadataAsync(child.Kind, child.Value, meta => Drop(meta, [value.Uid]));
            await RemoveFinalizerAsync(kind, value, ObjectService.OrphanFinalizer);
        }
        else if (finalizers.Contains(ObjectService.ForegroundFinalizer))
        {
            var blocking = false;
            foreach (var child in Existing(children))
            {
                var refs = child.Value.Parse()["metadata"]?["ownerReferences"] as JsonArray ?? [];
                if (refs.Any(r => JsonText.String(r?["uid"]) != value.Uid && OwnerExists(r, child.Value.Namespace)))
                {
                    // Another owner keeps it: it only loses this one.
                    await PatchMetadataAsync(child.Kind, child.Value, meta => Drop(meta, [value.Uid]));
                    continue;
                }

                blocking |= refs.Any(r => JsonText.String(r?["uid"]) == value.Uid && JsonText.Bool(r?["blockOwnerDeletion"]) == true);
                if (!child.Value.Deleting) await objects.DeleteAsync(child.Kind, child.Value.Namespace, child.Value.Name, new DeleteOptions(child.Value.Uid, Propagation: "Foreground"));
            }

            if (blocking) return;
            await RemoveFinalizerAsync(kind, value, ObjectService.ForegroundFinalizer);
        }
    }

    private IEnumerable<(ResourceKind Kind, StoredObject Value)> Existing(IEnumerable<(string Resource, string Key)> keys)
    {
        foreach (var (resource, key) in keys)
        {
            if (registry.ByResource(resource) is { } kind && store.GetLatest(resource, key) is { } value) yield return (kind, value);
        }
    }

    private async Task EmptyNamespaceAsync(ResourceKind kind, StoredObject space)
    {
        var left = false;
        foreach (var (resource, items) in store.SnapshotAll())
        {
            if (registry.ByResource(resource) is not { Namespaced: true } content) continue;
            foreach (var value in items.Values.Where(v => v.Namespace == space.Name))
            {
                if (!value.Deleting) await objects.DeleteAsync(content, value.Namespace, value.Name, new DeleteOptions(value.Uid, Propagation: "Background"));
                left |= store.GetLatest(resource, value.Key) is not null;
            }
        }

        if (left || store.GetLatest(BuiltInKinds.Namespaces, space.Key) is not { Deleting: true } now) return;
        var final = now.Parse();
        final["spec"] = new JsonObject();
        var remove = MetadataRules.Finalizers(final).Count == 0;
        await store.WriteAsync(kind.Resource, now.Key, now.Version, final, delete: remove);
    }

    private async Task EmptyDefinitionAsync(ResourceKind kind, StoredObject definition)
    {
        var spec = definition.Parse()["spec"];
        var resource = $"{JsonText.String(spec?["group"])}/{JsonText.String(spec?["names"]?["plural"])}";
        if (registry.ByResource(resource) is { } served)
        {
            foreach (var value in store.Snapshot(resource).Items.Values)
            {
                if (!value.Deleting) await objects.DeleteAsync(served, value.Namespace, value.Name, new DeleteOptions(value.Uid, Propagation: "Background"));
            }

            if (ContentElsewhere is not null && await ContentElsewhere(served)) return;
            if (!store.Snapshot(resource).Items.IsEmpty) return;
        }

        await RemoveFinalizerAsync(kind, definition, KindHooks.CleanupFinalizer);
    }

    private Task RemoveFinalizerAsync(ResourceKind kind, StoredObject value, string finalizer) =>
        PatchMetadataAsync(kind, value, meta =>
        {
            var left = (meta["finalizers"] as JsonArray ?? []).Select(JsonText.String).OfType<string>().Where(f => f != finalizer).ToArray();
            if (left.Length == 0) meta.Remove("finalizers");
            else meta["finalizers"] = new JsonArray([.. left.Select(f => (JsonNode)f)]);
        });

    private async Task PatchMetadataAsync(ResourceKind kind, StoredObject value, Action<JsonObject> change)
    {
        await objects.PatchAsync(kind, kind.Storage, value.Namespace, value.Name, status: false, target =>
        {
            change((JsonObject)target["metadata"]!);
            return target;
        }, WriteContext.Internal());
    }

    private static void Drop(JsonObject meta, HashSet<string?> uids)
    {
        var left = (meta["ownerReferences"] as JsonArray ?? []).Where(r => !uids.Contains(JsonText.String(r?["uid"]))).Select(r => r!.DeepClone()).ToArray();
        if (left.Length == 0) meta.Remove("ownerReferences");
        else meta["ownerReferences"] = new JsonArray(left);
    }

    [LoggerMessage(20, LogLevel.Debug, "Collection of {Resource} {Key} was overtaken: {Why}")]
    private static partial void Skipped(ILogger logger, string resource, string key, string why);

    [LoggerMessage(21, LogLevel.Error, "Collection of {Resource} {Key} failed.")]
    private static partial void Failed(ILogger logger, string resource, string key, Exception exception);
}
