using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The checks that follow the plain schema: embedded resources, uniqueness in set and map lists.</summary>
internal static class SchemaExtensionsValidator
{
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

    internal static StructuralSchema? Child(StructuralSchema schema, string name) =>
        schema.Properties.TryGetValue(name, out var property) ? property : schema.AdditionalProperties;
}
