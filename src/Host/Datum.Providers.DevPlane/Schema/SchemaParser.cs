using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Reads an openAPIV3Schema and refuses what the real server refuses (not structural) and what this plane can't honour (unknown rules).
/// </summary>
internal sealed class SchemaParser(ICelRules rules, List<FieldError> errors)
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "type", "format", "title", "description", "default", "example", "nullable", "enum", "minimum", "maximum", "exclusiveMinimum",
        "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
        "maxProperties", "required", "properties", "additionalProperties", "items", "allOf", "anyOf", "oneOf", "not", "externalDocs",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-validations",
    };

    private static readonly HashSet<string> Types = new(StringComparer.Ordinal) { "object", "array", "string", "integer", "number", "boolean" };

    private string? uncorrelatable;

    public StructuralSchema Parse(JsonObject node, string path) => Parse(node, path, structural: true, specified: true);

    private StructuralSchema Parse(JsonObject node, string path, bool structural, bool specified)
    {
        foreach (var (key, _) in node)
        {
            if (!Known.Contains(key)) errors.Add(FieldError.Forbidden($"{path}.{key}", "not supported by this plane"));
        }

        var type = JsonText.String(node["type"]) ?? "";
        var intOrString = JsonText.Bool(node["x-kubernetes-int-or-string"]) == true;
        var preserve = JsonText.Bool(node["x-kubernetes-preserve-unknown-fields"]) == true;
        CheckType(path, type, structural && specified && !intOrString && !preserve);

        var items = ParseItems(node, path, structural, specified);
        if (type == "array" && structural && items is null) errors.Add(FieldError.Required(path + ".items", "must be specified"));
        var additional = node["additionalProperties"];
        var values = additional is JsonObject a ? Parse(a, path + ".additionalProperties", structural, specified) : null;
        var allOf = ParseMany(node["allOf"], path + ".allOf");
        var anyOf = ParseMany(node["anyOf"], path + ".anyOf");
        var oneOf = ParseMany(node["oneOf"], path + ".oneOf");
        var not = node["not"] is JsonObject n ? Parse(n, path + ".not", structural: false, specified: false) : null;
        var ownRules = new RuleParser(rules, errors).Parse(node, path + ".x-kubernetes-validations", uncorrelatable);
        var properties = new List<KeyValuePair<string, StructuralSchema>>();
        foreach (var (name, child) in node["properties"] as JsonObject ?? [])
        {
            if (child is JsonObject c) properties.Add(new(name, Parse(c, $"{path}.properties[{name}]", structural, specified)));
        }

        if (JsonText.Bool(node["uniqueItems"]) == true)
        {
            errors.Add(FieldError.Forbidden(path + ".uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"));
        }

        var schema = new StructuralSchema
        {
            Type = type,
            Format = JsonText.String(node["format"]) ?? "",
            Nullable = JsonText.Bool(node["nullable"]) == true,
            PreserveUnknownFields = preserve,
            EmbeddedResource = JsonText.Bool(node["x-kubernetes-embedded-resource"]) == true,
            IntOrString = intOrString,
            ListType = JsonText.String(node["x-kubernetes-list-type"]) ?? "atomic",
            ListMapKeys = Strings(node["x-kubernetes-list-map-keys"]),
            AdditionalProperties = values,
            AnyAdditionalProperties = JsonText.Bool(additional) == true,
            Items = items,
            Required = Strings(node["required"]),
            HasDefault = node.ContainsKey("default"),
            Default = node["default"]?.DeepClone(),
            Enum = node["enum"] is JsonArray e ? [.. e.Select(x => x?.DeepClone())] : null,
            Minimum = JsonText.Number(node["minimum"]),
            Maximum = JsonText.Number(node["maximum"]),
            ExclusiveMinimum = JsonText.Bool(node["exclusiveMinimum"]) == true,
            ExclusiveMaximum = JsonText.Bool(node["exclusiveMaximum"]) == true,
            MultipleOf = JsonText.Number(node["multipleOf"]),
            MinLength = JsonText.Int(node["minLength"]),
            MaxLength = JsonText.Int(node["maxLength"]),
            PatternText = JsonText.String(node["pattern"]),
            Pattern = Compile(JsonText.String(node["pattern"]), path),
            MinItems = JsonText.Int(node["minItems"]),
            MaxItems = JsonText.Int(node["maxItems"]),
            MinProperties = JsonText.Int(node["minProperties"]),
            MaxProperties = JsonText.Int(node["maxProperties"]),
            AllOf = allOf,
            AnyOf = anyOf,
            OneOf = oneOf,
            Not = not,
            Rules = ownRules,
            AnyRules = ownRules.Count > 0 || items?.AnyRules == true || values?.AnyRules == true || properties.Any(p => p.Value.AnyRules),
        };
        foreach (var (name, child) in properties) schema.Properties[name] = child;
        CheckLists(schema, path);
        CheckDefault(schema, path);
        return schema;
    }

    private StructuralSchema? ParseItems(JsonObject node, string path, bool structural, bool specified)
    {
        if (node["items"] is not JsonObject items) return null;
        var outer = uncorrelatable;
        // Only items of a map list have a former value; the outermost other list is the one that errors name.
        if (JsonText.String(node["x-kubernetes-list-type"]) != "map") uncorrelatable ??= path;
        var parsed = Parse(items, path + ".items", structural, specified);
        uncorrelatable = outer;
        return parsed;
    }

    private void CheckType(string path, string type, bool needed)
    {
        if (type.Length == 0)
        {
            if (needed) errors.Add(FieldError.Required(path + ".type", "must not be empty for specified object fields"));
        }
        else if (!Types.Contains(type))
        {
            errors.Add(FieldError.NotSupported(path + ".type", JsonText.Quote(type), Types.Order(StringComparer.Ordinal).Select(JsonText.Quote)));
        }
    }

    private void CheckLists(StructuralSchema schema, string path)
    {
        if (schema.ListType is not ("atomic" or "set" or "map"))
        {
            errors.Add(FieldError.NotSupported(path + ".x-kubernetes-list-type", JsonText.Quote(schema.ListType), ["\"atomic\"", "\"map\"", "\"set\""]));
        }
        else if (schema.ListType == "map" && schema.ListMapKeys.Count == 0)
        {
            errors.Add(FieldError.Required(path + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"));
        }
    }

    private void CheckDefault(StructuralSchema schema, string path)
    {
        if (!schema.HasDefault || errors.Count > 0) return;
        var value = schema.Default?.DeepClone();
        Defaulting.Apply(value, schema);
        foreach (var error in SchemaValidator.Validate(value, null, schema, "", ""))
        {
            // The validator runs at the default's own root, so its messages carry a path relative to it, as the real server's do.
            var field = error.Field is "" or FieldError.NoField ? path + ".default" : $"{path}.default.{error.Field}";
            errors.Add(error with { Field = field });
        }
    }

    private List<StructuralSchema> ParseMany(JsonNode? node, string path)
    {
        if (node is not JsonArray many) return [];
        var result = new List<StructuralSchema>(many.Count);
        for (var i = 0; i < many.Count; i++)
        {
            if (many[i] is JsonObject one) result.Add(Parse(one, $"{path}[{i}]", structural: false, specified: false));
        }

        return result;
    }

    private Regex? Compile(string? pattern, string path)
    {
        if (string.IsNullOrEmpty(pattern)) return null;
        try
        {
            // RE2 patterns are linear; the timeout keeps a backtracking twin from stalling the server.
            return new Regex(GoPattern.ToDotNet(pattern), RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (ArgumentException e)
        {
            errors.Add(FieldError.InvalidText(path + ".pattern", JsonText.Quote(pattern), "must be a valid regular expression, but isn't: " + e.Message));
            return null;
        }
    }

    private static IReadOnlyList<string> Strings(JsonNode? node) =>
        node is JsonArray many ? [.. many.Select(JsonText.String).OfType<string>()] : [];
}
