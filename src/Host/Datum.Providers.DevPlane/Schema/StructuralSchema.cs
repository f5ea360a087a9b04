using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>One node of a CRD's openAPIV3Schema, parsed once.</summary>
internal sealed class StructuralSchema
{
    /// <summary>Empty where the node is int-or-string or only adds constraints to its parent.</summary>
    public string Type { get; init; } = "";
    public string Format { get; init; } = "";
    public bool Nullable { get; init; }
    public bool PreserveUnknownFields { get; init; }
    public bool EmbeddedResource { get; init; }
    public bool IntOrString { get; init; }
    public string ListType { get; init; } = "atomic";
    public IReadOnlyList<string> ListMapKeys { get; init; } = [];
    public Dictionary<string, StructuralSchema> Properties { get; } = new(StringComparer.Ordinal);
    public StructuralSchema? AdditionalProperties { get; init; }

    /// <summary>additionalProperties given as true: any key with any value.</summary>
    public bool AnyAdditionalProperties { get; init; }
    public StructuralSchema? Items { get; init; }
    public IReadOnlyList<string> Required { get; init; } = [];
    public bool HasDefault { get; init; }
    public JsonNode? Default { get; init; }
    public IReadOnlyList<JsonNode?>? Enum { get; init; }
    public double? Minimum { get; init; }
    public double? Maximum { get; init; }
    public bool ExclusiveMinimum { get; init; }
    public bool ExclusiveMaximum { get; init; }
    public double? MultipleOf { get; init; }
    public long? MinLength { get; init; }
    public long? MaxLength { get; init; }
    public string? PatternText { get; init; }
    public Regex? Pattern { get; init; }
    public long? MinItems { get; init; }
    public long? MaxItems { get; init; }
    public long? MinProperties { get; init; }
    public long? MaxProperties { get; init; }
    public IReadOnlyList<StructuralSchema> AllOf { get; init; } = [];
    public IReadOnlyList<StructuralSchema> AnyOf { get; init; } = [];
    public IReadOnlyList<StructuralSchema> OneOf { get; init; } = [];
    public StructuralSchema? Not { get; init; }
    public IReadOnlyList<ValidationRule> Rules { get; init; } = [];

    /// <summary>Whether this node or one below it has rules: then a blocking error adds a sentence of its own.</summary>
    public bool AnyRules { get; init; }
}

/// <summary>One entry of x-kubernetes-validations, bound to its evaluator.</summary>
/// <param name="FieldPath">Below the value, as errors print it; empty for the value itself.</param>
/// <param name="NeedsOld">A transition rule: evaluated only where a former value exists.</param>
/// <param name="MessageOf">The evaluator of the messageExpression, if there is one.</param>
internal sealed record ValidationRule(
    string Message, string Reason, string FieldPath, bool NeedsOld, bool UsesOld, Func<JsonNode?, JsonNode?, CelResult> Evaluate,
    Func<JsonNode?, JsonNode?, string?>? MessageOf)
{
    /// <summary>What the real server appends to an evaluation error: the message, or the rule where there is none.</summary>
    public required string Sentence { get; init; }
}
