using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>Values made from a schema: the least that it requires, or everything that it describes.</summary>
internal static class SchemaSamples
{
    private const int Deepest = 12;

    private static readonly string[] Words =
    [
        "a", "abc", "a-b", "example.com", "1", "45", "12.5", "10.0.0.0/8", "10.0.0.1", "fd00::1", "US", "AB", "1Gi", "100m", "http", "Foo", "Ready",
        "https://example.com/x", "TCP", "dfw", "us-east-1", "", "x/y", "Hostname",
    ];

    public static JsonObject Least(JsonObject schema) => (JsonObject)Make(schema, full: false, 0)!;

    public static JsonObject Full(JsonObject schema) => (JsonObject)Make(schema, full: true, 0)!;

    public static JsonNode? Make(JsonObject schema, bool full, int depth)
    {
        if (schema["default"] is { } given && !full) return given.DeepClone();
        if (schema["enum"] is JsonArray { Count: > 0 } choices) return choices[0]?.DeepClone();
        if ((bool?)schema["x-kubernetes-int-or-string"] == true) return Text(schema) is { Length: > 0 } text ? JsonValue.Create(text) : JsonValue.Create(1);
        return (string?)schema["type"] switch
        {
            "object" => Map(schema, full, depth),
            "array" => List(schema, full, depth),
            "string" => JsonValue.Create(Text(schema)),
            "integer" => JsonValue.Create((long)Number(schema)),
            "number" => JsonValue.Create(Number(schema)),
            "boolean" => JsonValue.Create(true),
            _ => new JsonObject(),
        };
    }

    private static JsonObject Map(JsonObject schema, bool full, int depth)
    {
        var result = new JsonObject();
        var required = (schema["required"] as JsonArray ?? []).Select(r => (string)r!).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, child) in schema["properties"] as JsonObject ?? [])
        {
            if (depth == 0 && name is "apiVersion" or "kind" or "metadata") continue;
            if (required.Contains(name) || (full && depth < Deepest)) result[name] = Make((JsonObject)child!, full, depth + 1);
        }

        if (full && schema["additionalProperties"] is JsonObject value) result["key"] = Make(value, full, depth + 1);
        if (full && (bool?)schema["x-kubernetes-preserve-unknown-fields"] == true) result["free"] = new JsonObject { ["x"] = 1 };
        return result;
    }

    private static JsonArray List(JsonObject schema, bool full, int depth)
    {
        var count = (int?)schema["minItems"] ?? 0;
        if (full && count == 0) count = 1;
        return [.. Enumerable.Range(0, count).Select(_ => Make((JsonObject)schema["items"]!, full, depth + 1))];
    }

    private static double Number(JsonObject schema)
    {
        var least = (double?)schema["minimum"];
        var most = (double?)schema["maximum"];
        return Math.Min(Math.Max(1, least ?? 1), most ?? double.MaxValue);
    }

    private static string Text(JsonObject schema)
    {
        switch ((string?)schema["format"])
        {
            case "date-time":
                return "2026-01-02T03:04:05Z";
            case "ipv4":
                return "10.0.0.1";
            case "ipv6":
                return "fd00::1";
            case "cidr":
                return "10.0.0.0/8";
            case "uuid":
                return "7d444840-9dc0-11d1-b245-5ffdce74fad2";
            default:
                break;
        }

        var least = (int?)schema["minLength"] ?? 0;
        var most = (int?)schema["maxLength"] ?? int.MaxValue;
        var pattern = (string?)schema["pattern"];
        return Words.FirstOrDefault(w => w.Length > 0 && w.Length >= least && w.Length <= most && Fits(w, pattern)) ?? "a";
    }

    private static bool Fits(string word, string? pattern) => pattern is null || Regex.IsMatch(word, pattern, RegexOptions.None, TimeSpan.FromSeconds(1));
}
