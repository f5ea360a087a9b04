namespace Datum.Providers.Engine.Policies;

/// <summary>One field of a desired state.</summary>
public sealed record FieldValue(string Path, string Value);

/// <summary>Desired states as fields with the paths that drivers use in drift: <c>sandbox.containers[web].image</c>.</summary>
internal static class FieldDiff
{
    private const int MaxValue = 120;

    /// <summary>Every leaf, ordered as the document has them.</summary>
    public static IEnumerable<FieldValue> Fields(JsonElement? document) => document is { } d ? Walk("", d) : [];

    /// <summary>What differs: a side that is null has no such field.</summary>
    public static IEnumerable<(string Path, string? Before, string? After)> Between(JsonElement? before, JsonElement? after)
    {
        var old = Fields(before).ToDictionary(f => f.Path, f => f.Value, StringComparer.Ordinal);
        var now = Fields(after).ToDictionary(f => f.Path, f => f.Value, StringComparer.Ordinal);
        foreach (var path in old.Keys.Union(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
            if (old.GetValueOrDefault(path) is var was && now.GetValueOrDefault(path) is var @is && was != @is)
                yield return (path, was, @is);
    }

    private static IEnumerable<FieldValue> Walk(string path, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().SelectMany(p => Walk(path.Length == 0 ? p.Name : $"{path}.{p.Name}", p.Value)),
        JsonValueKind.Array => value.EnumerateArray().Select((v, i) => (v, i)).SelectMany(e => Walk($"{path}[{Key(value, e.v, e.i)}]", e.v)),
        JsonValueKind.Null or JsonValueKind.Undefined => [],
        _ => [new FieldValue(path, Short(value.ToString()))],
    };

    // By name where every element has one of its own, so that an element put before others changes no path.
    private static string Key(JsonElement array, JsonElement element, int index) =>
        NameOf(element) is { } name && array.EnumerateArray().Count(e => NameOf(e) == name) == 1 ? name : index.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string? NameOf(JsonElement element) =>
        element.ValueKind is JsonValueKind.Object && element.TryGetProperty("name", out var name) && name.ValueKind is JsonValueKind.String ? name.GetString() : null;

    private static string Short(string text) => text.Length <= MaxValue ? text : $"{text[..MaxValue]}...";
}
