using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>One entry of the <c>causes</c> of an Invalid answer, worded as the real server words it.</summary>
internal sealed record FieldError(string Reason, string Field, string Message)
{
    /// <summary>The path that the real server prints for errors without a field of their own.</summary>
    public const string NoField = "<nil>";

    public static FieldError Required(string field, string? detail = null) =>
        new("FieldValueRequired", field, detail is null ? "Required value" : "Required value: " + detail);

    public static FieldError Invalid(string field, JsonNode? value, string detail) =>
        new("FieldValueInvalid", field, $"Invalid value: {JsonText.Show(value)}: {detail}");

    public static FieldError InvalidText(string field, string shown, string detail) =>
        new("FieldValueInvalid", field, $"Invalid value: {shown}: {detail}");

    public static FieldError TypeInvalid(string field, string shown, string detail) =>
        new("FieldValueTypeInvalid", field, $"Invalid value: {shown}: {detail}");

    public static FieldError NotSupported(string field, string shown, IEnumerable<string> supported) =>
        new("FieldValueNotSupported", field, $"Unsupported value: {shown}: supported values: {string.Join(", ", supported)}");

    public static FieldError Forbidden(string field, string detail) =>
        new("FieldValueForbidden", field, "Forbidden: " + detail);

    public static FieldError Duplicate(string field, JsonNode? value) =>
        new("FieldValueDuplicate", field, "Duplicate value: " + JsonText.Show(value));

    public static FieldError TooLong(string field, long max) =>
        new("FieldValueTooLong", field, $"Too long: may not be more than {max} bytes");

    public static FieldError TooMany(string field, long actual, long max) =>
        new("FieldValueTooMany", field, $"Too many: {actual}: must have at most {max} {(max == 1 ? "item" : "items")}");

    public override string ToString() => $"{Field}: {Message}";
}
