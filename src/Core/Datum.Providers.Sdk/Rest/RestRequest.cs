using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Sdk;

/// <summary>One request, before it is sent. A value: sending it twice sends the same bytes.</summary>
public sealed record RestRequest
{
    /// <summary>GET, POST and so on.</summary>
    public required HttpMethod Method { get; init; }

    /// <summary>
    /// Path with query, relative to the client's base address (<c>v1/servers?name=x</c>); values in it are already escaped.
    /// With <see cref="FromRoot"/> it is relative to the server. An absolute address (a paging link) is taken only when it has the base address's scheme, host and port.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>The body; null for none.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>Media type of <see cref="Body"/>. Default <c>application/json</c>.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <summary>Headers of this request on top of the client's.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get => field.IsDefault ? [] : field; init; }

    /// <summary>
    /// Whether the request changes anything, which decides what a broken connection means. Null: everything but GET, HEAD and OPTIONS does.
    /// </summary>
    public bool? Mutates { get; init; }

    /// <summary>Whether <see cref="Path"/> begins at the server's root instead of the base address's path. Default false.</summary>
    public bool FromRoot { get; init; }

    /// <summary>Answer bytes at most for this request; null for the client's limit.</summary>
    public int? MaxResponseBytes { get; init; }

    internal bool IsMutation =>
        Mutates ?? !(Method == HttpMethod.Get || Method == HttpMethod.Head || Method == HttpMethod.Options);

    /// <summary>A GET.</summary>
    public static RestRequest Get(string path) => new() { Method = HttpMethod.Get, Path = path };

    /// <summary>A GET of path and query from the server's root: what a platform's own addresses come to without scheme and host.</summary>
    public static RestRequest AtRoot(string pathAndQuery) => new() { Method = HttpMethod.Get, Path = pathAndQuery, FromRoot = true };

    /// <summary>A DELETE without body.</summary>
    public static RestRequest Delete(string path) => new() { Method = HttpMethod.Delete, Path = path };

    /// <summary>A POST without body.</summary>
    public static RestRequest Post(string path) => new() { Method = HttpMethod.Post, Path = path };

    /// <summary>A POST of <paramref name="value"/> as JSON.</summary>
    public static RestRequest Post<T>(string path, T value, JsonTypeInfo<T> type) => Json(HttpMethod.Post, path, value, type);

    /// <summary>A PUT of <paramref name="value"/> as JSON.</summary>
    public static RestRequest Put<T>(string path, T value, JsonTypeInfo<T> type) => Json(HttpMethod.Put, path, value, type);

    /// <summary>A PATCH of <paramref name="value"/> as JSON.</summary>
    public static RestRequest Patch<T>(string path, T value, JsonTypeInfo<T> type) => Json(HttpMethod.Patch, path, value, type);

    /// <summary>Any method with <paramref name="value"/> as JSON.</summary>
    public static RestRequest Json<T>(HttpMethod method, string path, T value, JsonTypeInfo<T> type) =>
        new() { Method = method, Path = path, Body = JsonSerializer.SerializeToUtf8Bytes(value, type) };

    /// <summary>The same request with one header more.</summary>
    public RestRequest WithHeader(string name, string value) => this with { Headers = Headers.Add(new(name, value)) };

    /// <summary>Appends an escaped query: pairs whose value is null are left out.</summary>
    public static string WithQuery(string path, params ReadOnlySpan<KeyValuePair<string, string?>> query)
    {
        var text = new System.Text.StringBuilder(path);
        var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        foreach (var (key, value) in query)
        {
            if (value is null)
                continue;
            text.Append(separator).Append(Uri.EscapeDataString(key)).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }

        return text.ToString();
    }
}
