using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>One object at one resourceVersion: its JSON as UTF-8 and the few fields that selectors and collectors read.</summary>
internal sealed class StoredObject
{
    private readonly string[] labels;

    private StoredObject(string key, string @namespace, string name, string uid, ulong version, byte[] json, string[] labels, string[] owners, bool deleting)
    {
        (Key, Namespace, Name, Uid, Version, Json, this.labels, OwnerUids, Deleting) = (key, @namespace, name, uid, version, json, labels, owners, deleting);
    }

    /// <summary>"namespace/name", or the name alone for a cluster-scoped kind; lists are ordered by it.</summary>
    public string Key { get; }
    public string Namespace { get; }
    public string Name { get; }
    public string Uid { get; }
    public ulong Version { get; }
    public byte[] Json { get; }
    public IReadOnlyList<string> OwnerUids { get; }
    public bool Deleting { get; }

    public static string KeyOf(string @namespace, string name) => @namespace.Length == 0 ? name : @namespace + "/" + name;

    public string? Label(string key)
    {
        for (var i = 0; i < labels.Length; i += 2)
        {
            if (labels[i] == key) return labels[i + 1];
        }

        return null;
    }

    public JsonObject Parse() => JsonText.ParseObject(Json);

    /// <summary>Stamps the version into the object and freezes it.</summary>
    public static StoredObject Freeze(JsonObject value, ulong version)
    {
        var meta = (JsonObject)value["metadata"]!;
        meta["resourceVersion"] = version.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return From(value, meta, version, JsonText.Write(value));
    }

    public static StoredObject Load(ulong version, byte[] json)
    {
        var value = JsonText.ParseObject(json);
        return From(value, (JsonObject)value["metadata"]!, version, json);
    }

    private static StoredObject From(JsonObject value, JsonObject meta, ulong version, byte[] json)
    {
        var labels = Array.Empty<string>();
        if (meta["labels"] is JsonObject map && map.Count > 0)
        {
            labels = new string[map.Count * 2];
            var i = 0;
            foreach (var (key, label) in map)
            {
                labels[i++] = key;
                labels[i++] = JsonText.String(label) ?? "";
            }
        }

        var owners = meta["ownerReferences"] is JsonArray refs ? refs.Select(r => JsonText.String(r?["uid"])).OfType<string>().ToArray() : [];
        var space = JsonText.String(meta["namespace"]) ?? "";
        var name = JsonText.String(meta["name"]) ?? "";
        return new StoredObject(KeyOf(space, name), space, name, JsonText.String(meta["uid"]) ?? "", version, json, labels, owners, meta["deletionTimestamp"] is not null);
    }
}

internal enum ChangeType
{
    Added,
    Modified,
    Deleted,
}

/// <summary>One committed change. Its watch lines are rendered once and shared by all watchers.</summary>
internal sealed class Change(string resource, ChangeType type, StoredObject value, StoredObject? before)
{
    private readonly byte[]?[] lines = new byte[]?[3];

    public string Resource { get; } = resource;
    public ChangeType Type { get; } = type;

    /// <summary>The object after the change; for a deletion its last state with the version of the deletion.</summary>
    public StoredObject Value { get; } = value;
    public StoredObject? Before { get; } = before;
    public ulong Version => Value.Version;

    public byte[] Line(ChangeType shown)
    {
        // Two watchers may render at once: both results are equal, the last one stays.
        return lines[(int)shown] ??= WatchLine.Render(shown, Value.Json);
    }
}

internal static class WatchLine
{
    public static byte[] Render(ChangeType type, ReadOnlySpan<byte> json)
    {
        var head = type switch
        {
            ChangeType.Added => "{\"type\":\"ADDED\",\"object\":"u8,
            ChangeType.Modified => "{\"type\":\"MODIFIED\",\"object\":"u8,
            _ => "{\"type\":\"DELETED\",\"object\":"u8,
        };
        var line = new byte[head.Length + json.Length + 2];
        head.CopyTo(line);
        json.CopyTo(line.AsSpan(head.Length));
        line[^2] = (byte)'}';
        line[^1] = (byte)'\n';
        return line;
    }
}
