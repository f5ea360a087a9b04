using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Runs validation rules and words their failures as the real server does.</summary>
internal static class RuleValidator
{
    private static readonly HashSet<string> Blocking = new(StringComparer.Ordinal)
    {
        "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid", "FieldValueNotSupported",
    };

    /// <summary>Runs the rules, or says that they weren't run because the object is broken already.</summary>
    /// <param name="warnings">Takes failures of values that an update leaves as they were: those are let through.</param>
    public static void Validate(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, List<FieldError> errors, List<string> warnings)
    {
        if (!schema.AnyRules) return;
        if (errors.Any(e => Blocking.Contains(e.Reason)))
        {
            errors.Add(FieldError.InvalidText(
                FieldError.NoField,
                "null",
                "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"));
            return;
        }

        Run(value, old, schema, path, parentUnchanged: false, errors, warnings);
    }

    private static void Run(
        JsonNode? value, JsonNode? old, StructuralSchema schema, string path, bool parentUnchanged, List<FieldError> errors, List<string> warnings)
    {
        if (!schema.AnyRules || value is null) return;
        // A value without a former one of its own (an item of an atomic list) is unchanged as long as what holds it is.
        var unchanged = parentUnchanged || (old is not null && JsonNode.DeepEquals(value, old));
        foreach (var rule in schema.Rules)
        {
            if (rule.NeedsOld && old is null) continue;
            if (Check(rule, value, old, schema, path) is not { } error) continue;
            if (!unchanged || rule.UsesOld) errors.Add(error);
            else if (error.ToString() is var warning && !warnings.Contains(warning)) warnings.Add(warning);
        }

        if (value is JsonObject o)
        {
            foreach (var (name, child) in o)
            {
                if (SchemaExtensionsValidator.Child(schema, name) is { } of)
                {
                    Run(child, (old as JsonObject)?[name], of, SchemaValidator.Join(path, name), unchanged, errors, warnings);
                }
            }
        }
        else if (value is JsonArray a && schema.Items is not null)
        {
            for (var i = 0; i < a.Count; i++)
            {
                Run(a[i], SchemaValidator.Former(a[i], old as JsonArray, schema, i), schema.Items, $"{path}[{i}]", unchanged, errors, warnings);
            }
        }
    }

    private static FieldError? Check(ValidationRule rule, JsonNode value, JsonNode? old, StructuralSchema schema, string path)
    {
        var result = rule.Evaluate(value, old);
        if (result.Error is { } cause)
        {
            // An error has neither the rule's field nor its reason, and names the type in place of the value.
            return FieldError.InvalidText(Named(path), JsonText.Quote(schema.Type), $"{cause} evaluating rule: {rule.Sentence}");
        }

        if (result.Holds) return null;
        var message = Written(rule, value, old) ?? rule.Message;
        var field = Named(path + rule.FieldPath);
        // Objects and lists aren't printed; plain values are.
        var shown = value is JsonValue ? JsonText.Show(value) : null;
        return rule.Reason switch
        {
            "FieldValueForbidden" => FieldError.Forbidden(field, message),
            "FieldValueRequired" => FieldError.Required(field, message),
            "FieldValueDuplicate" => new FieldError(rule.Reason, field, shown is null ? "Duplicate value" : "Duplicate value: " + shown),
            _ => new FieldError(rule.Reason, field, $"Invalid value: {(shown is null ? "" : shown + ": ")}{message}"),
        };
    }

    /// <summary>The text of the messageExpression; null where there is none, or where it gives nothing that fits on one line.</summary>
    private static string? Written(ValidationRule rule, JsonNode value, JsonNode? old)
    {
        var text = rule.MessageOf?.Invoke(value, old)?.Trim();
        return string.IsNullOrEmpty(text) || text.Contains('\n', StringComparison.Ordinal) ? null : text;
    }

    private static string Named(string path) => path.Length == 0 ? FieldError.NoField : path;
}
