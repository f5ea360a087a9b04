using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Fills in defaults and drops nulls that the schema doesn't allow, as the real server does before it validates.</summary>
internal static class Defaulting
{
    public static void Apply(JsonNode? value, StructuralSchema schema)
    {
        switch (value)
        {
            case JsonObject o:
                ApplyObject(o, schema);
                break;
            case JsonArray a when schema.Items is not null:
                foreach (var item in a) Apply(item, schema.Items);
                break;
            default:
                break;
        }
    }

    private static void ApplyObject(JsonObject value, StructuralSchema schema)
    {
        foreach (var (name, property) in schema.Properties)
        {
            if (property.HasDefault && (!value.TryGetPropertyValue(name, out var present) || (present is null && !property.Nullable)))
            {
                value[name] = property.Default?.DeepClone();
            }
        }

        List<string>? nulls = null;
        foreach (var (name, child) in value)
        {
            var of = schema.Properties.TryGetValue(name, out var property) ? property : schema.AdditionalProperties;
            if (of is null) continue;
            if (child is null && !of.Nullable) (nulls ??= []).Add(name);
            else Apply(child, of);
        }

        foreach (var name in nulls ?? []) value.Remove(name);
    }
}
