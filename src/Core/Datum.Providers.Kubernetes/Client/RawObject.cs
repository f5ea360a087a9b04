using System.Buffers;

namespace Datum.Providers.Kubernetes;

/// <summary>An object as the server sent it, byte for byte. managedFields and unknown fields are in it.</summary>
/// <param name="ResourceVersion">Empty in the answer of a dry run that would create.</param>
/// <param name="Utf8">The JSON object; apiVersion and kind may be missing in an item of a list.</param>
public sealed record RawObject(ObjectKey Key, string ResourceVersion, string? Uid, ReadOnlyMemory<byte> Utf8)
{
    internal static (RawObject? Value, UnreadableObject? Unreadable) Decode(ReadOnlySequence<byte> json) => Decode(json, stored: true);

    internal static (RawObject? Value, UnreadableObject? Unreadable) Decode(ReadOnlySequence<byte> json, bool stored)
    {
        var probed = ObjectDecoder.Probe(json);
        return probed.Key.Name.Length > 0 && (!stored || probed.ResourceVersion is { Length: > 0 })
            ? (new RawObject(probed.Key, probed.ResourceVersion ?? "", probed.Uid, json.ToArray()), null)
            : (null, probed with { Reason = probed.Reason.Length > 0 ? probed.Reason : "metadata.name or metadata.resourceVersion is missing" });
    }
}

/// <summary>A page of a list.</summary>
public sealed class RawPage
{
    public required IReadOnlyList<RawObject> Items { get; init; }
    /// <summary>The version of the list as a whole; a watch starts from it.</summary>
    public required string ResourceVersion { get; init; }
    /// <summary>The token of the next page; null on the last one.</summary>
    public string? Continue { get; init; }
    /// <summary>Items without a name or version.</summary>
    public IReadOnlyList<UnreadableObject> Unreadable { get; init; } = [];
}

/// <summary>An event of a watch. A bookmark has no object; neither has an unreadable one.</summary>
public sealed class RawEvent
{
    public required WatchEventType Type { get; init; }
    public RawObject? Object { get; init; }
    public string? ResourceVersion { get; init; }
    public UnreadableObject? Unreadable { get; init; }
    /// <summary>The bookmark after the last initial event.</summary>
    public bool InitialEventsEnd { get; init; }

    internal static RawEvent Decode(WatchEventType kind, ReadOnlySequence<byte> body)
    {
        if (kind == WatchEventType.Bookmark)
            return new RawEvent { Type = kind, ResourceVersion = ObjectDecoder.Probe(body).ResourceVersion, InitialEventsEnd = WatchDecoder.EndsInitialEvents(body) };
        var (value, unreadable) = RawObject.Decode(body);
        return value is not null
            ? new RawEvent { Type = kind, Object = value, ResourceVersion = value.ResourceVersion }
            : new RawEvent { Type = WatchEventType.Unreadable, Unreadable = unreadable! with { Deleted = kind == WatchEventType.Deleted }, ResourceVersion = unreadable.ResourceVersion };
    }
}
