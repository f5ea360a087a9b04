using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Host.Composition;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>
/// One definition from a file, moved to a group of its own so that several versions of one kind can be served side by side. Rules that
/// no evaluator is registered for are taken out, on both servers.
/// </summary>
internal sealed class CrdFile
{
    private static readonly Lazy<IReadOnlyList<CrdFile>> Read = new(() => [.. Paths().Select((p, i) => new CrdFile(p.Label, p.Path, i))]);

    private CrdFile(string label, string path, int index)
    {
        Label = label;
        Definition = (JsonObject)JsonNode.Parse(Bodies.Parse("application/yaml", File.ReadAllBytes(path), null)!.ToJsonString())!;
        var spec = (JsonObject)Definition["spec"]!;
        Group = $"c{index}.{(string)spec["group"]!}";
        Plural = (string)spec["names"]!["plural"]!;
        Kind = (string)spec["names"]!["kind"]!;
        Namespaced = (string?)spec["scope"] == "Namespaced";
        spec["group"] = Group;
        // Upstream's protected groups ask for an approval that the moved group doesn't need.
        Definition["metadata"] = new JsonObject { ["name"] = $"{Plural}.{Group}" };
        Definition.Remove("status");
        var version = spec["versions"]!.AsArray().First(v => (bool)v!["storage"]!)!;
        Version = (string)version["name"]!;
        StrippedRules = UpstreamRules.Strip(Definition);
        Schema = (JsonObject)version["schema"]!["openAPIV3Schema"]!;
        HasStatus = version["subresources"]?["status"] is not null;
    }

    public static IReadOnlyList<CrdFile> All => Read.Value;

    public string Label { get; }
    public JsonObject Definition { get; }
    public JsonObject Schema { get; }
    public string Group { get; }
    public string Plural { get; }
    public string Kind { get; }
    public string Version { get; }
    public bool Namespaced { get; }
    public bool HasStatus { get; }

    /// <summary>The texts of the rules that were taken out.</summary>
    public IReadOnlyList<string> StrippedRules { get; }

    public string Collection => $"/apis/{Group}/{Version}" + (Namespaced ? "/namespaces/default" : "") + "/" + Plural;

    /// <summary>An object around a generated body (spec, status and whatever else the schema has at the top).</summary>
    public JsonObject Object(string name, JsonObject body)
    {
        var value = (JsonObject)body.DeepClone();
        value["apiVersion"] = $"{Group}/{Version}";
        value["kind"] = Kind;
        value["metadata"] = new JsonObject { ["name"] = name };
        return value;
    }

    public override string ToString() => Label;

    /// <summary>Ours, and upstream's with every different content once; without the reference folder only ours.</summary>
    private static IEnumerable<(string Label, string Path)> Paths()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(Path.Combine(SharedFolder.RepositoryRoot, "deploy", "crds"), "*.yaml").Order(StringComparer.Ordinal))
        {
            yield return ("ours " + Path.GetFileNameWithoutExtension(path), path);
        }

        if (SharedFolder.PathOrNull is not { } root) yield break;
        var upstream = Path.Combine(root, "datum-upstream");
        foreach (var path in Directory.EnumerateFiles(upstream, "*.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(Path.GetDirectoryName(path)) != "crd" || !seen.Add(File.ReadAllText(path))) continue;
            var folder = Path.GetRelativePath(upstream, Path.GetDirectoryName(Path.GetDirectoryName(path)!)!);
            yield return ($"{folder.Replace('/', ' ')} {Path.GetFileNameWithoutExtension(path)}", path);
        }
    }
}

/// <summary>The twins of all rules of ours and upstream's.</summary>
internal static partial class UpstreamRules
{
    public static CelRules Known { get; } = RuleRegistration.Create();

    public static List<string> Strip(JsonNode? node)
    {
        var stripped = new List<string>();
        Walk(node, stripped);
        return stripped;
    }

    private static void Walk(JsonNode? node, List<string> stripped)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list) Walk(item, stripped);
        }

        if (node is not JsonObject map) return;
        if (map["x-kubernetes-validations"] is JsonArray rules)
        {
            foreach (var rule in rules.ToArray())
            {
                var text = (string?)rule!["rule"] ?? "";
                if (Known.TryGet(text, out _) && rule["messageExpression"] is null) continue;
                stripped.Add(Blanks().Replace(text, " "));
                rules.Remove(rule);
            }

            if (rules.Count == 0) map.Remove("x-kubernetes-validations");
        }

        foreach (var (_, child) in map) Walk(child, stripped);
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
