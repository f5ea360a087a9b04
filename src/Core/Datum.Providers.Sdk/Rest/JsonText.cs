using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Single values out of a JSON body, without types for the rest of it.</summary>
public static class JsonText
{
    /// <summary>
    /// The text, number or truth value that the names lead to; without names the body itself. Null when it isn't there, is null or is no plain
    /// value. A name of digits also counts into an array. Throws <see cref="JsonException"/> on a body that isn't JSON.
    /// </summary>
    public static string? Find(ReadOnlyMemory<byte> json, params ReadOnlySpan<string> names)
    {
        if (json.IsEmpty)
            return null;
        using var document = JsonDocument.Parse(json);
        return Find(document.RootElement, names);
    }

    /// <summary>As the other, from a value that is parsed already.</summary>
    public static string? Find(JsonElement json, params ReadOnlySpan<string> names) =>
        !TryDescend(json, names, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => null,
        };

    internal static bool TryDescend(JsonElement json, ReadOnlySpan<string> names, out JsonElement value)
    {
        value = json;
        foreach (var name in names)
        {
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member))
                value = member;
            else if (value.ValueKind == JsonValueKind.Array && int.TryParse(name, System.Globalization.NumberStyles.None, null, out var index) && index < value.GetArrayLength())
                value = value[index];
            else
                return false;
        }

        return true;
    }
}
