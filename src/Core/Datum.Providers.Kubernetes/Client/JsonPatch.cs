using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>A place in a document (RFC 6901). Made of names as they are; escaping them is its business.</summary>
public readonly record struct JsonPointer
{
    private readonly string? _text;

    private JsonPointer(string text)
    {
        _text = text;
    }

    /// <summary>The whole document.</summary>
    public static JsonPointer Root => default;

    /// <summary>The member that these names lead to, e.g. <c>Of("metadata", "annotations", "example.com/a")</c>.</summary>
    public static JsonPointer Of(params ReadOnlySpan<string> members)
    {
        var pointer = Root;
        foreach (var member in members)
            pointer = pointer.Member(member);
        return pointer;
    }

    public JsonPointer Member(string name) =>
        new($"{_text}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}");

    /// <summary>An item of an array, counted from 0.</summary>
    public JsonPointer Item(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return new($"{_text}/{index.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <summary>The place after the last item of an array; only <see cref="JsonPatch.Add"/> can go there.</summary>
    public JsonPointer AfterLast => new($"{_text}/-");

    public override string ToString() => _text ?? "";
}

/// <summary>Builds a JSON patch: all of its operations, in order, or none.</summary>
public sealed class JsonPatch
{
    private readonly JsonArray _operations = [];

    /// <summary>The patch is refused with 422 unless this value stands there.</summary>
    public JsonPatch Test(JsonPointer at, JsonNode? value) => With("test", at, value);

    /// <summary>The patch is refused with 422 when the object has changed since.</summary>
    public JsonPatch TestVersion(KubeObject known) => Test(JsonPointer.Of("metadata", "resourceVersion"), known.Metadata.ResourceVersion
        ?? throw new ArgumentException("The object has no resourceVersion; only what a server sent can be tested.", nameof(known)));

    /// <summary>Adds a member, or replaces it; inserts an item into an array. What it stands in must exist.</summary>
    public JsonPatch Add(JsonPointer at, JsonNode? value) => With("add", at, value);

    /// <summary>Replaces what must exist.</summary>
    public JsonPatch Replace(JsonPointer at, JsonNode? value) => With("replace", at, value);

    /// <summary>Removes what must exist.</summary>
    public JsonPatch Remove(JsonPointer at)
    {
        _operations.Add(new JsonObject { ["op"] = "remove", ["path"] = at.ToString() });
        return this;
    }

    public JsonPatch Move(JsonPointer from, JsonPointer to) => From("move", from, to);

    public JsonPatch Copy(JsonPointer from, JsonPointer to) => From("copy", from, to);

    /// <summary>The operations so far.</summary>
    public Patch ToPatch() => Patch.Json((JsonArray)_operations.DeepClone());

    private JsonPatch With(string operation, JsonPointer at, JsonNode? value)
    {
        // A node has one parent; the caller's keeps its own.
        _operations.Add(new JsonObject { ["op"] = operation, ["path"] = at.ToString(), ["value"] = value?.DeepClone() });
        return this;
    }

    private JsonPatch From(string operation, JsonPointer from, JsonPointer to)
    {
        _operations.Add(new JsonObject { ["op"] = operation, ["from"] = from.ToString(), ["path"] = to.ToString() });
        return this;
    }
}
