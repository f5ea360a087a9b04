using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The fields of a CustomResourceDefinition, so that a misspelt one is reported instead of silently dropped.</summary>
internal static class DefinitionFields
{
    private static readonly string[] Spec = ["group", "names", "scope", "versions", "conversion", "preserveUnknownFields"];
    private static readonly string[] Names = ["plural", "singular", "kind", "listKind", "shortNames", "categories"];
    private static readonly string[] Version = ["name", "served", "storage", "deprecated", "deprecationWarning", "schema", "subresources", "additionalPrinterColumns", "selectableFields"];
    private static readonly string[] Column = ["name", "type", "format", "description", "priority", "jsonPath"];

    public static void Prune(JsonObject definition, List<string> unknown)
    {
        if (definition["spec"] is not JsonObject spec) return;
        Keep(spec, Spec, "spec", unknown);
        if (spec["names"] is JsonObject names) Keep(names, Names, "spec.names", unknown);
        if (spec["versions"] is not JsonArray versions) return;
        for (var i = 0; i < versions.Count; i++)
        {
            if (versions[i] is not JsonObject version) continue;
            Keep(version, Version, $"spec.versions[{i}]", unknown);
            if (version["additionalPrinterColumns"] is not JsonArray columns) continue;
            for (var j = 0; j < columns.Count; j++)
            {
                if (columns[j] is JsonObject column) Keep(column, Column, $"spec.versions[{i}].additionalPrinterColumns[{j}]", unknown);
            }
        }
    }

    private static void Keep(JsonObject value, string[] known, string path, List<string> unknown)
    {
        foreach (var key in value.Select(p => p.Key).Where(k => !known.Contains(k)).ToArray())
        {
            value.Remove(key);
            unknown.Add(path + "." + key);
        }
    }
}
