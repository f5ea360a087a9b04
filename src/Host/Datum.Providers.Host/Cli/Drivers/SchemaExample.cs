using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Engine.Locations;

namespace Datum.Providers.Host.Cli;

/// <summary>A value that a driver's schema takes: the required fields, with their defaults or plain words.</summary>
internal static class SchemaExample
{
    // What the patterns of platforms' names, places, sizes, addresses and durations usually take.
    private static readonly string[] s_words =
    [
        "example", "example-1", "example-project", "us-central1", "us-central1-a", "a", "1", "example.test", "host.example.test",
        "10.0.0.0/16", "10.0.0.1", "fd00::/64", "30s", "00:00:30", "10Gi", "00000000-0000-4000-8000-000000000000", "123456789012", "/var/lib/example", "Example",
    ];

    /// <summary>The example, or null where a required field takes none of the words that are known here.</summary>
    public static JsonObject? Of(string schema)
    {
        using var document = JsonDocument.Parse(schema);
        var value = Value(document.RootElement) as JsonObject;
        return value is not null && SchemaCheck.Validate(schema, JsonSerializer.SerializeToElement(value, CliJson.Default.JsonObject), "example") is null ? value : null;
    }

    private static JsonNode? Value(JsonElement schema)
    {
        if (schema.TryGetProperty("default", out var byDefault))
            return JsonNode.Parse(byDefault.GetRawText());
        if (schema.TryGetProperty("enum", out var words) && words.GetArrayLength() > 0)
            return JsonNode.Parse(words[0].GetRawText());
        switch (schema.TryGetProperty("type", out var type) ? type.GetString() : "object")
        {
            case "object":
                var members = new JsonObject();
                foreach (var name in schema.TryGetProperty("required", out var required) ? required.EnumerateArray().Select(n => n.GetString()!) : [])
                    members[name] = schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out var member) ? Value(member) : null;
                return members;
            case "array":
                var count = schema.TryGetProperty("minItems", out var min) ? min.GetInt32() : 0;
                return new JsonArray([.. Enumerable.Range(0, count).Select(_ => schema.TryGetProperty("items", out var items) ? Value(items) : null)]);
            case "boolean":
                return JsonValue.Create(false);
            case "integer":
                return JsonValue.Create((long)Math.Ceiling(Number(schema)));
            case "number":
                return JsonValue.Create(Number(schema));
            default:
                return Word(schema);
        }
    }

    private static double Number(JsonElement schema) =>
        schema.TryGetProperty("minimum", out var min) ? min.GetDouble() : schema.TryGetProperty("maximum", out var max) ? Math.Min(1, max.GetDouble()) : 1;

    private static JsonValue? Word(JsonElement schema)
    {
        var text = schema.GetRawText();
        var length = schema.TryGetProperty("minLength", out var min) ? min.GetInt32() : 0;
        foreach (var word in s_words.Append(new string('a', length)).Append(new string('1', length)))
        {
            var value = JsonValue.Create(word);
            using var tried = JsonDocument.Parse(value.ToJsonString());
            if (SchemaCheck.Validate(text, tried.RootElement, "") is null)
                return value;
        }

        return null;
    }
}
