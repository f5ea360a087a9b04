using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>One served resource with all its versions.</summary>
internal sealed record ResourceKind
{
    public required string Group { get; init; }
    public required string Plural { get; init; }
    public required string Singular { get; init; }
    public required string Kind { get; init; }
    public required string ListKind { get; init; }
    public required bool Namespaced { get; init; }
    public IReadOnlyList<string> ShortNames { get; init; } = [];
    public IReadOnlyList<string> Categories { get; init; } = [];
    public required IReadOnlyList<KindVersion> Versions { get; init; }
    public bool BuiltIn { get; init; }

    /// <summary>Whether a PUT without resourceVersion overwrites whatever is there.</summary>
    public bool AllowsUnconditionalUpdate { get; init; }

    /// <summary>Whether metadata.generation counts changes of the wish.</summary>
    public bool HasGeneration { get; init; } = true;

    /// <summary>The custom resource definition's own uid; empty for built-in kinds.</summary>
    public string DefinitionUid { get; init; } = "";

    public string Resource => Group + "/" + Plural;

    public KindVersion Storage => Versions.First(v => v.Storage);

    public KindVersion? Served(string version) => Versions.FirstOrDefault(v => v.Name == version && v.Served);

    public string ApiVersion(string version) => Group.Length == 0 ? version : Group + "/" + version;
}

internal sealed record KindVersion
{
    public required string Name { get; init; }
    public bool Served { get; init; } = true;
    public bool Storage { get; init; } = true;
    public bool HasStatus { get; init; }

    /// <summary>The paths of the scale subresource; null where there is none.</summary>
    public ScalePaths? Scale { get; init; }
    public required StructuralSchema Schema { get; init; }

    /// <summary>The schema as written, for OpenAPI.</summary>
    public required JsonObject SchemaJson { get; init; }
    public IReadOnlyList<PrinterColumn> Columns { get; init; } = [];
    public IReadOnlyList<SelectableField> SelectableFields { get; init; } = [];
    public string? DeprecationWarning { get; init; }
}

internal sealed record PrinterColumn(string Name, string Type, string Format, string Description, long Priority, JsonPath? Path, Func<JsonObject, DateTimeOffset, JsonNode?>? Compute = null);

internal sealed record SelectableField(string Label, JsonPath Path);
