using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.DevPlane;

/// <summary>One thing that is wrong with an object, worded as the server words it.</summary>
/// <param name="Reason">E.g. <c>FieldValueRequired</c>, or <c>UnknownField</c>.</param>
/// <param name="Field">Its path; empty where it is about the whole object.</param>
/// <param name="Message">What was found.</param>
public sealed record OfflineCause(string Reason, string Field, string Message);

/// <summary>What a plane would answer.</summary>
/// <param name="Code">The HTTP status: 201, or why not.</param>
/// <param name="Causes">Empty when it would be accepted.</param>
/// <param name="Stored">The object with its defaults, when it would be accepted.</param>
public sealed record OfflineAnswer(int Code, IReadOnlyList<OfflineCause> Causes, JsonObject? Stored)
{
    public bool Accepted => Causes.Count == 0;
}

/// <summary>
/// The embedded plane without its server: checks objects as a strict create on it would, and keeps definitions only. For one thread.
/// </summary>
public sealed class OfflinePlane : IDisposable
{
    /// <summary>The reason of fields that no schema knows.</summary>
    public const string UnknownField = "UnknownField";

    private readonly ObjectStore store;
    private readonly KindRegistry registry = new();
    private readonly ObjectService objects;

    /// <param name="rules">Evaluators of the definitions' validation rules; null for none.</param>
    public OfflinePlane(ICelRules? rules = null)
    {
        store = new ObjectStore(null, NullLogger.Instance, 1);
        objects = new ObjectService(store, new KindHooks(store, registry, rules ?? new CelRules(), TimeProvider.System), TimeProvider.System);
    }

    /// <summary>The kinds of an API version that are known, for suggestions.</summary>
    public IReadOnlyList<string> KindsOf(string apiVersion) =>
        [.. registry.All.SelectMany(k => k.Versions.Where(v => v.Served && k.ApiVersion(v.Name) == apiVersion).Select(_ => k.Kind)).Order(StringComparer.Ordinal)];

    /// <summary>The API versions that serve a kind.</summary>
    public IReadOnlyList<string> VersionsOf(string kind) =>
        [.. registry.All.Where(k => k.Kind == kind).SelectMany(k => k.Versions.Where(v => v.Served).Select(v => k.ApiVersion(v.Name))).Order(StringComparer.Ordinal)];

    /// <summary>The schema of a kind, as its definition writes it; null for one that isn't known.</summary>
    public JsonObject? SchemaOf(string apiVersion, string kind) => Find(apiVersion, kind)?.Version.SchemaJson;

    public bool? IsNamespaced(string apiVersion, string kind) => Find(apiVersion, kind)?.Kind.Namespaced;

    /// <summary>
    /// Checks one object as a create would. A namespaced object without a namespace goes to <c>default</c>; its namespace is taken to exist.
    /// An accepted CustomResourceDefinition serves its kind from then on; nothing else is kept.
    /// </summary>
    public async Task<OfflineAnswer> CheckAsync(JsonObject value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var apiVersion = JsonText.String(value["apiVersion"]) ?? "";
        var name = JsonText.String(value["kind"]) ?? "";
        if (Find(apiVersion, name) is not { } found)
            return new OfflineAnswer(404, [new OfflineCause("NoMatch", "kind", $"no matches for kind \"{name}\" in version \"{apiVersion}\"")], null);
        var (kind, version) = found;
        var copy = (JsonObject)value.DeepClone();
        // Warned instead of refused, so that what else is wrong shows in the same run.
        var context = new WriteContext("Warn", DryRun: kind.Resource != BuiltInKinds.Definitions);
        try
        {
            var @namespace = kind.Namespaced ? JsonText.String((copy["metadata"] as JsonObject)?["namespace"]) is { Length: > 0 } given ? given : "default" : "";
            if (kind.Namespaced) await EnsureNamespaceAsync(@namespace);
            var stored = kind.Resource == BuiltInKinds.Definitions && store.GetLatest(kind.Resource, JsonText.String((copy["metadata"] as JsonObject)?["name"]) ?? "") is { } known
                ? await ReplaceAsync(kind, version, known, copy, context)
                : await objects.CreateAsync(kind, version, @namespace, copy, [], context);
            return context.Warnings.Count == 0 ? new OfflineAnswer(201, [], stored) : new OfflineAnswer(400, Unknown(context), null);
        }
        catch (ApiError error)
        {
            return new OfflineAnswer(context.Warnings.Count > 0 ? 400 : error.Code, [.. Unknown(context), .. Causes(error)], null);
        }
    }

    public void Dispose() => store.Dispose();

    private (ResourceKind Kind, KindVersion Version)? Find(string apiVersion, string name) =>
        registry.ByKind(apiVersion, name) is { } kind && kind.Versions.FirstOrDefault(v => v.Served && kind.ApiVersion(v.Name) == apiVersion) is { } version ? (kind, version) : null;

    private async Task EnsureNamespaceAsync(string name)
    {
        if (store.GetLatest(BuiltInKinds.Namespaces, name) is not null) return;
        var kind = registry.ByResource(BuiltInKinds.Namespaces)!;
        var value = new JsonObject { ["apiVersion"] = "v1", ["kind"] = kind.Kind, ["metadata"] = new JsonObject { ["name"] = name } };
        try
        {
            await objects.CreateAsync(kind, kind.Storage, "", value, [], WriteContext.Internal());
        }
        catch (ApiError error) when (error.Code == 422)
        {
            throw ApiError.NotFound("", "namespaces", name);
        }
    }

    /// <summary>A definition that is known: what the manifest says takes its place, as with an apply.</summary>
    private Task<JsonObject> ReplaceAsync(ResourceKind kind, KindVersion version, StoredObject known, JsonObject value, WriteContext context)
    {
        if (value["metadata"] is JsonObject metadata) metadata["resourceVersion"] = known.Version.ToString(CultureInfo.InvariantCulture);
        return objects.UpdateAsync(kind, version, "", known.Name, false, value, [], context);
    }

    private static OfflineCause[] Unknown(WriteContext context) =>
        [.. context.Warnings.Select(w => new OfflineCause(UnknownField, w.Split('"') is [_, var field, ..] ? field : "", w))];

    private static OfflineCause[] Causes(ApiError error) =>
        error.Details?["causes"] is JsonArray { Count: > 0 } causes
            ? [.. causes.Select(c => new OfflineCause(JsonText.String(c?["reason"]) ?? "", JsonText.String(c?["field"]) is { } f && f != FieldError.NoField ? f : "", JsonText.String(c?["message"]) ?? "")).Distinct()]
            : [new OfflineCause(error.Reason, "", error.Message)];
}
