using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>
/// The identity of a template: SHA-256 over its canonical JSON (members in ordinal order, absent for null), shortened. Only what an
/// Instance takes from a template counts, so that the hash stays the same for as long as an Instance would.
/// </summary>
public static class TemplateHash
{
    private const int Length = 16;

    public static string Of(InstanceTemplate template)
    {
        ArgumentNullException.ThrowIfNull(template);
        var spec = JsonSerializer.SerializeToNode(template.Spec, ResourcesJsonContext.Default.InstanceSpec)!.AsObject();
        spec.Remove("location");
        spec.Remove("controller");
        var source = new JsonObject { ["labels"] = Map(template.Metadata?.Labels), ["annotations"] = Map(template.Metadata?.Annotations), ["spec"] = spec };
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, source);
        }

        return Convert.ToHexStringLower(SHA256.HashData(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)))[..Length];
    }

    private static JsonObject? Map(Dictionary<string, string>? values) => values is not { Count: > 0 }
        ? null
        : new JsonObject(values.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)JsonValue.Create(v.Value))));

    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject value:
                writer.WriteStartObject();
                foreach (var (name, member) in value.Where(m => m.Value is not null).OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }

                writer.WriteEndObject();
                break;
            case JsonArray list:
                writer.WriteStartArray();
                foreach (var item in list)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }
}
