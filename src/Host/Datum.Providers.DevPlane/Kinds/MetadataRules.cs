using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>Checks of metadata that hold for every kind.</summary>
internal static partial class MetadataRules
{
    private const string SubdomainHelp = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string LabelHelp = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    private const string NamePartHelp = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    private const string LabelValueHelp = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    private const int MaxAnnotations = 256 * 1024;

    private static readonly (string Field, string Type)[] Types =
    [
        ("name", "string"), ("generateName", "string"), ("namespace", "string"), ("uid", "string"), ("resourceVersion", "string"), ("labels", "object"),
        ("annotations", "object"), ("finalizers", "array"), ("ownerReferences", "array"), ("generation", "integer"), ("creationTimestamp", "string"),
        ("deletionTimestamp", "string"),
    ];

    /// <summary>Refuses metadata of the wrong JSON types, which Go's decoder would refuse.</summary>
    public static void CheckTypes(JsonObject value, string kind, string version)
    {
        if (value["metadata"] is null)
        {
            value["metadata"] = new JsonObject();
            return;
        }

        if (value["metadata"] is not JsonObject meta) throw Broken(kind, version, value["metadata"], "ObjectMeta", "v1.ObjectMeta");
        foreach (var (field, type) in Types)
        {
            if (meta[field] is { } found && JsonText.TypeName(found) != type)
            {
                throw Broken(kind, version, found, "ObjectMeta." + field, type switch { "object" => "map[string]string", "array" => "[]" + field, "integer" => "int64", _ => type });
            }

            if (type == "object" && meta[field] is JsonObject map && map.FirstOrDefault(p => JsonText.String(p.Value) is null && p.Value is not null) is { Key: not null } bad)
            {
                throw Broken(kind, version, bad.Value, "ObjectMeta." + field, "string");
            }
        }
    }

    public static ApiError Broken(string kind, string version, JsonNode? found, string field, string type)
    {
        var name = JsonText.TypeName(found) switch { "integer" or "number" => "number", "boolean" => "bool", var other => other };
        return ApiError.BadRequest($"{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal {name} into Go struct field {field} of type {type}");
    }

    public static void Validate(ResourceKind kind, JsonObject value, List<FieldError> errors)
    {
        var meta = (JsonObject)value["metadata"]!;
        var name = JsonText.String(meta["name"]) ?? "";
        CheckName(kind, name, errors);
        foreach (var (key, label) in meta["labels"] as JsonObject ?? [])
        {
            CheckKey(key, "metadata.labels", errors);
            var text = JsonText.String(label) ?? "";
            if (text.Length > 63) errors.Add(FieldError.TooLong("metadata.labels", 63));
            else if (!LabelValue().IsMatch(text)) errors.Add(FieldError.InvalidText("metadata.labels", JsonText.Quote(text), LabelValueHelp));
        }

        CheckAnnotations(meta["annotations"] as JsonObject ?? [], errors);
        CheckOwners(meta["ownerReferences"] as JsonArray ?? [], errors);
        foreach (var finalizer in meta["finalizers"] as JsonArray ?? [])
        {
            CheckKey(JsonText.String(finalizer) ?? "", "metadata.finalizers", errors);
        }
    }

    /// <summary>Removes what Go's encoder omits: empty maps, lists and texts.</summary>
    public static void DropEmpty(JsonObject meta)
    {
        foreach (var (field, _) in Types)
        {
            if (!meta.TryGetPropertyValue(field, out var value)) continue;
            if (value is null or JsonObject { Count: 0 } or JsonArray { Count: 0 } || JsonText.String(value) is "") meta.Remove(field);
        }
    }

    public static List<string> Finalizers(JsonNode? value) =>
        value?["metadata"]?["finalizers"] is JsonArray many ? [.. many.Select(JsonText.String).OfType<string>()] : [];

