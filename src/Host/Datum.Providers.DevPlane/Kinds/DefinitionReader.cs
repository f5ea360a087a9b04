using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>Turns a CustomResourceDefinition into a kind, with defaults filled in, or says what is wrong with it.</summary>
internal static partial class DefinitionReader
{
    public const string Group = "apiextensions.k8s.io";

    /// <summary>Fills in what the real server defaults.</summary>
    public static void Default(JsonObject definition)
    {
        if (definition["spec"] is not JsonObject spec) return;
        if (spec["names"] is JsonObject names)
        {
            var kind = JsonText.String(names["kind"]) ?? "";
            if (string.IsNullOrEmpty(JsonText.String(names["singular"]))) names["singular"] = kind.ToLowerInvariant();
            if (string.IsNullOrEmpty(JsonText.String(names["listKind"]))) names["listKind"] = kind + "List";
        }

        spec["conversion"] ??= new JsonObject { ["strategy"] = "None" };
    }

    public static ResourceKind? Read(JsonObject definition, ICelRules rules, List<FieldError> errors)
    {
        var name = JsonText.String(definition["metadata"]?["name"]) ?? "";
        var spec = definition["spec"] as JsonObject ?? [];
        var names = spec["names"] as JsonObject ?? [];
        var group = JsonText.String(spec["group"]) ?? "";
        var plural = JsonText.String(names["plural"]) ?? "";
        var kind = JsonText.String(names["kind"]) ?? "";
        var scope = JsonText.String(spec["scope"]) ?? "";
        if (name != plural + "." + group) errors.Add(FieldError.InvalidText("metadata.name", JsonText.Quote(name), "must be spec.names.plural+\".\"+spec.group"));
        if (group.Length == 0) errors.Add(FieldError.Required("spec.group"));
        else if (!group.Contains('.', StringComparison.Ordinal)) errors.Add(FieldError.InvalidText("spec.group", JsonText.Quote(group), "should be a domain with at least one dot"));
        if (scope.Length == 0) errors.Add(FieldError.Required("spec.scope"));
        else if (scope is not ("Namespaced" or "Cluster")) errors.Add(FieldError.NotSupported("spec.scope", JsonText.Quote(scope), ["\"Cluster\"", "\"Namespaced\""]));
        if (plural.Length == 0) errors.Add(FieldError.Required("spec.names.plural"));
        if (kind.Length == 0) errors.Add(FieldError.Required("spec.names.kind"));
        if (JsonText.String(spec["conversion"]?["strategy"]) is { } strategy and not "None")
        {
            errors.Add(FieldError.NotSupported("spec.conversion.strategy", JsonText.Quote(strategy), ["\"None\""]));
        }

        if (JsonText.Bool(spec["preserveUnknownFields"]) == true)
        {
            errors.Add(FieldError.InvalidText("spec.preserveUnknownFields", "true", "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"));
        }

        var versions = ReadVersions(spec["versions"] as JsonArray ?? [], (group, kind), rules, errors);
        if (versions.Count(v => v.Storage) != 1 && errors.Count == 0)
        {
            errors.Add(FieldError.Invalid("spec.versions", spec["versions"], "must have exactly one version marked as storage version"));
        }

        if (errors.Count > 0) return null;
        return new ResourceKind
        {
            Group = group,
            Plural = plural,
            Singular = JsonText.String(names["singular"]) ?? kind.ToLowerInvariant(),
            Kind = kind,
            ListKind = JsonText.String(names["listKind"]) ?? kind + "List",
            Namespaced = scope == "Namespaced",
            ShortNames = Texts(names["shortNames"]),
            Categories = Texts(names["categories"]),
            Versions = versions,
            DefinitionUid = JsonText.String(definition["metadata"]?["uid"]) ?? "",
        };
    }

