using System.Text.RegularExpressions;

namespace Datum.Providers.Engine.Locations;

/// <summary>
/// Checks a JSON value against the part of a structural schema that drivers may use for location blocks and settings:
/// type, properties, required, additionalProperties (false), enum, pattern, minLength, maxLength, minimum, maximum, items.
/// Any other keyword is a fault of the driver and is said so.
/// </summary>
public static class SchemaCheck
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "type", "properties", "required", "additionalProperties", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "items", "minItems", "maxItems", "description", "default", "title",
    };

    /// <summary>The first fault with the field's path, or null.</summary>
    public static string? Validate(string schema, JsonElement value, string path)
    {
        using var document = JsonDocument.Parse(schema);
        return Validate(document.RootElement, value, path);
    }

    private static string? Validate(JsonElement schema, JsonElement value, string path)
    {
        foreach (var keyword in schema.EnumerateObject())
            if (!Known.Contains(keyword.Name))
                return $"{path}: the driver's schema uses '{keyword.Name}', which this host doesn't know.";

        if (schema.TryGetProperty("type", out var type) && !IsOfType(type.GetString()!, value))
            return $"{path} must be of type {type.GetString()}, found {value.ValueKind}.";
        if (schema.TryGetProperty("enum", out var allowed) && !allowed.EnumerateArray().Any(a => JsonElement.DeepEquals(a, value)))
            return $"{path} must be one of {allowed.GetRawText()}, found {value.GetRawText()}.";

        return value.ValueKind switch
        {
            JsonValueKind.Object => ValidateObject(schema, value, path),
            JsonValueKind.Array => ValidateArray(schema, value, path),
            JsonValueKind.String => ValidateText(schema, value.GetString()!, path),
            JsonValueKind.Number => ValidateNumber(schema, value.GetDouble(), path),
            _ => null,
        };
    }

    private static string? ValidateObject(JsonElement schema, JsonElement value, string path)
    {
        if (schema.TryGetProperty("required", out var required))
            foreach (var name in required.EnumerateArray())
                if (!value.TryGetProperty(name.GetString()!, out _))
                    return $"{path}.{name.GetString()} is missing.";
        var properties = schema.TryGetProperty("properties", out var p) ? p : default;
        var closed = !schema.TryGetProperty("additionalProperties", out var additional) || additional.ValueKind is JsonValueKind.False;
        foreach (var member in value.EnumerateObject())
        {
            if (properties.ValueKind is JsonValueKind.Object && properties.TryGetProperty(member.Name, out var inner))
            {
                if (Validate(inner, member.Value, $"{path}.{member.Name}") is { } fault)
                    return fault;
            }
            else if (additional.ValueKind is JsonValueKind.Object)
            {
                if (Validate(additional, member.Value, $"{path}.{member.Name}") is { } fault)
                    return fault;
            }
            else if (closed)
            {
                return $"{path}.{member.Name} isn't known to the driver; it takes {string.Join(", ", properties.ValueKind is JsonValueKind.Object ? properties.EnumerateObject().Select(x => x.Name) : [])}.";
            }
        }
        return null;
    }

    private static string? ValidateArray(JsonElement schema, JsonElement value, string path)
    {
        var count = value.GetArrayLength();
        if (schema.TryGetProperty("minItems", out var min) && count < min.GetInt32())
            return $"{path} needs at least {min} items, found {count}.";
        if (schema.TryGetProperty("maxItems", out var max) && count > max.GetInt32())
            return $"{path} takes at most {max} items, found {count}.";
        if (!schema.TryGetProperty("items", out var items))
            return null;
        var index = 0;
        foreach (var item in value.EnumerateArray())
            if (Validate(items, item, $"{path}[{index++}]") is { } fault)
                return fault;
        return null;
    }

    private static string? ValidateText(JsonElement schema, string value, string path)
    {
        if (schema.TryGetProperty("minLength", out var min) && value.Length < min.GetInt32())
            return $"{path} needs at least {min} characters.";
        if (schema.TryGetProperty("maxLength", out var max) && value.Length > max.GetInt32())
            return $"{path} takes at most {max} characters, found {value.Length}.";
        if (schema.TryGetProperty("pattern", out var pattern)
            && !Regex.IsMatch(value, pattern.GetString()!, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking))
            return $"{path} must match {pattern.GetString()}, found '{value}'.";
        return null;
    }

    private static string? ValidateNumber(JsonElement schema, double value, string path)
    {
        if (schema.TryGetProperty("minimum", out var min) && value < min.GetDouble())
            return $"{path} must be at least {min}, found {value}.";
        if (schema.TryGetProperty("maximum", out var max) && value > max.GetDouble())
            return $"{path} must be at most {max}, found {value}.";
        return null;
    }

    private static bool IsOfType(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind is JsonValueKind.Object,
        "array" => value.ValueKind is JsonValueKind.Array,
        "string" => value.ValueKind is JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind is JsonValueKind.Number,
        _ => false,
    };
}
