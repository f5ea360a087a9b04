using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

internal sealed partial class ObjectService
{
    private static void CheckApiVersion(ResourceKind kind, KindVersion version, JsonObject value, IReadOnlyList<string> duplicates, WriteContext context)
    {
        var wanted = kind.ApiVersion(version.Name);
        var given = JsonText.String(value["apiVersion"]) ?? "";
        if (given != wanted)
        {
            throw ApiError.BadRequest($"the API version in the data ({given}) does not match the expected API version ({wanted})");
        }

        MetadataRules.CheckTypes(value, kind.Kind, version.Name);
        var givenKind = JsonText.String(value["kind"]) ?? "";
        if (givenKind == kind.Kind) return;
        if (kind.BuiltIn) throw ApiError.BadRequest($"{givenKind} in version \"{version.Name}\" cannot be handled as a {kind.Kind}: no kind \"{givenKind}\" is registered for this resource");
        throw ApiError.Invalid(kind.Group, givenKind, JsonText.String(value["metadata"]?["name"]) ?? "", [FieldError.InvalidText("kind", JsonText.Quote(givenKind), "must be " + kind.Kind)]);
    }

    private static void CheckNamespaceField(ResourceKind kind, string @namespace, JsonObject meta)
    {
        var given = JsonText.String(meta["namespace"]) ?? "";
        if (!kind.Namespaced)
        {
            // The real server drops it, whatever it says.
            meta.Remove("namespace");
            return;
        }

        if (given.Length > 0 && given != @namespace) throw ApiError.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        meta["namespace"] = @namespace;
    }

    private static void CheckUrl(ResourceKind kind, string @namespace, string name, JsonObject meta)
    {
        var given = JsonText.String(meta["name"]) ?? "";
        if (given.Length == 0) throw ApiError.BadRequest("name must be provided");
        if (given != name) throw ApiError.BadRequest($"the name of the object ({given}) does not match the name on the URL ({name})");
        CheckNamespaceField(kind, @namespace, meta);
    }

    private static void Prune(ResourceKind kind, KindVersion version, JsonObject value, IReadOnlyList<string> duplicates, WriteContext context, bool isPatch = false)
    {
        var unknown = Pruning.PruneObject(value, version.Schema);
        KindHooks.UnknownFields(kind, value, unknown);
        if (context.FieldValidation == "Ignore") return;
        List<string> findings = [.. duplicates.Select(d => $"duplicate field \"{d}\""), .. unknown.Select(u => $"unknown field \"{u}\"")];
        if (findings.Count == 0) return;
        if (context.FieldValidation == "Strict")
        {
            // The real server quotes the whole object here; the fields alone say as much and carry no secret.
            if (isPatch) throw ApiError.Invalid("", "", "", [FieldError.InvalidText("patch", "\"...\"", "strict decoding error: " + string.Join(", ", findings))]);
            throw ApiError.BadRequest($"{kind.Kind} in version \"{version.Name}\" cannot be handled as a {kind.Kind}: strict decoding error: {string.Join(", ", findings)}");
        }

        context.Warnings.AddRange(findings);
    }

    private Task CheckNamespaceAsync(ResourceKind kind, string @namespace, string name)
    {
        var space = store.GetLatest(BuiltInKinds.Namespaces, @namespace) ?? throw ApiError.NotFound("", "namespaces", @namespace);
        if (!space.Deleting) return Task.CompletedTask;
        throw ApiError.Forbidden(
            kind.Group,
            kind.Plural,
            name,
            $"unable to create new content in namespace {@namespace} because it is being terminated",
            new JsonArray(new JsonObject
            {
                ["reason"] = "NamespaceTerminating",
                ["message"] = $"namespace {@namespace} is being terminated",
                ["field"] = "metadata.namespace",
            }));
    }

    private static void Validate(ResourceKind kind, KindVersion version, JsonObject value, JsonObject? before, List<string> warnings)
    {
        var errors = new List<FieldError>();
        MetadataRules.Validate(kind, value, errors);
        CheckNewFinalizers(value, before, errors);
        var body = Body(value);
        var old = before is null ? null : Body(before);
        var schemaErrors = SchemaValidator.Validate(body, old, version.Schema, "", "");
        if (kind.BuiltIn && schemaErrors.Count > 0)
        {
            var first = schemaErrors[0];
            throw ApiError.BadRequest($"{kind.Kind} in version \"{version.Name}\" cannot be handled as a {kind.Kind}: {GoDecodeError(kind, version, body, first)}");
        }

        errors.AddRange(schemaErrors);
        version.Scale?.Validate(body, statusOnly: false, errors);
        SchemaExtensionsValidator.Embedded(body, version.Schema, "", errors);
        SchemaExtensionsValidator.Lists(body, version.Schema, "", errors);
        RuleValidator.Validate(body, old, version.Schema, "", errors, warnings);
        if (errors.Count > 0) throw ApiError.Invalid(kind.Group, kind.Kind, JsonText.String(value["metadata"]?["name"]) ?? "", errors);
    }

