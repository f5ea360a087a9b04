using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>Writes that the seam <see cref="IKubernetesClient"/> doesn't need.</summary>
public sealed partial class KubernetesClient
{
    /// <summary>Creates an object and returns it as the server stored it. Sets apiVersion and kind where they are null.</summary>
    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, WriteOptions? options, CancellationToken cancellation) where T : KubeObject
    {
        if (type.Namespaced == (value.Metadata.Namespace is null))
            throw new ArgumentException($"{type} is {(type.Namespaced ? "namespaced" : "cluster-scoped")}, the object's namespace is '{value.Metadata.Namespace}'.", nameof(value));
        return _transport.WriteAsync(new(HttpMethod.Post, "create", type.ToString()), ResourcePath.OfCollection(type, value.Metadata.Namespace) + ResourcePath.OfWrite(options),
            Serialize(type, value), "application/json", (s, c) => ObjectAsync(type, s, c, options is not { DryRun: true }), cancellation);
    }

    /// <summary>
    /// Replaces an object, or its <paramref name="subresource"/>, by <paramref name="value"/> and returns it as stored. The server refuses it (409) when the
    /// object has changed since the version that <paramref name="value"/> carries.
    /// </summary>
    /// <exception cref="ArgumentException">The value has no resourceVersion: it would overwrite what it never saw.</exception>
    public Task<T> ReplaceAsync<T>(ResourceType<T> type, T value, string? subresource, WriteOptions? options, CancellationToken cancellation) where T : KubeObject
    {
        if (string.IsNullOrEmpty(value.Metadata.ResourceVersion))
            throw new ArgumentException($"The {type.Kind} {value.Key} has no resourceVersion; read it first.", nameof(value));
        return _transport.WriteAsync(new(HttpMethod.Put, "update", type.ToString()), ResourcePath.OfObject(type, value.Key, subresource) + ResourcePath.OfWrite(options),
            Serialize(type, value), "application/json", (s, c) => ObjectAsync(type, s, c, options is not { DryRun: true }), cancellation);
    }

    /// <summary>Deletes an object; an object that is already gone is no error.</summary>
    public async Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, DeleteOptions? options, CancellationToken cancellation) where T : KubeObject
    {
        try
        {
            await _transport.WriteAsync(new(HttpMethod.Delete, "delete", type.ToString()), ResourcePath.OfObject(type, key), DeleteBody(preconditions, options),
                "application/json", BytesAsync, cancellation);
        }
        catch (KubernetesException error) when (IsMissingObject(error))
        {
            // What was wanted holds already.
            return;
        }
    }

    /// <summary>Deletes what a list with the same selectors and namespace would show; of a namespaced kind, within one namespace.</summary>
    public Task DeleteCollectionAsync<T>(ResourceType<T> type, ListOptions which, DeleteOptions? options, CancellationToken cancellation) where T : KubeObject
    {
        if (type.Namespaced && which.Namespace is null)
            throw new ArgumentException($"{type} can be deleted as a collection only within a namespace.", nameof(which));
        return _transport.WriteAsync(new(HttpMethod.Delete, "deletecollection", type.ToString()), ResourcePath.OfList(type, which), DeleteBody(null, options),
            "application/json", async (stream, c) =>
            {
                // The answer lists what was deleted, which can be any amount.
                await stream.CopyToAsync(Stream.Null, c);
                return true;
            }, cancellation);
    }

    private static byte[] Serialize<T>(ResourceType<T> type, T value) where T : KubeObject
    {
        value.ApiVersion ??= type.ApiVersion;
        value.Kind ??= type.Kind;
        return JsonSerializer.SerializeToUtf8Bytes(value, type.Json);
    }

    private static byte[] DeleteBody(DeletePreconditions? preconditions, DeleteOptions? options)
    {
        options ??= new DeleteOptions();
        var body = new DeleteOptionsBody
        {
            PropagationPolicy = options.Propagation.ToString(),
            GracePeriodSeconds = options.GracePeriod is { } grace ? (long)Math.Ceiling(grace.TotalSeconds) : null,
            DryRun = options.DryRun ? ["All"] : null,
            Preconditions = preconditions is null ? null : new() { Uid = preconditions.Uid, ResourceVersion = preconditions.ResourceVersion },
        };
        return JsonSerializer.SerializeToUtf8Bytes(body, KubernetesJsonContext.Default.DeleteOptionsBody);
    }
}
