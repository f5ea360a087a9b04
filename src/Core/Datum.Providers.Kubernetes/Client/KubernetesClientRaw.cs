using System.Buffers;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>Objects as bytes: for kinds without a type, and for those who parse later or never. Only where a kind is served is taken from its type.</summary>
public sealed partial class KubernetesClient
{
    /// <summary>Reads one object live; null when it doesn't exist.</summary>
    public async Task<RawObject?> FindRawAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        try
        {
            return await _transport.ReadAsync(new(HttpMethod.Get, "get", type.ToString()), ResourcePath.OfObject(type, key), (s, c) => RawAsync(s, true, c), cancellation);
        }
        catch (KubernetesException error) when (IsMissingObject(error))
        {
            return null;
        }
    }

    /// <summary>Reads one page of a list.</summary>
    public async Task<RawPage> ListRawAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        var page = await ListAsync(type, options, RawObject.Decode, cancellation);
        return new RawPage { Items = page.Items, ResourceVersion = page.ResourceVersion, Continue = page.Continue, Unreadable = page.Unreadable };
    }

    /// <summary>One watch connection, as <see cref="WatchAsync{T}(ResourceType{T}, WatchOptions, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<RawEvent> WatchRawAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject =>
        WatchAsync(type, options, RawEvent.Decode, cancellation);

    /// <summary>Creates the object that the bytes are, in a namespace (null for a cluster-scoped kind), and returns it as stored.</summary>
    public Task<RawObject> CreateRawAsync<T>(ResourceType<T> type, string? ns, ReadOnlyMemory<byte> utf8, WriteOptions? options, CancellationToken cancellation) where T : KubeObject =>
        type.Namespaced == (ns is null)
            ? throw new ArgumentException($"{type} is {(type.Namespaced ? "namespaced" : "cluster-scoped")}, the namespace is '{ns}'.", nameof(ns))
            : _transport.WriteAsync(new(HttpMethod.Post, "create", type.ToString()), ResourcePath.OfCollection(type, ns) + ResourcePath.OfWrite(options), utf8, "application/json", (s, c) => RawAsync(s, options is not { DryRun: true }, c), cancellation);

    /// <summary>Replaces an object, or its <paramref name="subresource"/>, by the bytes; they must carry the resourceVersion that they were made from.</summary>
    /// <exception cref="ArgumentException">They name another object or carry no version.</exception>
    public Task<RawObject> ReplaceRawAsync<T>(ResourceType<T> type, ObjectKey key, ReadOnlyMemory<byte> utf8, string? subresource, WriteOptions? options, CancellationToken cancellation) where T : KubeObject
    {
        var (value, unreadable) = RawObject.Decode(new ReadOnlySequence<byte>(utf8));
        if (value is null)
            throw new ArgumentException($"The {type.Kind} {key} can't replace anything: {unreadable!.Reason}.", nameof(utf8));
        if (value.Key != key)
            throw new ArgumentException($"The bytes are {type.Kind} {value.Key}, not {key}.", nameof(utf8));
        return _transport.WriteAsync(new(HttpMethod.Put, "update", type.ToString()), ResourcePath.OfObject(type, key, subresource) + ResourcePath.OfWrite(options), utf8, "application/json", (s, c) => RawAsync(s, options is not { DryRun: true }, c), cancellation);
    }

    /// <inheritdoc/>
    public async Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation)
    {
        try
        {
            return await _transport.ReadAsync(new(HttpMethod.Get, "get", "discovery"), path,
                async (s, c) => await JsonNode.ParseAsync(s, cancellationToken: c) as JsonObject ?? throw new KubernetesException(200, "Unreadable", $"{path} is no JSON object."), cancellation);
        }
        catch (KubernetesException error) when (error.IsNotFound)
        {
            return null;
        }
    }

    private async Task<RawObject> RawAsync(Stream stream, bool stored, CancellationToken cancellation)
    {
        var (value, unreadable) = RawObject.Decode(new ReadOnlySequence<byte>(await BytesAsync(stream, cancellation)), stored);
        return value ?? throw new KubernetesException(200, "Unreadable", $"The server's answer is no object: {unreadable!.Reason}");
    }
}
