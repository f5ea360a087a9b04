using System.Buffers;
using System.Security.Cryptography;

namespace Datum.Providers.Engine.Platform;

/// <summary>
/// JSON in one form: keys sorted, nulls and empty objects left out. Records with ImmutableArray compare by
/// reference, so the engine compares this instead. Empty arrays stay: an empty list of ingress rules denies everything, no list doesn't.
/// </summary>
public static class CanonicalJson
{
    public static JsonElement Of(JsonElement value)
    {
        var buffer = Write(value);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    public static bool Same(JsonElement? a, JsonElement? b)
    {
        if (a is null || b is null)
            return a is null && b is null;
        return Write(a.Value).WrittenSpan.SequenceEqual(Write(b.Value).WrittenSpan);
    }

    /// <summary>16 hex digits of SHA-256 over the canonical form.</summary>
    public static string Digest(JsonElement value) =>
        Convert.ToHexStringLower(SHA256.HashData(Write(value).WrittenSpan).AsSpan(0, 8));

    private static ArrayBufferWriter<byte> Write(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer);
        Write(writer, value);
        writer.Flush();
        return buffer;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in value.EnumerateObject().Where(p => !IsEmpty(p.Value)).OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Undefined:
                writer.WriteNullValue();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => true,
        JsonValueKind.Object => !value.EnumerateObject().Any(p => !IsEmpty(p.Value)),
        _ => false,
    };
}