    private static List<KindVersion> ReadVersions(JsonArray many, (string Group, string Kind) about, ICelRules rules, List<FieldError> errors)
    {
        var versions = new List<KindVersion>();
        for (var i = 0; i < many.Count; i++)
        {
            var at = $"spec.versions[{i}]";
            if (many[i] is not JsonObject one || !VersionName().IsMatch(JsonText.String(one["name"]) ?? ""))
            {
                errors.Add(FieldError.InvalidText(at + ".name", JsonText.Show(many[i]?["name"]), "must be a DNS-1035 label"));
                continue;
            }

            if (one["schema"]?["openAPIV3Schema"] is not JsonObject schema)
            {
                errors.Add(FieldError.Required(at + ".schema.openAPIV3Schema"));
                continue;
            }

            // With one version the real server names the place where that schema stood in older API versions.
            var path = many.Count == 1 ? "spec.validation.openAPIV3Schema" : at + ".schema.openAPIV3Schema";
            versions.Add(new KindVersion
            {
                Name = JsonText.String(one["name"])!,
                Served = JsonText.Bool(one["served"]) == true,
                Storage = JsonText.Bool(one["storage"]) == true,
                HasStatus = one["subresources"]?["status"] is not null,
                Scale = ScalePaths.Read(one["subresources"]?["scale"], at + ".subresources.scale", errors),
                Schema = new SchemaParser(rules, errors).Parse(schema, path),
                SchemaJson = (JsonObject)schema.DeepClone(),
                Columns = ReadColumns(one["additionalPrinterColumns"] as JsonArray, at, errors),
                SelectableFields = ReadFields(one["selectableFields"] as JsonArray, at, errors),
                DeprecationWarning = JsonText.Bool(one["deprecated"]) == true ? JsonText.String(one["deprecationWarning"]) ?? Deprecation(one, many, about) : null,
            });
        }

        return versions;
    }

    /// <summary>The sentence for a deprecated version that has none of its own: it names the newest that isn't.</summary>
    private static string Deprecation(JsonObject one, JsonArray many, (string Group, string Kind) about)
    {
        var name = JsonText.String(one["name"])!;
        var better = many.Where(v => JsonText.Bool(v?["served"]) == true && JsonText.Bool(v?["deprecated"]) != true).Select(v => JsonText.String(v?["name"]) ?? "")
            .Where(v => KubeVersionOrder.Instance.Compare(v, name) < 0).Order(KubeVersionOrder.Instance).FirstOrDefault();
        return $"{about.Group}/{name} {about.Kind} is deprecated" + (better is null ? "" : $"; use {about.Group}/{better} {about.Kind}");
    }

    private static List<PrinterColumn> ReadColumns(JsonArray? many, string at, List<FieldError> errors)
    {
        if (many is null || many.Count == 0) return [BuiltInColumns.Age];
        var columns = new List<PrinterColumn>();
        for (var i = 0; i < many.Count; i++)
        {
            var text = JsonText.String(many[i]?["jsonPath"]) ?? "";
            // Go can't parse an escaped quote there; the real server then prints the columns before it alone.
            if (text.Contains("\\\"", StringComparison.Ordinal)) break;
            if (!JsonPath.TryParse(text, out var path, out var error))
            {
                errors.Add(FieldError.InvalidText($"{at}.additionalPrinterColumns[{i}].jsonPath", JsonText.Quote(text), error));
                continue;
            }

            columns.Add(new PrinterColumn(
                JsonText.String(many[i]?["name"]) ?? "",
                JsonText.String(many[i]?["type"]) ?? "string",
                JsonText.String(many[i]?["format"]) ?? "",
                JsonText.String(many[i]?["description"]) ?? $"Custom resource definition column (in JSONPath format): {text}",
                JsonText.Int(many[i]?["priority"]) ?? 0,
                path));
        }

        return columns;
    }

    private static List<SelectableField> ReadFields(JsonArray? many, string at, List<FieldError> errors)
    {
        var fields = new List<SelectableField>();
        for (var i = 0; i < (many?.Count ?? 0); i++)
        {
            var text = JsonText.String(many![i]?["jsonPath"]) ?? "";
            if (JsonPath.TryParse(text, out var path, out var error)) fields.Add(new SelectableField(text[1..], path));
            else errors.Add(FieldError.InvalidText($"{at}.selectableFields[{i}].jsonPath", JsonText.Quote(text), error));
        }

        return fields;
    }

    private static string[] Texts(JsonNode? node) => node is JsonArray many ? [.. many.Select(JsonText.String).OfType<string>()] : [];

    [GeneratedRegex(@"^[a-z]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex VersionName();
}
