using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Evaluators for <c>x-kubernetes-validations</c>, found by the rule's exact text. The plane runs no CEL: a CRD with a rule that isn't
/// registered is refused.
/// </summary>
public interface ICelRules
{
    /// <summary>Registers (or replaces) the evaluator of one rule. It gets the value at the rule's place and, for updates, the former one.</summary>
    void RegisterRule(string rule, Func<JsonNode?, JsonNode?, bool> holds);

    /// <summary>Finds the evaluator of a rule by its text, blanks around it ignored.</summary>
    bool TryGet(string rule, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, bool>? holds);
}

/// <summary>The default registry; safe for concurrent use.</summary>
public sealed class CelRules : ICelRules
{
    private readonly ConcurrentDictionary<string, Func<JsonNode?, JsonNode?, bool>> rules = new(StringComparer.Ordinal);

    public void RegisterRule(string rule, Func<JsonNode?, JsonNode?, bool> holds)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(rule);
        ArgumentNullException.ThrowIfNull(holds);
        rules[rule.Trim()] = holds;
    }

    public bool TryGet(string rule, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, bool>? holds) =>
        rules.TryGetValue(rule.Trim(), out holds);
}
