using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The checks that follow the plain schema: embedded resources, uniqueness in set and map lists, validation rules.</summary>
internal static class SchemaExtensionsValidator
{
    private static readonly HashSet<string> Blocking = new(StringComparer.Ordinal)
    {
        "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid", "FieldValueNotSupported",
    };

    public static void Embedded(JsonNode? value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (value is JsonObject o)
        {
            if (schema.EmbeddedResource)
            {
                if (string.IsNullOrEmpty(JsonText.String(o["apiVersion"]))) errors.Add(FieldError.Required(path + ".apiVersion"));
                if (string.IsNullOrEmpty(JsonText.String(o["kind"]))) errors.Add(FieldError.Required(path + ".kind"));
            }

            foreach (var (name, child) in o)
            {
                if (Child(schema, name) is { } of) Embedded(child, of, SchemaValidator.Join(path, name), errors);
            }
        }
        else if (value is JsonArray a && schema.Items is not null)
        {
            for (var i = 0; i < a.Count; i++) Embedded(a[i], schema.Items, $"{path}[{i}]", errors);
        }
    }

    public static void Lists(JsonNode? value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (value is JsonObject o)
        {
            foreach (var (name, child) in o)
            {
                if (Child(schema, name) is { } of) Lists(child, of, SchemaValidator.Join(path, name), errors);
            }
        }
        else if (value is JsonArray a)
        {
            if (schema.ListType is "set" or "map") Unique(a, schema, path, errors);
            for (var i = 0; i < a.Count && schema.Items is not null; i++) Lists(a[i], schema.Items, $"{path}[{i}]", errors);
        }
    }

    /// <summary>Runs the rules, or says that they weren't run because the object is broken already.</summary>
    public static void Rules(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (!schema.AnyRules) return;
        if (errors.Any(e => Blocking.Contains(e.Reason)))
        {
            errors.Add(FieldError.InvalidText(
                FieldError.NoField,
                "null",
                "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"));
            return;
        }

        RunRules(value, old, schema, path, errors);
    }

    private static void RunRules(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (!schema.AnyRules || value is null) return;
        foreach (var rule in schema.Rules)
        {
            if (rule.UsesOldSelf && old is null && !rule.OptionalOldSelf) continue;
            if (rule.Holds(value, old)) continue;
            var field = rule.FieldPath.Length == 0 ? path : path + rule.FieldPath;
            // Objects and lists aren't printed; plain values are.
            var text = value is JsonValue ? $"{JsonText.Show(value)}: {rule.Message}" : rule.Message;
            var prefix = rule.Reason switch
            {
                "FieldValueForbidden" => "Forbidden: ",
                "FieldValueRequired" => "Required value: ",
                "FieldValueDuplicate" => "Duplicate value: ",
                _ => "Invalid value: ",
            };
            errors.Add(new FieldError(rule.Reason, field.Length == 0 ? FieldError.NoField : field, prefix + (prefix == "Invalid value: " ? text : rule.Message)));
        }

        if (value is JsonObject o)
        {
            foreach (var (name, child) in o)
            {
                if (Child(schema, name) is { } of) RunRules(child, (old as JsonObject)?[name], of, SchemaValidator.Join(path, name), errors);
            }
        }
        else if (value is JsonArray a && schema.Items is not null)
        {
            for (var i = 0; i < a.Count; i++)
            {
                RunRules(a[i], SchemaValidator.Former(a[i], old as JsonArray, schema, i), schema.Items, $"{path}[{i}]", errors);
            }
        }
    }

    private static void Unique(JsonArray list, StructuralSchema schema, string path, List<FieldError> errors)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            var key = list[i];
            if (schema.ListType == "map")
            {
                if (list[i] is null) continue;
                if (list[i] is not JsonObject item)
                {
                    errors.Add(FieldError.Invalid($"{path}[{i}]", list[i], "must be an object for an array of list-type map"));
                    continue;
                }

                var keys = new JsonObject();
                foreach (var name in schema.ListMapKeys)
                {
                    if (item[name] is { } part) keys[name] = part.DeepClone();
                }

                key = keys;
            }

            if (!seen.Add(JsonText.Show(key))) errors.Add(FieldError.Duplicate($"{path}[{i}]", key));
        }
    }

    private static StructuralSchema? Child(StructuralSchema schema, string name) =>
        schema.Properties.TryGetValue(name, out var property) ? property : schema.AdditionalProperties;
}
