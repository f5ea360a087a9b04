using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>Reads x-kubernetes-validations and binds every rule to its evaluator; refuses what the real server refuses, in its words.</summary>
internal sealed partial class RuleParser(ICelRules rules, List<FieldError> errors)
{
    private static readonly string[] Reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

    /// <param name="schema">The schema node that carries the rules.</param>
    /// <param name="uncorrelatable">The path of the list above whose items have no former value, or null.</param>
    public List<ValidationRule> Parse(JsonObject schema, string path, string? uncorrelatable)
    {
        var result = new List<ValidationRule>();
        if (schema["x-kubernetes-validations"] is not JsonArray many) return result;
        for (var i = 0; i < many.Count; i++)
        {
            if (many[i] is JsonObject one && ParseOne(one, schema, $"{path}[{i}]", uncorrelatable) is { } rule) result.Add(rule);
        }

        return result;
    }

    private ValidationRule? ParseOne(JsonObject one, JsonObject schema, string at, string? uncorrelatable)
    {
        var text = JsonText.String(one["rule"]) ?? "";
        if (text.Trim().Length == 0)
        {
            errors.Add(FieldError.Required(at + ".rule", "rule is not specified"));
            return null;
        }

        var message = CheckMessage(one, text, at);
        var messageOf = CheckExpression(one, at);
        var reason = JsonText.String(one["reason"]) ?? "";
        if (reason.Length > 0 && !Reasons.Contains(reason))
        {
            errors.Add(FieldError.NotSupported(at + ".reason", JsonText.Quote(reason), Reasons.Select(JsonText.Quote)));
        }

        var usesOld = OldSelf().IsMatch(text);
        var optional = JsonText.Bool(one["optionalOldSelf"]) == true;
        if (one["optionalOldSelf"] is { } given && !usesOld)
        {
            errors.Add(FieldError.Invalid(at + ".optionalOldSelf", given, "may not be set if oldSelf is not used in rule"));
        }

        if (usesOld && uncorrelatable is not null)
        {
            errors.Add(FieldError.InvalidText(at + ".rule", JsonText.Quote(text), $"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelatable}"));
        }

        var fieldPath = JsonText.String(one["fieldPath"]) ?? "";
        if (!TryResolve(fieldPath, schema, out var field))
        {
            errors.Add(FieldError.InvalidText(at + ".fieldPath", JsonText.Quote(fieldPath), "must be a valid path"));
        }

        if (!rules.TryGet(text, out var evaluate))
        {
            errors.Add(FieldError.InvalidText(
                at + ".rule",
                JsonText.Quote(text),
                "this plane evaluates no CEL and has no evaluator registered for this rule; register one for exactly this text (CelRules.RegisterRule), "
                + "say the same by schema (enum, pattern, minimum, required, list types), or apply the definition to another API server"));
            return null;
        }

        return new ValidationRule(message, reason.Length == 0 ? "FieldValueInvalid" : reason, field, usesOld && !optional, usesOld, evaluate, messageOf)
        {
            Sentence = JsonText.String(one["message"]) is { Length: > 0 } own ? own.Trim() : text.Trim(),
        };
    }

    private string CheckMessage(JsonObject one, string text, string at)
    {
        var message = JsonText.String(one["message"]) ?? "";
        if (message.Length > 0 && message.Trim().Length == 0)
        {
            errors.Add(FieldError.InvalidText(at + ".message", JsonText.Quote(message), "must be non-empty if specified"));
        }
        else if (message.Trim().Contains('\n', StringComparison.Ordinal))
        {
            errors.Add(FieldError.InvalidText(at + ".message", JsonText.Quote(message), "must not contain line breaks"));
        }
        else if (message.Length == 0 && text.Trim().Contains('\n', StringComparison.Ordinal))
        {
            errors.Add(FieldError.Required(at + ".message", "message must be specified if rule contains line breaks"));
        }

        return message.Length == 0 ? "failed rule: " + text.Trim() : message.Trim();
    }

    private Func<JsonNode?, JsonNode?, string?>? CheckExpression(JsonObject one, string at)
    {
        var expression = JsonText.String(one["messageExpression"]) ?? "";
        if (expression.Length == 0) return null;
        if (expression.Trim().Length == 0)
        {
            errors.Add(FieldError.Required(at + ".messageExpression", "messageExpression must be non-empty if specified"));
            return null;
        }

        if (rules.TryGetMessage(expression, out var message)) return message;
        errors.Add(FieldError.InvalidText(
            at + ".messageExpression",
            JsonText.Quote(expression),
            "this plane evaluates no CEL and has no evaluator registered for this expression; give a message instead, or register one (CelRules.RegisterMessage)"));
        return null;
    }

    /// <summary>Follows a path such as <c>.spec['a.b']</c> through the schema and returns it as errors print it.</summary>
    private static bool TryResolve(string path, JsonObject schema, out string printed)
    {
        printed = "";
        var text = new StringBuilder();
        JsonObject? at = schema;
        var done = 0;
        while (done < path.Length)
        {
            var step = PathStep().Match(path, done);
            if (!step.Success) return false;
            done += step.Length;
            var name = step.Groups[1].Success ? step.Groups[1].Value : step.Groups[2].Value.Replace("\\'", "'", StringComparison.Ordinal);
            if (at["properties"] is JsonObject properties && properties[name] is JsonObject property)
            {
                at = property;
                text.Append('.').Append(name);
            }
            else if (at["additionalProperties"] is JsonObject values)
            {
                at = values;
                text.Append('[').Append(name).Append(']');
            }
            else
            {
                return false;
            }
        }

        printed = text.ToString();
        return true;
    }

    [GeneratedRegex(@"\boldSelf\b")]
    private static partial Regex OldSelf();

    [GeneratedRegex(@"\G(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\['((?:[^'\\]|\\')+)'\])")]
    private static partial Regex PathStep();
}
