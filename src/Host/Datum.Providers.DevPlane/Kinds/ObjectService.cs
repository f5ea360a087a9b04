using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>How a write is meant: which fields may be dropped, whether it is only tried.</summary>
internal sealed record WriteContext(string FieldValidation, bool DryRun)
{
    /// <summary>For writes of the plane itself, whose objects it has pruned before.</summary>
    public static WriteContext Internal() => new("Ignore", false);

    /// <summary>Sentences for the Warning header.</summary>
    public List<string> Warnings { get; } = [];
}

/// <summary>Preconditions and propagation of a deletion.</summary>
internal sealed record DeleteOptions(string? Uid = null, string? Version = null, string? Propagation = null, bool DryRun = false);

/// <summary>Create, update and delete with everything that the API promises: defaults, pruning, validation, generations, finalizers, conflicts.</summary>
internal sealed partial class ObjectService(ObjectStore store, KindHooks hooks, TimeProvider time)
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    public string Now() => time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public async Task<JsonObject> CreateAsync(ResourceKind kind, KindVersion version, string @namespace, JsonObject value, IReadOnlyList<string> duplicates, WriteContext context)
    {
        CheckApiVersion(kind, version, value, duplicates, context);
        var meta = (JsonObject)value["metadata"]!;
        CheckNamespaceField(kind, @namespace, meta);
        Prune(kind, version, value, duplicates, context);
        if (!string.IsNullOrEmpty(JsonText.String(meta["resourceVersion"]))) throw ApiError.Plain("resourceVersion should not be set on objects to be created");
        var generated = false;
        if (string.IsNullOrEmpty(JsonText.String(meta["name"])) && JsonText.String(meta["generateName"]) is { Length: > 0 } prefix)
        {
            generated = true;
            meta["name"] = prefix[..Math.Min(prefix.Length, 58)] + RandomNumberGenerator.GetString(Alphabet, 5);
        }

        if (kind.Namespaced) await CheckNamespaceAsync(kind, @namespace, JsonText.String(meta["name"]) ?? "");
        foreach (var field in (string[])["managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"]) meta.Remove(field);
        meta["uid"] = Guid.NewGuid().ToString();
        meta["creationTimestamp"] = Now();
        if (kind.HasGeneration) meta["generation"] = 1;
        if (version.HasStatus) value.Remove("status");
        KindHooks.BeforeCreate(kind, value);
        Defaulting.Apply(value, version.Schema);
        Validate(kind, version, value, null, context.Warnings);
        hooks.Admit(kind, value, null);
        MetadataRules.DropEmpty(meta);
        ToStorage(kind, value);
        var name = JsonText.String(meta["name"])!;
        var key = StoredObject.KeyOf(@namespace, name);
        if (store.GetLatest(kind.Resource, key) is not null) throw ApiError.AlreadyExists(kind.Group, kind.Plural, name);
        if (context.DryRun) return value;
        if (await store.WriteAsync(kind.Resource, key, 0, value, delete: false) is null)
        {
            if (generated) return await RetryGeneratedAsync(kind, version, @namespace, value, context);
            throw ApiError.AlreadyExists(kind.Group, kind.Plural, name);
        }

        hooks.AfterWrite(kind, value);
        return value;
    }

    /// <summary>Replaces (main endpoint) or sets the status (status endpoint) of one object.</summary>
    public async Task<JsonObject> UpdateAsync(ResourceKind kind, KindVersion version, string @namespace, string name, bool status, JsonObject value, IReadOnlyList<string> duplicates, WriteContext context)
    {
        CheckApiVersion(kind, version, value, duplicates, context);
        CheckUrl(kind, @namespace, name, (JsonObject)value["metadata"]!);
        Prune(kind, version, value, duplicates, context);
        while (true)
        {
            var old = store.GetLatest(kind.Resource, StoredObject.KeyOf(@namespace, name)) ?? throw ApiError.NotFound(kind.Group, kind.Plural, name);
            var asked = JsonText.String(value["metadata"]?["resourceVersion"]) ?? "";
            if (asked.Length == 0 && !kind.AllowsUnconditionalUpdate) throw NeedsVersion(kind, name);
            if (await StoreUpdateAsync(kind, version, old, (JsonObject)value.DeepClone(), status, context) is { } done) return done;
            if (asked.Length > 0) throw ApiError.Stale(kind.Group, kind.Plural, name);
        }
    }

    /// <summary>Applies a patch to the newest state, again where another write came between.</summary>
    public async Task<JsonObject> PatchAsync(ResourceKind kind, KindVersion version, string @namespace, string name, bool status, Func<JsonObject, JsonObject> apply, WriteContext context)
    {
        while (true)
        {
            var old = store.GetLatest(kind.Resource, StoredObject.KeyOf(@namespace, name)) ?? throw ApiError.NotFound(kind.Group, kind.Plural, name);
            var current = old.Parse();
            FromStorage(kind, version, current);
            var patched = apply(current);
            CheckApiVersion(kind, version, patched, [], context);
            CheckUrl(kind, @namespace, name, (JsonObject)patched["metadata"]!);
            context.Warnings.Clear();
            Prune(kind, version, patched, [], context, isPatch: true);
            if (await StoreUpdateAsync(kind, version, old, patched, status, context) is { } done) return done;
        }
    }

    /// <summary>Deletes or marks for deletion. Returns the remaining object, or null and the uid when it is gone.</summary>
    public async Task<(JsonObject? Remaining, string Uid)> DeleteAsync(ResourceKind kind, string @namespace, string name, DeleteOptions options)
    {
        var key = StoredObject.KeyOf(@namespace, name);
        while (true)
        {
            var old = store.GetLatest(kind.Resource, key) ?? throw ApiError.NotFound(kind.Group, kind.Plural, name);
            CheckPreconditions(kind, old, options);
            var value = old.Parse();
            KindHooks.BeforeDelete(kind, value);
            var meta = (JsonObject)value["metadata"]!;
            var finalizers = MetadataRules.Finalizers(value);
            var wanted = options.Propagation switch { "Foreground" => ForegroundFinalizer, "Orphan" => OrphanFinalizer, _ => null };
            if (wanted is not null && !old.Deleting && !finalizers.Contains(wanted)) finalizers.Add(wanted);
            if (finalizers.Count == 0 && !KindHooks.HoldsDeletion(kind, value))
            {
                if (options.DryRun || await store.WriteAsync(kind.Resource, key, old.Version, value, delete: true) is not null)
                {
                    if (!options.DryRun) hooks.AfterDelete(kind, value);
                    return (null, old.Uid);
                }

                continue;
            }

            if (old.Deleting) return (value, old.Uid);
            meta["finalizers"] = finalizers.Count == 0 ? null : new JsonArray([.. finalizers.Select(f => (JsonNode)f)]);
            if (finalizers.Count == 0) meta.Remove("finalizers");
            meta["deletionTimestamp"] = Now();
            if (!KindHooks.HoldsDeletion(kind, value)) meta["deletionGracePeriodSeconds"] = 0;
            if (kind.HasGeneration) meta["generation"] = (JsonText.Int(meta["generation"]) ?? 0) + 1;
            if (options.DryRun || await store.WriteAsync(kind.Resource, key, old.Version, value, delete: false) is not null)
            {
                hooks.AfterWrite(kind, value);
                return (value, old.Uid);
            }
        }
    }

    /// <summary>Rewrites an object stored under another version of its kind; both carry the same fields.</summary>
    public static void FromStorage(ResourceKind kind, KindVersion version, JsonObject value) => value["apiVersion"] = kind.ApiVersion(version.Name);

    private static void ToStorage(ResourceKind kind, JsonObject value) => value["apiVersion"] = kind.ApiVersion(kind.Storage.Name);

    private async Task<JsonObject> RetryGeneratedAsync(ResourceKind kind, KindVersion version, string @namespace, JsonObject value, WriteContext context)
    {
        var meta = (JsonObject)value["metadata"]!;
        meta.Remove("name");
        meta.Remove("resourceVersion");
        return await CreateAsync(kind, version, @namespace, value, [], context);
    }

    private async Task<JsonObject?> StoreUpdateAsync(ResourceKind kind, KindVersion version, StoredObject old, JsonObject value, bool status, WriteContext context)
    {
        var before = old.Parse();
        var beforeMeta = (JsonObject)before["metadata"]!;
        var meta = (JsonObject)value["metadata"]!;
        var asked = JsonText.String(meta["resourceVersion"]) ?? "";
        var uid = JsonText.String(meta["uid"]) ?? "";
        if (uid.Length > 0 && uid != old.Uid)
        {
            throw ApiError.Conflict(kind.Group, kind.Plural, old.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Uid}");
        }

        if (asked.Length > 0 && asked != old.Version.ToString(CultureInfo.InvariantCulture)) throw ApiError.Stale(kind.Group, kind.Plural, old.Name);
        if (status)
        {
            var fresh = value["status"]?.DeepClone();
            value = (JsonObject)before.DeepClone();
            value.Remove("status");
            if (fresh is not null) value["status"] = fresh;
            meta = (JsonObject)value["metadata"]!;
        }
        else
        {
            CheckDeletionFields(kind, old.Name, meta, beforeMeta);
            foreach (var field in (string[])["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "namespace", "selfLink"]) Carry(beforeMeta, meta, field);
            meta.Remove("managedFields");
            meta["resourceVersion"] = beforeMeta["resourceVersion"]?.DeepClone();
            if (version.HasStatus) Carry(before, value, "status");
            KindHooks.BeforeUpdate(kind, value, before);
        }

        Defaulting.Apply(value, version.Schema);
        if (status) ValidateStatus(kind, version, value, before, context.Warnings);
        else Validate(kind, version, value, before, context.Warnings);
        hooks.Admit(kind, value, before);
        MetadataRules.DropEmpty(meta);
        ToStorage(kind, value);
        if (kind.HasGeneration && !status && WishChanged(version, before, value)) meta["generation"] = (JsonText.Int(meta["generation"]) ?? 0) + 1;
        if (JsonNode.DeepEquals(before, value)) return before;
        if (old.Deleting && !status && MetadataRules.Finalizers(value).Count == 0 && !KindHooks.HoldsDeletion(kind, value))
        {
            if (context.DryRun) return value;
            // The answer carries the version that the client knew: the object that it describes was never stored.
            var answer = (JsonObject)value.DeepClone();
            if (await store.WriteAsync(kind.Resource, old.Key, old.Version, value, delete: true) is null) return null;
            hooks.AfterDelete(kind, value);
            return answer;
        }

        if (context.DryRun) return value;
        if (await store.WriteAsync(kind.Resource, old.Key, old.Version, value, delete: false) is null) return null;
        hooks.AfterWrite(kind, value);
        return value;
    }

    private static bool WishChanged(KindVersion version, JsonObject before, JsonObject after)
    {
        foreach (var key in before.Select(p => p.Key).Union(after.Select(p => p.Key)))
        {
            if (key is "metadata" or "apiVersion" or "kind" || (key == "status" && version.HasStatus)) continue;
            if (!JsonNode.DeepEquals(before[key], after[key])) return true;
        }

        return false;
    }

    private static void Carry(JsonObject from, JsonObject to, string field)
    {
        to.Remove(field);
        if (from[field] is { } value) to[field] = value.DeepClone();
    }
}
