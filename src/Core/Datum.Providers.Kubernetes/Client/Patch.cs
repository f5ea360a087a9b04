using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>A merge patch (RFC 7386), a JSON patch (RFC 6902) or an apply patch (server-side apply).</summary>
public sealed class Patch
{
    private Patch(JsonNode body, string mediaType, WriteOptions? options = null)
    {
        Body = body;
        MediaType = mediaType;
        Options = options;
    }

    public JsonNode Body { get; }

    public string MediaType { get; }

    public WriteOptions? Options { get; }

    /// <summary>A merge patch. With metadata.resourceVersion in it, the server refuses it (409) when the object has changed since.</summary>
    public static Patch Merge(JsonObject body) => new(body, "application/merge-patch+json");

    /// <summary>A JSON patch: an array of operations. A failed <c>test</c> answers 422. <see cref="JsonPatch"/> builds one.</summary>
    public static Patch Json(JsonArray operations) => new(operations, "application/json-patch+json");

    /// <summary>
    /// Server-side apply: the fields of <paramref name="configuration"/> become <paramref name="fieldManager"/>'s; what it applied before and leaves
    /// out now is removed; a field of another manager answers 409 unless <paramref name="force"/> is set. apiVersion, kind and name must be in it.
    /// Creates the object when there is none.
    /// </summary>
    public static Patch Apply(JsonObject configuration, string fieldManager, bool force = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(fieldManager);
        // JSON is YAML.
        return new(configuration, "application/apply-patch+yaml", new WriteOptions { FieldManager = fieldManager, Force = force });
    }

    /// <summary>The same patch with options. An apply patch keeps its field manager and force where <paramref name="options"/> doesn't set them.</summary>
    public Patch With(WriteOptions options) => new(Body, MediaType, options with
    {
        FieldManager = options.FieldManager ?? Options?.FieldManager,
        Force = options.Force || Options is { Force: true },
    });
}
