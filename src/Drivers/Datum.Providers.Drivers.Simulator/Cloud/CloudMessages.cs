using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>A request as the platform sees it.</summary>
internal sealed record CloudRequest
{
    public required HttpMethod Method { get; init; }

    /// <summary>Path segments after <c>/v1/</c>.</summary>
    public required ImmutableArray<string> Segments { get; init; }
    public required ImmutableDictionary<string, string> Query { get; init; }
    public string? Token { get; init; }

    /// <summary>The revision that a change is made for; null for any.</summary>
    public string? IfMatch { get; init; }
    public ReadOnlyMemory<byte> Body { get; init; }

    public string Collection => Segments.Length > 0 ? Segments[0] : "";
    public string? Id => Segments.Length > 1 ? Segments[1] : null;
}

/// <summary>The platform's answer.</summary>
internal sealed record CloudResponse
{
    public required int Status { get; init; }
    public ReadOnlyMemory<byte> Body { get; init; }
    public TimeSpan? RetryAfter { get; init; }

    public static CloudResponse Of<T>(int status, T value, JsonTypeInfo<T> type) =>
        new() { Status = status, Body = JsonSerializer.SerializeToUtf8Bytes(value, type) };

    public static CloudResponse Error(int status, string code, string message, ImmutableArray<string>? blockedBy = null) =>
        Of(status, new CloudError { Code = code, Message = message, BlockedBy = blockedBy }, CloudJson.Default.CloudError);
}
