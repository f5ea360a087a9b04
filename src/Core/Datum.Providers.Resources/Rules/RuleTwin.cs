using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Rules;

/// <summary>A validation rule of a definition in C#: it answers what CEL answers.</summary>
/// <param name="Rule">The rule's text, as the definition has it.</param>
/// <param name="Holds">
/// Gets the value at the rule's place and the former one (null where there is none). Throws <see cref="RuleErrorException"/> where CEL
/// has an error in place of an answer.
/// </param>
public sealed record RuleTwin(string Rule, Func<JsonNode?, JsonNode?, bool> Holds);

/// <summary>The rule has no answer for this value; the message is CEL's. Servers refuse the value then too.</summary>
public sealed class RuleErrorException(string message) : Exception(message);
