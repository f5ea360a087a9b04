using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

/// <summary>Where a definition has a rule: its text and the schema that carries it.</summary>
internal sealed record RulePlace(string File, string Path, string Rule, JsonObject Schema);

/// <summary>Finds the rules of definitions.</summary>
internal static class RulePlaces
{
    /// <summary>Every definition that upstream published, by file below the reference folder.</summary>
    public static IReadOnlyList<(string File, JsonObject Definition)> Upstream()
    {
        var root = SharedFolder.Require("seeds", "datum-upstream");
        return [.. Directory.GetFiles(root, "*.yaml", SearchOption.AllDirectories)
            .Where(f => f.Contains("/crd/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(f => (System.IO.Path.GetRelativePath(root, f), Yaml.Single(System.IO.File.ReadAllText(f))))];
    }

    public static IReadOnlyList<(string File, JsonObject Definition)> Ours() =>
        [.. Crds.All().Select(f => (f.Name, Yaml.Single(Encoding.UTF8.GetString(f.Yaml.Span))))];

    public static IEnumerable<RulePlace> In(IEnumerable<(string File, JsonObject Definition)> definitions) =>
        definitions.SelectMany(d => d.Definition["spec"]!["versions"]!.AsArray()
            .SelectMany(v => Below(d.File, "", (JsonObject)v!["schema"]!["openAPIV3Schema"]!)));

    private static IEnumerable<RulePlace> Below(string file, string path, JsonObject schema)
    {
        foreach (var rule in schema["x-kubernetes-validations"] as JsonArray ?? [])
        {
            yield return new RulePlace(file, path, rule!["rule"]!.GetValue<string>(), schema);
        }

        var children = (schema["properties"] as JsonObject ?? []).Select(p => ($"{path}.{p.Key}", p.Value as JsonObject))
            .Append(($"{path}[]", schema["items"] as JsonObject)).Append(($"{path}{{}}", schema["additionalProperties"] as JsonObject));
        foreach (var (at, child) in children)
        {
            if (child is null) continue;
            foreach (var place in Below(file, at, child)) yield return place;
        }
    }
}
