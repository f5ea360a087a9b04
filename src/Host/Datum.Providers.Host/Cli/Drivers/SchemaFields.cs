using System.Text.Json;

namespace Datum.Providers.Host.Cli;

/// <summary>A field that a driver's schema names.</summary>
internal sealed record SchemaField
{
    /// <summary>E.g. <c>knobs.quota.*</c>: <c>*</c> is any key, <c>[]</c> any item.</summary>
    public required string Path { get; init; }

    public required string Type { get; init; }

    public required bool Required { get; init; }

    /// <summary>As JSON; null when there is none.</summary>
    public string? Default { get; init; }

    /// <summary>What a value must be beyond its type.</summary>
    public string? Rule { get; init; }

    public string? Description { get; init; }
}

/// <summary>A schema as a list of fields, in its own order.</summary>
internal static class SchemaFields
{
    public static IReadOnlyList<SchemaField> Of(string schema)
    {
        using var document = JsonDocument.Parse(schema);
        List<SchemaField> fields = [];
        Members(document.RootElement, "", fields);
        return fields;
    }

    private static void Members(JsonElement schema, string path, List<SchemaField> fields)
    {
        var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(n => n.GetString()).ToHashSet() : [];
        if (schema.TryGetProperty("properties", out var properties))
            foreach (var property in properties.EnumerateObject())
                Add(property.Value, $"{path}{(path.Length == 0 ? "" : ".")}{property.Name}", required.Contains(property.Name), fields);
        if (schema.TryGetProperty("additionalProperties", out var others) && others.ValueKind == JsonValueKind.Object)
            Add(others, $"{path}{(path.Length == 0 ? "" : ".")}*", false, fields);
    }

    private static void Add(JsonElement schema, string path, bool required, List<SchemaField> fields)
    {
        fields.Add(new SchemaField
        {
            Path = path, Type = schema.TryGetProperty("type", out var type) ? type.GetString()! : "any", Required = required, Rule = RuleOf(schema),
            Default = schema.TryGetProperty("default", out var value) ? value.GetRawText() : null,
            Description = schema.TryGetProperty("description", out var text) ? text.GetString() : null,
        });
        Members(schema, path, fields);
        if (schema.TryGetProperty("items", out var items))
            Add(items, path + "[]", false, fields);
    }

    private static string? RuleOf(JsonElement schema)
    {
        List<string> rules = [];
        if (schema.TryGetProperty("enum", out var words))
            rules.Add("one of " + string.Join(", ", words.EnumerateArray().Select(w => w.ValueKind == JsonValueKind.String ? w.GetString() : w.GetRawText())));
        if (schema.TryGetProperty("pattern", out var pattern))
            rules.Add("matches " + pattern.GetString());
        foreach (var (low, high, unit) in (ReadOnlySpan<(string, string, string)>)[("minLength", "maxLength", " characters"), ("minimum", "maximum", ""), ("minItems", "maxItems", " items")])
            if (Range(schema, low, high) is { } range)
                rules.Add(range + unit);
        return rules.Count == 0 ? null : string.Join("; ", rules);
    }

    private static string? Range(JsonElement schema, string low, string high) => (schema.TryGetProperty(low, out var min), schema.TryGetProperty(high, out var max)) switch
    {
        (true, true) => $"{min} to {max}",
        (true, false) => $"at least {min}",
        (false, true) => $"at most {max}",
        _ => null,
    };
}