    private static void ValidateStatus(ResourceKind kind, KindVersion version, JsonObject value, JsonObject before, List<string> warnings)
    {
        if (kind.BuiltIn) return;
        var scaleErrors = new List<FieldError>();
        version.Scale?.Validate(value, statusOnly: true, scaleErrors);
        if (scaleErrors.Count > 0) throw ApiError.Invalid(kind.Group, kind.Kind, JsonText.String(value["metadata"]?["name"]) ?? "", scaleErrors);
        var errors = new List<FieldError>();
        if (version.Schema.Properties.TryGetValue("status", out var schema) && value["status"] is { } status)
        {
            // Messages name the path below the status, the field names it in full: so does the real server.
            errors = SchemaValidator.Validate(status, before["status"], schema, "status", "");
            SchemaExtensionsValidator.Embedded(status, schema, "status", errors);
        }

        SchemaExtensionsValidator.Lists(value, version.Schema, "", errors);
        RuleValidator.Validate(value, before, version.Schema, "", errors, warnings);
        if (errors.Count > 0) throw ApiError.Invalid(kind.Group, kind.Kind, JsonText.String(value["metadata"]?["name"]) ?? "", errors);
    }

    private static JsonObject Body(JsonObject value)
    {
        // Rules at the root may read metadata.name; the schema below it isn't part of the CRD's.
        return value;
    }

    private static string GoDecodeError(ResourceKind kind, KindVersion version, JsonObject body, FieldError error)
    {
        JsonNode? found = body;
        foreach (var part in error.Field.Split('.')) found = (found as JsonObject)?[part];
        var parts = error.Field.Split('.');
        var field = parts.Length > 1 && found is not JsonObject ? parts[0] : error.Field;
        var wanted = error.Message.Contains("of type ", StringComparison.Ordinal) ? error.Message.Split("of type ")[1].Split(':')[0] : "value";
        var name = JsonText.TypeName(found) switch { "integer" or "number" => "number", "boolean" => "bool", var other => other };
        return $"json: cannot unmarshal {name} into Go struct field {kind.Kind}.{field} of type {wanted switch { "integer" => "int64", "boolean" => "bool", _ => wanted }}";
    }

    private static void CheckNewFinalizers(JsonObject value, JsonObject? before, List<FieldError> errors)
    {
        if (before?["metadata"]?["deletionTimestamp"] is null) return;
        var added = MetadataRules.Finalizers(value).Except(MetadataRules.Finalizers(before), StringComparer.Ordinal).ToArray();
        if (added.Length == 0) return;
        var text = string.Join(", ", added.Select(JsonText.Quote));
        var error = FieldError.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{text}}}");
        errors.Add(error);
        // The real server checks twice and lists the cause twice.
        errors.Add(error);
    }

    private static void CheckDeletionFields(ResourceKind kind, string name, JsonObject meta, JsonObject before)
    {
        var errors = new List<FieldError>();
        foreach (var field in (string[])["deletionTimestamp", "deletionGracePeriodSeconds"])
        {
            if (meta[field] is not { } given || JsonNode.DeepEquals(given, before[field])) continue;
            var error = FieldError.Invalid("metadata." + field, given, "field is immutable");
            errors.Add(error);
            // Checked twice by the real server, as finalizers are.
            errors.Add(error);
        }

        if (errors.Count > 0) throw ApiError.Invalid(kind.Group, kind.Kind, name, errors);
    }

    private static ApiError NeedsVersion(ResourceKind kind, string name) =>
        ApiError.Invalid(kind.Group, kind.Plural, name, [FieldError.InvalidText("metadata.resourceVersion", "0", "must be specified for an update")]);

    private static void CheckPreconditions(ResourceKind kind, StoredObject old, DeleteOptions options)
    {
        if (options.Uid is { } uid && uid != old.Uid)
        {
            throw ApiError.Conflict(kind.Group, kind.Kind, old.Name, $"the UID in the precondition ({uid}) does not match the UID in record ({old.Uid}). The object might have been deleted and then recreated");
        }

        if (options.Version is { } version && version != old.Version.ToString(CultureInfo.InvariantCulture))
        {
            throw ApiError.Conflict(kind.Group, kind.Kind, old.Name, $"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({old.Version}). The object might have been modified");
        }
    }
}
