using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// One API server over HTTP: HTTP/2 where TLS negotiates it, HTTP/1.1 over plain http.
/// Safe for concurrent use. Clients of one <see cref="KubernetesConnection"/> share its connection pool.
/// </summary>
public sealed partial class KubernetesClient : IKubernetesClient, IAsyncDisposable
{
    private readonly KubernetesClientOptions _options;
    private readonly KubernetesTransport _transport;

    public KubernetesClient(KubernetesConnection connection, KubernetesClientOptions? options = null)
    {
        _options = options ?? new KubernetesClientOptions();
        _transport = new KubernetesTransport(connection, _options);
        Connection = connection;
    }

    public KubernetesConnection Connection { get; }

    /// <inheritdoc/>
    public bool CanStreamLists => true;

    /// <inheritdoc/>
    /// <remarks>Null means that the server knows the kind and has no such object. A kind that isn't served throws, so that a missing CRD never looks like an absent object (L6).</remarks>
    public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        try
        {
            return await _transport.ReadAsync(new(HttpMethod.Get, "get", type.ToString()), ResourcePath.OfObject(type, key), (s, c) => ObjectAsync(type, s, c), cancellation);
        }
        catch (KubernetesException error) when (IsMissingObject(error))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        var page = await ListAsync(type, options, item => ObjectDecoder.Decode(type, item), cancellation);
        return new ListPage<T> { Items = page.Items, ResourceVersion = page.ResourceVersion, Continue = page.Continue, Unreadable = page.Unreadable };
    }

    /// <inheritdoc/>
    /// <remarks>Sets apiVersion and kind of <paramref name="value"/> where they are null.</remarks>
    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => CreateAsync(type, value, null, cancellation);

    /// <inheritdoc/>
    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(patch.Body, KubernetesJsonContext.Default.JsonNode);
        return _transport.WriteAsync(new(HttpMethod.Patch, "patch", type.ToString()), ResourcePath.OfObject(type, key, subresource) + ResourcePath.OfWrite(patch.Options),
            body, patch.MediaType, (s, c) => ObjectAsync(type, s, c, patch.Options is not { DryRun: true }), cancellation);
    }

    /// <inheritdoc/>
    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        DeleteAsync(type, key, preconditions, null, cancellation);

    /// <inheritdoc/>
    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject =>
        WatchAsync(type, options, (kind, body) => WatchDecoder.Typed(type, kind, body), cancellation);

    /// <summary>Any request; a GET is retried as reads are, everything else is sent once. Returns the answer's body.</summary>
    public Task<byte[]> RawAsync(HttpMethod method, string pathAndQuery, ReadOnlyMemory<byte>? body, string? mediaType, CancellationToken cancellation)
    {
        var about = new KubernetesRequest(method, "raw", pathAndQuery.Split('?')[0]);
        return method == HttpMethod.Get && body is null
            ? _transport.ReadAsync(about, pathAndQuery, BytesAsync, cancellation)
            : _transport.WriteAsync(about, pathAndQuery, body, mediaType, BytesAsync, cancellation);
    }

    /// <summary>What the server serves under a group and version, without subresources; empty when it doesn't serve it.</summary>
    public async Task<IReadOnlyList<DiscoveredResource>> DiscoverAsync(string group, string version, CancellationToken cancellation)
    {
        byte[] body;
        try
        {
            body = await RawAsync(HttpMethod.Get, ResourcePath.OfGroup(group, version), null, null, cancellation);
        }
        catch (KubernetesException error) when (error.IsNotFound)
        {
            return [];
        }
        var list = JsonSerializer.Deserialize(body, KubernetesJsonContext.Default.ApiResourceList);
        return [.. (list?.Resources ?? [])
            .Where(r => r.Name is not null && r.Kind is not null && !r.Name.Contains('/', StringComparison.Ordinal))
            .Select(r => new DiscoveredResource { Plural = r.Name!, Kind = r.Kind!, Namespaced = r.Namespaced, Verbs = r.Verbs ?? [], ShortNames = r.ShortNames ?? [] })];
    }

    public ValueTask DisposeAsync()
    {
        _transport.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A Status that names a missing object; a path that isn't served answers 404 without one.</summary>
    private static bool IsMissingObject(KubernetesException error) => error is { Code: 404, Reason: "NotFound" };

    private Task<DecodedPage<TItem>> ListAsync<T, TItem>(
        ResourceType<T> type, ListOptions options, Func<ReadOnlySequence<byte>, (TItem?, UnreadableObject?)> decode, CancellationToken cancellation) where T : KubeObject where TItem : class =>
        _transport.ReadAsync(new(HttpMethod.Get, "list", type.ToString()), ResourcePath.OfList(type, options),
            (s, c) => new ListDecoder<TItem>(type.ToString(), decode, _options).ReadAsync(s, c), cancellation);

    private async IAsyncEnumerable<TEvent> WatchAsync<T, TEvent>(
        ResourceType<T> type, WatchOptions options, Func<WatchEventType, ReadOnlySequence<byte>, TEvent> decode, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        using var response = await _transport.OpenAsync(new(HttpMethod.Get, "watch", type.ToString()), ResourcePath.OfWatch(type, options), options.RetryStart, cancellation);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
        await using var events = WatchDecoder.ReadAsync(type.ToString(), stream, _options.MaxObjectBytes, decode, cancellation).GetAsyncEnumerator(cancellation);
        while (true)
        {
            try
            {
                if (!await events.MoveNextAsync())
                    yield break;
            }
            catch (Exception error) when (KubernetesTransport.Translate(error, CancellationToken.None, cancellation) is { } translated)
            {
                throw translated;
            }
            yield return events.Current;
        }
    }

    private async Task<T> ObjectAsync<T>(ResourceType<T> type, Stream stream, CancellationToken cancellation, bool stored = true) where T : KubeObject
    {
        var bytes = await BytesAsync(stream, cancellation);
        var (value, unreadable) = ObjectDecoder.Decode(type, new ReadOnlySequence<byte>(bytes), stored);
        return value ?? throw new KubernetesException(200, "Unreadable", $"The server's {type.Kind} {unreadable!.Key} can't be read: {unreadable.Reason}");
    }

    private async Task<byte[]> BytesAsync(Stream stream, CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();
        var buffer = ArrayPool<byte>.Shared.Rent(16 << 10);
        try
        {
            while (await stream.ReadAsync(buffer, cancellation) is var read and > 0)
            {
                if (bytes.Length + read > _options.MaxObjectBytes)
                    throw new InvalidDataException($"The answer is larger than {_options.MaxObjectBytes} bytes.");
                bytes.Write(buffer, 0, read);
            }
        }
        finally
        {
            // Secrets pass through here.
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
        return bytes.ToArray();
    }
}

/// <summary>A resource that a server serves.</summary>
public sealed record DiscoveredResource
{
    public required string Plural { get; init; }
    public required string Kind { get; init; }
    public required bool Namespaced { get; init; }
    public IReadOnlyList<string> Verbs { get; init; } = [];
    public IReadOnlyList<string> ShortNames { get; init; } = [];
}
