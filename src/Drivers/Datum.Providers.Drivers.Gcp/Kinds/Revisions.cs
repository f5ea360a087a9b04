using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>Revisions of listed objects: a hash over what this driver reads of them.</summary>
internal static class Revisions
{
    public static string Of<T>(T item, JsonTypeInfo<T> type) where T : class =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(item, type)).AsSpan(0, 12));

    public static string Of<T>(IEnumerable<T> items, JsonTypeInfo<T> type) where T : class => string.Join('-', items.Select(i => Of(i, type)[..12]));
}

/// <summary>The platform's times.</summary>
internal static class Times
{
    public static DateTimeOffset? Parse(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
