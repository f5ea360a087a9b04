using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources;

/// <summary>Makes merge patches (RFC 7386) that hold only what differs, and none at all when nothing does (law L8).</summary>
public static class Patches
{
    /// <summary>
    /// The patch that turns the <c>spec</c> of one object into that of the other; null when they are alike.
    /// With <paramref name="guard"/> the server answers 409 if the object has changed since <paramref name="before"/> was read.
    /// </summary>
    public static Patch? Spec<T>(ResourceType<T> type, T before, T after, bool guard = true) where T : KubeObject => Of(type, before, after, guard, "spec");

    /// <summary>As <see cref="Spec"/>, for the <c>status</c> subresource.</summary>
    public static Patch? Status<T>(ResourceType<T> type, T before, T after, bool guard = true) where T : KubeObject => Of(type, before, after, guard, "status");

    /// <summary>As <see cref="Spec"/>, for the labels, annotations, finalizers and owner references as well as the spec.</summary>
    public static Patch? MetadataAndSpec<T>(ResourceType<T> type, T before, T after, bool guard = true) where T : KubeObject =>
        Of(type, before, after, guard, "metadata", "spec");

    /// <summary>
    /// The RFC 7386 patch from one JSON value to another; null when they are alike. A member that is null counts as absent,
    /// as in the RFC; an array is replaced as a whole.
    /// </summary>
    public static JsonObject? MergeDiff(JsonObject? before, JsonObject? after)
    {
        var patch = new JsonObject();
        foreach (var (name, value) in after ?? [])
        {
            if (value is null)
            {
                continue;
            }

            var old = before?[name];
            if (value is JsonObject newObject && old is JsonObject oldObject)
            {
                if (MergeDiff(oldObject, newObject) is { } inner)
                {
                    patch[name] = inner;
                }
            }
            else if (old is null || !JsonNode.DeepEquals(old, value))
            {
                patch[name] = WithoutNulls(value);
            }
        }

        foreach (var (name, old) in before ?? [])
        {
            if (old is not null && after?[name] is null)
            {
                patch[name] = null;
            }
        }

        return patch.Count == 0 ? null : patch;
    }

    /// <summary>Adds <c>metadata.resourceVersion</c> to a patch, so that the server refuses it when the object has changed since.</summary>
    public static JsonObject Guard(JsonObject patch, string resourceVersion)
    {
        ArgumentNullException.ThrowIfNull(patch);
        ArgumentException.ThrowIfNullOrEmpty(resourceVersion);
        if (patch["metadata"] is not JsonObject metadata)
        {
            patch["metadata"] = metadata = [];
        }

        metadata["resourceVersion"] = resourceVersion;
        return patch;
    }

    private static readonly string[] ClientMetadata = ["labels", "annotations", "finalizers", "ownerReferences"];

    private static Patch? Of<T>(ResourceType<T> type, T before, T after, bool guard, params ReadOnlySpan<string> sections) where T : KubeObject
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(before);
        var from = JsonSerializer.SerializeToUtf8Bytes(before, type.Json);
        var to = JsonSerializer.SerializeToUtf8Bytes(after, type.Json);
        // Nearly every round ends here: what is written alike is alike, and no tree is built for it.
        if (from.AsSpan().SequenceEqual(to) || MergeDiff(Select(ToNode(type, from), sections), Select(ToNode(type, to), sections)) is not { } patch)
        {
            return null;
        }

        if (guard)
        {
            var version = before.Metadata.ResourceVersion
                ?? throw new ArgumentException("A guarded patch needs an object that was read from a server: it has no resourceVersion.", nameof(before));
            Guard(patch, version);
        }

        return Patch.Merge(patch);
    }

    private static JsonObject ToNode<T>(ResourceType<T> type, byte[] value) where T : KubeObject =>
        JsonNode.Parse(value) as JsonObject ?? throw new ArgumentException($"A {type.Kind} was written as something else than an object.");

    /// <summary>Takes the sections out of what was made for this alone.</summary>
    private static JsonObject Select(JsonObject source, ReadOnlySpan<string> sections)
    {
        var selected = new JsonObject();
        foreach (var section in sections)
        {
            source.Remove(section, out var value);
            selected[section] = section == "metadata" && value is JsonObject metadata ? Select(metadata, ClientMetadata) : value;
        }

        return selected;
    }

    private static JsonNode WithoutNulls(JsonNode value)
    {
        if (value is not JsonObject source)
        {
            return value.DeepClone();
        }

        var result = new JsonObject();
        foreach (var (name, member) in source)
        {
            if (member is not null)
            {
                result[name] = WithoutNulls(member);
            }
        }

        return result;
    }
}
