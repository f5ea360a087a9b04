using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Manifests;

/// <summary>One document, with the lines of its members.</summary>
internal sealed class ManifestDocument(string file, int number, int line)
{
    public int Number => number;
    public int Line => line;
    public JsonNode? Value { get; set; }

    /// <summary>By path; the document's own members begin with a dot, its items with a bracket.</summary>
    public Dictionary<string, int> Lines { get; } = new(StringComparer.Ordinal);

    public List<ManifestError> Errors { get; } = [];

    public void Error(int at, string message) => Errors.Add(new ManifestError(file, at, number, message));

    /// <summary>Adds a member, or reports that its key stands there already.</summary>
    public bool TryAdd(JsonObject owner, string path, string key, int at)
    {
        var full = $"{path}.{key}";
        if (owner.ContainsKey(key))
        {
            Error(at, $"the key \"{key}\" is given twice; it stands at line {Lines[full].ToString(CultureInfo.InvariantCulture)} already");
            return false;
        }

        Lines[full] = at;
        owner[key] = null;
        return true;
    }
}

/// <summary>The text can't be read any further.</summary>
internal sealed class ManifestSyntaxException(int line, string message) : Exception(message)
{
    public int Line => line;
}

/// <summary>Bounds that keep a small file from standing for an endless object.</summary>
internal static class ManifestLimits
{
    public const int Bytes = 16 << 20;
    public const int Depth = 200;
    public const int Nodes = 500_000;
}
