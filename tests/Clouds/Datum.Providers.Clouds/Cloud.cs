using System.Collections.Immutable;
using System.Text;

namespace Datum.Providers.Clouds;

/// <summary>A request as a double sees it, over a socket or not.</summary>
public sealed record CloudRequest
{
    /// <summary>GET, POST and so on.</summary>
    public required string Method { get; init; }

    /// <summary>The path, still escaped, from the root.</summary>
    public required string Path { get; init; }

    /// <summary>Query parameters, unescaped; of several with one name all.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Query { get => field.IsDefault ? [] : field; init; }

    /// <summary>Headers; names in any case.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get => field.IsDefault ? [] : field; init; }

    /// <summary>The body; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Where the request was sent to, for addresses in answers.</summary>
    public string Authority { get; init; } = "http://localhost";

    /// <summary>The first query parameter of a name, or null.</summary>
    public string? Parameter(string name) => Find(Query, name, StringComparison.Ordinal);

    /// <summary>The first header of a name, or null.</summary>
    public string? Header(string name) => Find(Headers, name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The query of an address or form as pairs.</summary>
    public static ImmutableArray<KeyValuePair<string, string>> ParseQuery(string? text) =>
    [
        .. (text ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair =>
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            return equals < 0 ? new(Unescape(pair), "") : new KeyValuePair<string, string>(Unescape(pair[..equals]), Unescape(pair[(equals + 1)..]));
        }),
    ];

    private static string Unescape(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    private static string? Find(ImmutableArray<KeyValuePair<string, string>> pairs, string name, StringComparison comparison)
    {
        foreach (var (key, value) in pairs)
            if (string.Equals(key, name, comparison))
                return value;
        return null;
    }
}

/// <summary>What a double answers.</summary>
public sealed record CloudResponse
{
    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>The words after the status in HTTP/1.1; null for the usual ones.</summary>
    public string? ReasonPhrase { get; init; }

    /// <summary>Headers beside the content type.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get => field.IsDefault ? [] : field; init; }

    /// <summary>The body; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Media type of the body.</summary>
    public string ContentType { get; init; } = "application/json; charset=UTF-8";

    /// <summary>An answer of text.</summary>
    public static CloudResponse Text(int status, string text, string contentType = "text/plain; charset=UTF-8") =>
        new() { Status = status, Body = Encoding.UTF8.GetBytes(text), ContentType = contentType };
}

/// <summary>How a connection breaks instead of an answer. Thrown out of <see cref="ICloud.Handle"/>, for tests alone.</summary>
public sealed class CloudBrokenException(bool hangs) : Exception(hangs ? "No answer comes." : "The connection ends.")
{
    /// <summary>True: nothing comes until the caller gives up; false: the connection is reset.</summary>
    public bool Hangs => hangs;
}

/// <summary>A stateful double of a platform: one answer for one request. It is called by any number of threads and puts them in order itself.</summary>
public interface ICloud
{
    /// <summary>Answers. Never waits and never throws for what a client sent.</summary>
    CloudResponse Handle(CloudRequest request);
}
