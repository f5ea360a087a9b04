using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>What the few built-in kinds do beyond storage.</summary>
internal sealed class KindHooks(ObjectStore store, KindRegistry registry, ICelRules rules, TimeProvider time)
{
    public const string CleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

    private static readonly string[] Protected = ["default", "kube-system", "kube-public"];

    public static void BeforeCreate(ResourceKind kind, JsonObject value)
    {
        switch (kind.Resource)
        {
            case BuiltInKinds.Namespaces:
                var meta = (JsonObject)value["metadata"]!;
                if (meta["labels"] is not JsonObject labels) meta["labels"] = labels = [];
                labels["kubernetes.io/metadata.name"] = JsonText.String(meta["name"]) ?? "";
                value["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                value["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case BuiltInKinds.Secrets:
                FoldStringData(value);
                if (string.IsNullOrEmpty(JsonText.String(value["type"]))) value["type"] = "Opaque";
                break;
            case BuiltInKinds.Definitions:
                DefinitionReader.Default(value);
                break;
            default:
                FillIn(kind, value);
                break;
        }
    }

    public static void BeforeUpdate(ResourceKind kind, JsonObject value, JsonObject before)
    {
        switch (kind.Resource)
        {
            case BuiltInKinds.Namespaces:
                value["spec"] = before["spec"]?.DeepClone();
                break;
            case BuiltInKinds.Secrets:
                FoldStringData(value);
                if (string.IsNullOrEmpty(JsonText.String(value["type"]))) value["type"] = before["type"]?.DeepClone();
                break;
            case BuiltInKinds.Definitions:
                DefinitionReader.Default(value);
                break;
            default:
                FillIn(kind, value);
                break;
        }
    }

    /// <summary>What Go's encoder writes of these kinds also where nobody gave it.</summary>
    private static void FillIn(ResourceKind kind, JsonObject value)
    {
        if (kind.Resource == "coordination.k8s.io/leases") value["spec"] ??= new JsonObject();
        if (kind.Resource != "/events") return;
        foreach (var field in (string[])["involvedObject", "source"]) value[field] ??= new JsonObject();
        foreach (var field in (string[])["reportingComponent", "reportingInstance"]) value[field] ??= "";
        foreach (var field in (string[])["eventTime", "firstTimestamp", "lastTimestamp"])
        {
            if (!value.ContainsKey(field)) value[field] = null;
        }
    }

    /// <summary>The last check before a write, with the final state.</summary>
    public void Admit(ResourceKind kind, JsonObject value, JsonObject? before)
    {
        var name = JsonText.String(value["metadata"]?["name"]) ?? "";
        if (kind.Resource is BuiltInKinds.Secrets or "/configmaps") CheckData(kind, name, value, before);
        if (kind.Resource == BuiltInKinds.Definitions) AdmitDefinition(kind, name, value, before);
    }

    public static void BeforeDelete(ResourceKind kind, JsonObject value)
    {
        var name = JsonText.String(value["metadata"]?["name"]) ?? "";
        if (kind.Resource == BuiltInKinds.Namespaces)
        {
            if (Protected.Contains(name)) throw ApiError.Forbidden("", "namespaces", name, "this namespace may not be deleted");
            value["status"] = new JsonObject { ["phase"] = "Terminating" };
        }
        else if (kind.Resource == BuiltInKinds.Definitions && value["metadata"]!["deletionTimestamp"] is null)
        {
            var finalizers = value["metadata"]!["finalizers"] as JsonArray ?? [];
            if (!finalizers.Any(f => JsonText.String(f) == CleanupFinalizer)) finalizers.Add((JsonNode)CleanupFinalizer);
            value["metadata"]!["finalizers"] = finalizers.DeepClone();
        }
    }

    /// <summary>A namespace stays until its content is gone.</summary>
    public static bool HoldsDeletion(ResourceKind kind, JsonObject value) =>
        kind.Resource == BuiltInKinds.Namespaces && value["spec"]?["finalizers"] is JsonArray { Count: > 0 };

    public void AfterWrite(ResourceKind kind, JsonObject value)
    {
        if (kind.Resource == BuiltInKinds.Definitions) Serve(value);
    }

    public void AfterDelete(ResourceKind kind, JsonObject value)
    {
        if (kind.Resource != BuiltInKinds.Definitions) return;
        var resource = $"{JsonText.String(value["spec"]?["group"])}/{JsonText.String(value["spec"]?["names"]?["plural"])}";
        registry.Remove(resource);
        store.EndWatches(resource);
    }

    /// <summary>Definitions are read by their own reader, so their unknown fields are found there.</summary>
    public static void UnknownFields(ResourceKind kind, JsonObject value, List<string> unknown)
    {
        if (kind.Resource == BuiltInKinds.Definitions) DefinitionFields.Prune(value, unknown);
    }

    /// <summary>Makes an accepted definition's kind available.</summary>
    public void Serve(JsonObject definition)
    {
        var errors = new List<FieldError>();
        var kind = DefinitionReader.Read(definition, rules, errors);
        if (kind is null) throw new InvalidDataException($"The stored definition '{JsonText.String(definition["metadata"]?["name"])}' can't be served any more: {errors[0]}");
        if (registry.Conflict(kind) is null) registry.Set(kind);
    }

    private void AdmitDefinition(ResourceKind self, string name, JsonObject value, JsonObject? before)
    {
        var errors = new List<FieldError>();
        var kind = DefinitionReader.Read(value, rules, errors);
        if (kind is null) throw ApiError.Invalid(self.Group, self.Kind, name, errors);
        if (before is not null)
        {
            Immutable(value, before, "scope", errors);
            Immutable(value, before, "group", errors);
            var stored = before["status"]?["storedVersions"] as JsonArray ?? [];
            for (var i = 0; i < stored.Count; i++)
            {
                if (kind.Versions.All(v => v.Name != JsonText.String(stored[i])))
                {
                    errors.Add(FieldError.Invalid($"status.storedVersions[{i}]", stored[i], "missing from spec.versions; v1.CustomResourceDefinition must not remove a version while objects may be stored in it"));
                }
            }
        }

        if (errors.Count > 0) throw ApiError.Invalid(self.Group, self.Kind, name, errors);
        WriteStatus(value, before, kind);
    }

    private void WriteStatus(JsonObject value, JsonObject? before, ResourceKind kind)
    {
        var now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var clash = registry.Conflict(kind);
        var versions = (before?["status"]?["storedVersions"] as JsonArray ?? []).Select(JsonText.String).OfType<string>().ToList();
        if (!versions.Contains(kind.Storage.Name)) versions.Add(kind.Storage.Name);
        var conditions = new JsonArray(
            clash is null ? Condition("NamesAccepted", "True", "NoConflicts", "no conflicts found") : Condition("NamesAccepted", "False", "NameConflict", clash),
            clash is null ? Condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted") : Condition("Established", "False", "NotAccepted", "not all names are accepted"));
        foreach (var condition in conditions)
        {
            var former = (before?["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => JsonNode.DeepEquals(c?["type"], condition!["type"]) && JsonNode.DeepEquals(c?["status"], condition["status"]));
            if (former?["lastTransitionTime"] is { } since) condition!["lastTransitionTime"] = since.DeepClone();
        }

        value["status"] = new JsonObject
        {
            ["conditions"] = conditions,
            ["acceptedNames"] = clash is null ? value["spec"]!["names"]!.DeepClone() : new JsonObject { ["kind"] = "", ["plural"] = "" },
            ["storedVersions"] = new JsonArray([.. versions.Select(v => (JsonNode)v)]),
        };

        JsonObject Condition(string type, string status, string reason, string message) =>
            new() { ["type"] = type, ["status"] = status, ["lastTransitionTime"] = now, ["reason"] = reason, ["message"] = message };
    }

    private static void Immutable(JsonObject value, JsonObject before, string field, List<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(value["spec"]?[field], before["spec"]?[field]))
        {
            errors.Add(FieldError.Invalid("spec." + field, value["spec"]?[field], "field is immutable"));
        }
    }

    private static void CheckData(ResourceKind kind, string name, JsonObject value, JsonObject? before)
    {
        var errors = new List<FieldError>();
        foreach (var map in (string[])["data", "binaryData"])
        {
            foreach (var (key, content) in value[map] as JsonObject ?? [])
            {
                if (key.Length is 0 or > 253 || key.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
                {
                    errors.Add(FieldError.InvalidText($"{map}[{key}]", JsonText.Quote(key), "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"));
                }

                var text = JsonText.String(content) ?? "";
                if ((kind.Kind == "Secret" || map == "binaryData") && !Convert.TryFromBase64String(text, new byte[text.Length], out _))
                {
                    throw ApiError.BadRequest($"{kind.Kind} in version \"v1\" cannot be handled as a {kind.Kind}: illegal base64 data at input byte 0");
                }
            }
        }

        if (JsonText.Bool(before?["immutable"]) == true)
        {
            if (JsonText.Bool(value["immutable"]) != true) errors.Add(FieldError.Forbidden("immutable", "field is immutable when `immutable` is set"));
            foreach (var map in (string[])["data", "binaryData"])
            {
                if (!JsonNode.DeepEquals(value[map], before![map])) errors.Add(FieldError.Forbidden(map, "field is immutable when `immutable` is set"));
            }
        }

        if (errors.Count > 0) throw ApiError.Invalid(kind.Group, kind.Kind, name, errors);
    }

    private static void FoldStringData(JsonObject value)
    {
        if (value["stringData"] is JsonObject plain)
        {
            if (value["data"] is not JsonObject data) value["data"] = data = [];
            foreach (var (key, text) in plain) data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(JsonText.String(text) ?? ""));
        }

        value.Remove("stringData");
    }
}
