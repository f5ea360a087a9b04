using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Sdk;

/// <summary>
/// What a request led to. <see cref="Error"/> is null exactly when the platform answered with 2xx or 304. After another answer both
/// <see cref="Status"/> and <see cref="Error"/> are set; when there was no (whole) answer, <see cref="Status"/> is 0.
/// </summary>
public sealed class RestResult
{
    /// <summary>The HTTP status; 0 when no whole answer arrived.</summary>
    public int Status { get; init; }

    /// <summary>The text beside the status over HTTP/1.1, in which some platforms put the error; null when there was none.</summary>
    public string? ReasonPhrase { get; init; }

    /// <summary>Answer headers, names in lower case; several values joined by a comma and a space.</summary>
    public ImmutableDictionary<string, string> Headers { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    /// <summary>The answer's bytes; empty when there were none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Why it failed, with its effect.</summary>
    public DriverError? Error { get; init; }

    /// <summary>True for 2xx and 304.</summary>
    public bool Ok => Error is null;

    /// <summary>True for 404 and 410.</summary>
    public bool NotFound => Status is 404 or 410;

    /// <summary>One header, or null.</summary>
    public string? Header(string name)
    {
        foreach (var (key, value) in Headers)
            if (string.Equals(key, name, StringComparison.OrdinalIgnoreCase))
                return value;
        return null;
    }

    /// <summary>The body as text.</summary>
    public string Text() => Encoding.UTF8.GetString(Body.Span);

    /// <summary>
    /// Reads the body as JSON. A body that isn't what the driver expects is <see cref="ErrorCode.Failed"/>; the effect is Unknown after a
    /// mutation, since the platform did answer with success.
    /// </summary>
    public Answer<T> Read<T>(JsonTypeInfo<T> type) where T : class
    {
        if (Error is { } error)
            return error;
        try
        {
            if (JsonSerializer.Deserialize(Body.Span, type) is { } value)
                return value;
            return Unreadable("null");
        }
        catch (JsonException e)
        {
            return Unreadable($"not the expected JSON at {e.Path ?? "$"}, line {e.LineNumber}");
        }
    }

    internal bool Mutation { get; init; }

    private DriverError Unreadable(string why) => new()
    {
        Code = ErrorCode.Failed,
        Effect = Mutation ? Effect.Unknown : Effect.NotApplied,
        Message = $"The platform's answer ({Status}, {Body.Length} bytes) can't be read: {why}.",
        Scope = ErrorScope.Resource,
    };
}
