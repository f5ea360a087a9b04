using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Manifests;

/// <summary>One object of a manifest file.</summary>
public sealed record Manifest
{
    /// <summary>The name under which the file was read.</summary>
    public required string File { get; init; }

    /// <summary>The place among the documents of the file that aren't empty, from 1.</summary>
    public required int Document { get; init; }

    /// <summary>The place in the document's <c>items</c>, from 0, where the document is a list.</summary>
    public int? Item { get; init; }

    /// <summary>The line of the object's first member, from 1.</summary>
    public required int Line { get; init; }

    public required string ApiVersion { get; init; }
    public required string Kind { get; init; }

    /// <summary>The object, as kubectl sends it.</summary>
    public required JsonObject Json { get; init; }

    /// <summary>Lines by field path.</summary>
    internal IReadOnlyDictionary<string, int> Lines { get; init; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>The path of this object in its document; empty where it is the document.</summary>
    internal string Root { get; init; } = "";

    public string? Name => (Json["metadata"] as JsonObject)?["name"] is JsonValue value && value.TryGetValue<string>(out var name) ? name : null;

    public string? Namespace => (Json["metadata"] as JsonObject)?["namespace"] is JsonValue value && value.TryGetValue<string>(out var name) ? name : null;

    /// <summary>
    /// The line of a field, given as API servers write it (<c>spec.placements[0].name</c>); of the nearest member above it where the
    /// field itself isn't there.
    /// </summary>
    public int LineOf(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        for (var path = field; path.Length > 0; path = Parent(path))
        {
            if (Lines.TryGetValue(Root + "." + path, out var line)) return line;
        }

        return Line;
    }

    private static string Parent(string path)
    {
        var cut = Math.Max(path.LastIndexOf('.'), path.LastIndexOf('['));
        return cut < 0 ? "" : path[..cut];
    }
}

/// <summary>Something in a file that can't be read as an object.</summary>
/// <param name="Document">0 where it is about the whole file.</param>
/// <param name="Line">From 1.</param>
public sealed record ManifestError(string File, int Line, int Document, string Message)
{
    public override string ToString() => $"{File}:{Line}: {Message}";
}

/// <summary>What a file holds: objects in its order, and what couldn't be read. A document with an error gives no object.</summary>
public sealed record ManifestFile(ImmutableArray<Manifest> Objects, ImmutableArray<ManifestError> Errors);