    private static void CheckName(ResourceKind kind, string name, List<FieldError> errors)
    {
        if (name.Length == 0)
        {
            errors.Add(FieldError.Required("metadata.name", "name or generateName is required"));
        }
        else if (kind.Resource == BuiltInKinds.Namespaces)
        {
            if (name.Length > 63) errors.Add(FieldError.InvalidText("metadata.name", JsonText.Quote(name), "must be no more than 63 bytes"));
            else if (!DnsLabel().IsMatch(name)) errors.Add(FieldError.InvalidText("metadata.name", JsonText.Quote(name), LabelHelp));
        }
        else if (name.Length > 253)
        {
            errors.Add(FieldError.InvalidText("metadata.name", JsonText.Quote(name), "must be no more than 253 bytes"));
        }
        else if (!Subdomain().IsMatch(name))
        {
            errors.Add(FieldError.InvalidText("metadata.name", JsonText.Quote(name), SubdomainHelp));
        }
    }

    private static void CheckAnnotations(JsonObject annotations, List<FieldError> errors)
    {
        long size = 0;
        foreach (var (key, text) in annotations)
        {
            CheckKey(key.ToLowerInvariant(), "metadata.annotations", errors);
            size += key.Length + (JsonText.String(text)?.Length ?? 0);
        }

        if (size > MaxAnnotations) errors.Add(FieldError.TooLong("metadata.annotations", MaxAnnotations));
    }

    private static void CheckOwners(JsonArray owners, List<FieldError> errors)
    {
        const string path = "metadata.ownerReferences";
        foreach (var owner in owners)
        {
            if (string.IsNullOrEmpty(JsonText.String(owner?["apiVersion"]))) errors.Add(FieldError.InvalidText(path + ".apiVersion", "\"\"", "version must not be empty"));
            foreach (var field in (string[])["kind", "name", "uid"])
            {
                if (string.IsNullOrEmpty(JsonText.String(owner?[field]))) errors.Add(FieldError.InvalidText($"{path}.{field}", "\"\"", "must not be empty"));
            }
        }

        if (owners.Count(o => JsonText.Bool(o?["controller"]) == true) > 1)
        {
            errors.Add(FieldError.Invalid(path, owners, "Only one reference can have Controller set to true. Found \"true\" in references for more than one owner"));
        }
    }

    /// <summary>What is wrong with a label's value; null where nothing is.</summary>
    public static string? LabelProblem(string text) =>
        text.Length > 63 ? "must be no more than 63 bytes" : LabelValue().IsMatch(text) ? null : LabelValueHelp;

    /// <summary>What is wrong with a qualified name, several problems joined; null where nothing is.</summary>
    public static string? KeyProblem(string key) => KeyProblems(key) is { Count: > 0 } problems ? string.Join("; ", problems) : null;

    private static List<string> KeyProblems(string key)
    {
        var problems = new List<string>();
        var parts = key.Split('/');
        if (parts.Length > 2)
        {
            return ["a qualified name " + NamePartHelp["name part ".Length..].Replace("regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')", "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')", StringComparison.Ordinal)];
        }

        if (parts.Length == 2 && parts[0].Length == 0) problems.Add("prefix part must be non-empty");
        else if (parts.Length == 2 && !Subdomain().IsMatch(parts[0])) problems.Add("prefix part " + SubdomainHelp);
        var part = parts[^1];
        if (part.Length == 0) problems.Add("name part must be non-empty");
        else if (part.Length > 63) problems.Add("name part must be no more than 63 bytes");
        if (!NamePart().IsMatch(part)) problems.Add(NamePartHelp);
        return problems;
    }

    private static void CheckKey(string key, string path, List<FieldError> errors)
    {
        foreach (var problem in KeyProblems(key)) errors.Add(FieldError.InvalidText(path, JsonText.Quote(key), problem));
    }

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex Subdomain();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex DnsLabel();

    [GeneratedRegex(@"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z")]
    private static partial Regex NamePart();

    [GeneratedRegex(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\z")]
    private static partial Regex LabelValue();
}
