using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The kinds that exist without a CRD, described in the same structural schemas.</summary>
internal static class BuiltInKinds
{
    public const string Namespaces = "/namespaces";
    public const string Secrets = "/secrets";
    public const string Definitions = "apiextensions.k8s.io/customresourcedefinitions";

    private const string Reference = """{"type":"object","properties":{"apiVersion":{"type":"string"},"fieldPath":{"type":"string"},"kind":{"type":"string"},"name":{"type":"string"},"namespace":{"type":"string"},"resourceVersion":{"type":"string"},"uid":{"type":"string"}}}""";
    private const string Texts = """{"type":"object","additionalProperties":{"type":"string"}}""";

    public static IReadOnlyList<ResourceKind> All { get; } =
    [
        Make("", "v1", "Namespace", "namespaces", false, ["ns"], $$"""
            {"spec":{"type":"object","properties":{"finalizers":{"type":"array","items":{"type":"string"} } } },
             "status":{"type":"object","properties":{"phase":{"type":"string"},"conditions":{"type":"array","items":{"type":"object","x-kubernetes-preserve-unknown-fields":true} } } } }
            """, hasStatus: true, columns: BuiltInColumns.Namespace),
        Make("", "v1", "Secret", "secrets", true, [], $$"""
            {"data":{{Texts}},"stringData":{{Texts}},"type":{"type":"string"},"immutable":{"type":"boolean"} }
            """, columns: BuiltInColumns.Secret),
        Make("", "v1", "ConfigMap", "configmaps", true, ["cm"], $$"""
            {"data":{{Texts}},"binaryData":{{Texts}},"immutable":{"type":"boolean"} }
            """, columns: BuiltInColumns.ConfigMap),
        Make("", "v1", "Event", "events", true, ["ev"], $$"""
            {"involvedObject":{{Reference}},"related":{{Reference}},"reason":{"type":"string"},"message":{"type":"string"},"type":{"type":"string"},
             "action":{"type":"string"},"count":{"type":"integer"},"eventTime":{"type":"string","nullable":true},"firstTimestamp":{"type":"string","nullable":true},
             "lastTimestamp":{"type":"string","nullable":true},"reportingComponent":{"type":"string"},"reportingInstance":{"type":"string"},
             "source":{"type":"object","properties":{"component":{"type":"string"},"host":{"type":"string"} } },
             "series":{"type":"object","properties":{"count":{"type":"integer"},"lastObservedTime":{"type":"string","nullable":true} } } }
            """, columns: BuiltInColumns.Event, selectable: ["involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.fieldPath", "reason", "type", "reportingComponent", "source"]),
        Make("coordination.k8s.io", "v1", "Lease", "leases", true, [], """
            {"spec":{"type":"object","properties":{"acquireTime":{"type":"string","nullable":true},"holderIdentity":{"type":"string"},
             "leaseDurationSeconds":{"type":"integer","format":"int32"},"leaseTransitions":{"type":"integer","format":"int32"},"preferredHolder":{"type":"string"},
             "renewTime":{"type":"string","nullable":true},"strategy":{"type":"string"} } } }
            """, columns: BuiltInColumns.Lease, unconditional: false),
        Make("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false, ["crd", "crds"], """
            {"spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"status":{"type":"object","x-kubernetes-preserve-unknown-fields":true} }
            """, hasStatus: true, columns: BuiltInColumns.Definition, unconditional: false, generation: true, categories: ["api-extensions"]),
    ];

    private static ResourceKind Make(
        string group, string version, string kind, string plural, bool namespaced, string[] shortNames, string properties, IReadOnlyList<PrinterColumn> columns,
        bool hasStatus = false, bool unconditional = true, bool generation = false, string[]? categories = null, string[]? selectable = null)
    {
        var schema = new JsonObject { ["type"] = "object", ["properties"] = JsonNode.Parse(properties) };
        var errors = new List<FieldError>();
        var parsed = new SchemaParser(new CelRules(), errors).Parse(schema, "");
        if (errors.Count > 0) throw new InvalidOperationException($"The built-in schema of {kind} is broken: {errors[0]}");
        return new ResourceKind
        {
            Group = group,
            Plural = plural,
            Singular = kind.ToLowerInvariant(),
            Kind = kind,
            ListKind = kind + "List",
            Namespaced = namespaced,
            ShortNames = shortNames,
            Categories = categories ?? [],
            BuiltIn = true,
            AllowsUnconditionalUpdate = unconditional,
            HasGeneration = generation,
            Versions =
            [
                new KindVersion
                {
                    Name = version,
                    HasStatus = hasStatus,
                    Schema = parsed,
                    SchemaJson = schema,
                    Columns = columns,
                    SelectableFields = [.. (selectable ?? []).Select(Field)],
                },
            ],
        };
    }

    private static SelectableField Field(string label) =>
        JsonPath.TryParse(label == "source" ? ".source.component" : "." + label, out var path, out var error) ? new SelectableField(label, path) : throw new InvalidOperationException(error);
}
