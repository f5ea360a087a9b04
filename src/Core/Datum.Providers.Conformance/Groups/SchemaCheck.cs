using System.Reflection;
using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>The structural subset of OpenAPI that CRDs allow, and paths of specs.</summary>
internal static class SchemaCheck
{
    private static readonly HashSet<string> Allowed = new(StringComparer.Ordinal)
    {
        "type", "properties", "required", "items", "additionalProperties", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "default", "nullable",
        "description", "title", "example", "allOf", "anyOf", "oneOf", "not",
        "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    };

    public static void Structural(string text, string name)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException e)
        {
            throw new CaseFailedException($"{name} is no JSON: {e.Message}");
        }

        using (document)
        {
            CaseRun.Expect(document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("type", out var type) && type.ValueEquals("object"),
                $"{name} isn't a schema of type object.");
            Walk(document.RootElement, name);
        }
    }

    public static Type SpecOf(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => typeof(NetworkSpec),
        ResourceKind.Subnet => typeof(SubnetSpec),
        ResourceKind.Firewall => typeof(FirewallSpec),
        ResourceKind.Address => typeof(AddressSpec),
        ResourceKind.Disk => typeof(DiskSpec),
        ResourceKind.Secret => typeof(SecretSpec),
        ResourceKind.Instance => typeof(InstanceSpec),
        _ => throw new CaseFailedException($"{kind} is no kind of the contract."),
    };

    /// <summary>Follows a path such as <c>sandbox.containers.image</c> through properties and elements.</summary>
    public static bool HasPath(Type type, string path)
    {
        foreach (var name in path.Split('.'))
        {
            // What comes from the location block isn't a field of the spec's record.
            if (name == "location" && typeof(ResourceSpec).IsAssignableFrom(type))
                return true;
            if (name == "*")
                continue;
            var property = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).FirstOrDefault(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name) == name);
            if (property is null)
                return false;
            type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (type.IsGenericType && type.GetGenericTypeDefinition() is { } generic && (generic == typeof(ImmutableArray<>) || generic == typeof(ImmutableDictionary<,>)))
                type = type.GetGenericArguments()[^1];
        }

        return true;
    }

    private static void Walk(JsonElement schema, string path)
    {
        if (schema.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in schema.EnumerateObject())
            CaseRun.Expect(Allowed.Contains(member.Name), $"{path}.{member.Name} isn't part of a structural schema.");
        var known = schema.TryGetProperty("type", out _) || schema.TryGetProperty("x-kubernetes-int-or-string", out _) || schema.TryGetProperty("x-kubernetes-preserve-unknown-fields", out _);
        CaseRun.Expect(known, $"{path} has no type.");
        var properties = schema.TryGetProperty("properties", out var p) && p.ValueKind == JsonValueKind.Object ? p : default;
        if (properties.ValueKind == JsonValueKind.Object)
            foreach (var property in properties.EnumerateObject())
                Walk(property.Value, $"{path}.{property.Name}");
        CaseRun.Expect(properties.ValueKind == JsonValueKind.Undefined || !schema.TryGetProperty("additionalProperties", out _), $"{path} has properties and additionalProperties.");
        if (schema.TryGetProperty("items", out var items))
            Walk(items, path + "[]");
        if (schema.TryGetProperty("additionalProperties", out var more))
            Walk(more, path + "{}");
        if (!schema.TryGetProperty("required", out var required) || required.ValueKind != JsonValueKind.Array)
            return;
        foreach (var name in required.EnumerateArray().Select(r => r.GetString()!))
            CaseRun.Expect(properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(name, out _), $"{path} requires {name}, which it doesn't have.");
    }
}
