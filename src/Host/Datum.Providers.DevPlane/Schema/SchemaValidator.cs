using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Value validation with the real server's sentences. A value that equals its former one isn't looked at again (ratcheting), so a
/// tightened schema doesn't block unrelated updates.
/// </summary>
internal static class SchemaValidator
{
    /// <param name="path">The field path of the errors.</param>
    /// <param name="shown">The path inside messages; the status endpoint validates relative to the status.</param>
    public static List<FieldError> Validate(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, string shown)
    {
        var errors = new List<FieldError>();
        Check(value, old, schema, path, shown, errors);
        return errors;
    }

    private static void Check(JsonNode? value, JsonNode? old, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        if (old is not null && JsonNode.DeepEquals(value, old)) return;
        if (value is null && schema.Nullable) return;
        CheckType(value, schema, path, shown, errors);
        CheckCombinations(value, schema, path, shown, errors);
        if (JsonText.String(value) is { } text) CheckString(text, schema, path, shown, errors);
        else if (JsonText.Number(value) is { } number) CheckNumber(value!, number, schema, path, shown, errors);
        if (value is JsonArray array) CheckArray(array, old as JsonArray, schema, path, shown, errors);
        CheckEnum(value, schema, path, errors);
        if (value is JsonObject o) CheckObject(o, old as JsonObject, schema, path, shown, errors);
    }

    private static void CheckType(JsonNode? value, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        // A number in floating form is called one, also where it passes for a whole one.
        var actual = JsonText.Int(value) is null && JsonText.Number(value) is not null ? "number" : JsonText.TypeName(value);
        if (schema.IntOrString)
        {
            if (actual is not ("integer" or "string") && !JsonText.IsInteger(value)) TypeError(path, shown, "integer,string", actual, errors);
            return;
        }

        if (schema.Type.Length == 0 || schema.Type == actual || (schema.Type == "number" && actual == "integer") || (schema.Type == "integer" && JsonText.IsInteger(value))) return;
        var formatted = schema.Type switch
        {
            "string" => Formats.IsKnown(schema.Format),
            "integer" => schema.Format is "int32" or "int64",
            "number" => schema.Format is "float" or "double",
            _ => false,
        };
        // The real server lets a list pass for a formatted string.
        if (formatted && schema.Type == "string" && actual == "array") return;
        if (formatted && actual is "integer" or "number" or "boolean" or "object")
        {
            // A format stands for the type, and Go's name of a number's type for the number's.
            TypeError(path, shown, schema.Format, actual switch { "integer" => "int64", "number" => "float64", _ => "" }, errors);
            return;
        }

        TypeError(path, shown, schema.Type, actual, errors);
    }

    /// <summary>The field of errors that have none of their own: the place that the validation began at.</summary>
    private static string Root(string path, string shown)
    {
        var root = path.Length > shown.Length ? path[..^shown.Length].TrimEnd('.') : "";
        return root.Length == 0 ? FieldError.NoField : root;
    }

    private static void TypeError(string path, string shown, string wanted, string actual, List<FieldError> errors) =>
        errors.Add(FieldError.TypeInvalid(path.Length == 0 ? FieldError.NoField : path, $"\"{actual}\"", $"{shown} in body must be of type {wanted}: \"{actual}\""));

    private static void CheckCombinations(JsonNode? value, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        if (schema.AnyOf.Count > 0)
        {
            var failures = schema.AnyOf.Select(s => Validate(value, null, s, path, shown)).ToArray();
            if (failures.All(f => f.Count > 0))
            {
                Combined(errors, value, Root(path, shown), $"\"{shown}\" must validate at least one schema (anyOf)", failures);
            }
        }

        if (schema.OneOf.Count > 0)
        {
            var failures = schema.OneOf.Select(s => Validate(value, null, s, path, shown)).ToArray();
            var valid = failures.Count(f => f.Count == 0);
            if (valid == 0) Combined(errors, value, Root(path, shown), $"\"{shown}\" must validate one and only one schema (oneOf). Found none valid", failures);
            else if (valid > 1) Combined(errors, value, Root(path, shown), $"\"{shown}\" must validate one and only one schema (oneOf). Found {valid} valid alternatives", []);
        }

        if (schema.AllOf.Count > 0)
        {
            var failures = schema.AllOf.Select(s => Validate(value, null, s, path, shown)).Where(f => f.Count > 0).ToArray();
            if (failures.Length > 0)
            {
                Combined(errors, value, Root(path, shown), $"\"{shown}\" must validate all the schemas (allOf)", []);
                foreach (var failure in failures) errors.AddRange(failure);
            }
        }

        if (schema.Not is not null && Validate(value, null, schema.Not, path, shown).Count == 0)
        {
            Combined(errors, value, Root(path, shown), $"\"{shown}\" must not validate the schema (not)", []);
        }
    }

    private static void Combined(List<FieldError> errors, JsonNode? value, string root, string sentence, List<FieldError>[] failures)
    {
        errors.Add(FieldError.InvalidText(root, "\"\"", sentence));
        // Of an object's alternatives the nearest is told, of a plain value's the first.
        if (failures.Length > 0) errors.AddRange(value is JsonObject ? failures.MinBy(f => f.Count)! : failures[0]);
    }

