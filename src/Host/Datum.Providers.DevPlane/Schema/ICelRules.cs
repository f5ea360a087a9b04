using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>What a rule says about a value: it holds, it doesn't, or it can't be evaluated (a missing key, a failed conversion).</summary>
public readonly record struct CelResult
{
    public bool Holds { get; private init; }

    /// <summary>CEL's words where it couldn't be evaluated, e.g. <c>no such key: class</c>; the value is refused then too.</summary>
    public string? Error { get; private init; }

    public static CelResult Of(bool holds) => new() { Holds = holds };

    public static CelResult Failed(string error) => new() { Error = error };
}

/// <summary>
/// Evaluators for <c>x-kubernetes-validations</c>, found by the rule's exact text. The plane runs no CEL: a CRD with a rule that isn't
/// registered is refused.
/// </summary>
public interface ICelRules
{
    /// <summary>Registers (or replaces) the evaluator of one rule. It gets the value at the rule's place and, for updates, the former one.</summary>
    void RegisterRule(string rule, Func<JsonNode?, JsonNode?, bool> holds);

    /// <summary>As <see cref="RegisterRule(string, Func{JsonNode?, JsonNode?, bool})"/>, for rules that can fail to evaluate.</summary>
    void RegisterRule(string rule, Func<JsonNode?, JsonNode?, CelResult> evaluate);

    /// <summary>Registers the evaluator of a <c>messageExpression</c>. Null means that it failed; then the rule's own message is used.</summary>
    void RegisterMessage(string expression, Func<JsonNode?, JsonNode?, string?> message);

    /// <summary>Finds the evaluator of a rule by its text, blanks around it ignored.</summary>
    bool TryGet(string rule, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, CelResult>? evaluate);

    bool TryGetMessage(string expression, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, string?>? message);
}

/// <summary>The default registry; safe for concurrent use.</summary>
public sealed class CelRules : ICelRules
{
    private readonly ConcurrentDictionary<string, Func<JsonNode?, JsonNode?, CelResult>> rules = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<JsonNode?, JsonNode?, string?>> messages = new(StringComparer.Ordinal);

    public void RegisterRule(string rule, Func<JsonNode?, JsonNode?, bool> holds)
    {
        ArgumentNullException.ThrowIfNull(holds);
        RegisterRule(rule, (self, old) => CelResult.Of(holds(self, old)));
    }

    public void RegisterRule(string rule, Func<JsonNode?, JsonNode?, CelResult> evaluate)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(rule);
        ArgumentNullException.ThrowIfNull(evaluate);
        rules[rule.Trim()] = evaluate;
    }

    public void RegisterMessage(string expression, Func<JsonNode?, JsonNode?, string?> message)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        ArgumentNullException.ThrowIfNull(message);
        messages[expression.Trim()] = message;
    }

    public bool TryGet(string rule, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, CelResult>? evaluate) =>
        rules.TryGetValue(rule.Trim(), out evaluate);

    public bool TryGetMessage(string expression, [NotNullWhen(true)] out Func<JsonNode?, JsonNode?, string?>? message) =>
        messages.TryGetValue(expression.Trim(), out message);
}