    private static void CheckString(string text, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        // Lengths count code points, as Go's runes do.
        var length = text.EnumerateRunes().Count();
        if (schema.MaxLength is { } max && length > max) errors.Add(FieldError.TooLong(path, max));
        if (schema.MinLength is { } min && length < min)
        {
            errors.Add(FieldError.InvalidText(path, JsonText.Quote(text), $"{shown} in body should be at least {min} chars long"));
            return;
        }

        if (schema.MaxLength is { } m && length > m) return;
        if (schema.Pattern is not null && !schema.Pattern.IsMatch(text))
        {
            errors.Add(FieldError.InvalidText(path, JsonText.Quote(text), $"{shown} in body should match '{schema.PatternText}'"));
        }

        if (schema.Format.Length > 0 && !Formats.IsValid(schema.Format, text))
        {
            errors.Add(FieldError.TypeInvalid(path, JsonText.Quote(text), $"{shown} in body must be of type {schema.Format}: {JsonText.Quote(text)}"));
        }
    }

    private static void CheckNumber(JsonNode value, double number, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        if (schema.Type == "integer" && !Fits(value, number, schema.Format))
        {
            var format = schema.Format is "int32" or "int64" ? "with format " + schema.Format : "(default format)";
            errors.Add(FieldError.InvalidText(Root(path, shown), "\"\"", $"Checked value must be of type integer {format} in {shown}"));
        }

        if (schema.MultipleOf is { } step && step > 0)
        {
            var fits = JsonText.Int(value) is { } whole && Math.Floor(step) == step ? whole % (long)step == 0 : GoNumbers.IsWhole(step < 1 ? 1 / step * number : number / step);
            if (!fits) errors.Add(FieldError.Invalid(path, value, $"{shown} in body should be a multiple of {Text(step)}"));
        }

        if (schema.Maximum is { } max && (number > max || (schema.ExclusiveMaximum && number >= max)))
        {
            errors.Add(FieldError.Invalid(path, value, $"{shown} in body should be less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{Text(max)}"));
        }

        if (schema.Minimum is { } min && (number < min || (schema.ExclusiveMinimum && number <= min)))
        {
            errors.Add(FieldError.Invalid(path, value, $"{shown} in body should be greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{Text(min)}"));
        }
    }

    /// <summary>Whether the number, written out, is one of the format's whole numbers.</summary>
    private static bool Fits(JsonNode value, double number, string format)
    {
        if (Math.Floor(number) != number) return false;
        return format switch
        {
            "int32" => number is >= int.MinValue and <= int.MaxValue,
            _ => JsonText.Int(value) is not null || number is >= -9223372036854775808d and < 9223372036854775808d,
        };
    }

    private static string Text(double number) => number.ToString("G", CultureInfo.InvariantCulture);

    private static void CheckArray(JsonArray array, JsonArray? old, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        if (schema.Items is not null)
        {
            for (var i = 0; i < array.Count; i++)
            {
                Check(array[i], Former(array[i], old, schema, i), schema.Items, $"{path}[{i}]", $"{shown}[{i}]", errors);
            }
        }

        if (schema.MinItems is { } min && array.Count < min)
        {
            errors.Add(FieldError.InvalidText(path, array.Count.ToString(CultureInfo.InvariantCulture), $"{shown} in body should have at least {min} items"));
        }

        if (schema.MaxItems is { } max && array.Count > max) errors.Add(FieldError.TooMany(path, array.Count, max));
    }

    /// <summary>The element of the former list that this one continues: by key in a map list, nothing else is correlated.</summary>
    public static JsonNode? Former(JsonNode? item, JsonArray? old, StructuralSchema list, int index)
    {
        if (old is null) return null;
        if (list.ListType == "map" && item is JsonObject one)
        {
            return old.FirstOrDefault(o => o is JsonObject other && list.ListMapKeys.All(k => JsonNode.DeepEquals(one[k], other[k])));
        }

        return list.ListType == "set" ? old.FirstOrDefault(o => JsonNode.DeepEquals(o, item)) : null;
    }

    private static void CheckEnum(JsonNode? value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (schema.Enum is null || schema.Enum.Any(e => JsonNode.DeepEquals(e, value))) return;
        errors.Add(FieldError.NotSupported(path, JsonText.Show(value), schema.Enum.Select(e => JsonText.Quote(JsonText.String(e) ?? JsonText.Show(e)))));
    }

    private static void CheckObject(JsonObject value, JsonObject? old, StructuralSchema schema, string path, string shown, List<FieldError> errors)
    {
        if (schema.MinProperties is { } min && value.Count < min)
        {
            errors.Add(FieldError.InvalidText(path, value.Count.ToString(CultureInfo.InvariantCulture), $"{shown} in body should have at least {min} properties"));
        }

        if (schema.MaxProperties is { } max && value.Count > max) errors.Add(FieldError.TooMany(path, value.Count, max));
        foreach (var (name, child) in value)
        {
            if (schema.Properties.TryGetValue(name, out var property) || (property = schema.AdditionalProperties) is not null)
            {
                Check(child, old?[name], property, Join(path, name), Join(shown, name), errors);
            }
        }

        foreach (var name in schema.Required)
        {
            if (!value.ContainsKey(name)) errors.Add(FieldError.Required(Join(path, name)));
        }
    }

    internal static string Join(string path, string key)
    {
        if (path.Length == 0) return key;
        return new StringBuilder(path.Length + key.Length + 1).Append(path).Append('.').Append(key).ToString();
    }
}
