using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Resources;

/// <summary>A JSON value that is a whole number or a string, e.g. a port or a quantity. It is written back in the form in which it came.</summary>
[JsonConverter(typeof(IntOrStringConverter))]
public readonly record struct IntOrString
{
    private readonly string? text;

    public IntOrString(long number)
    {
        Number = number;
    }

    public IntOrString(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        this.text = text;
    }

    /// <summary>True when the value is a JSON number.</summary>
    public bool IsNumber => text is null;

    /// <summary>The number; 0 when the value is a string.</summary>
    public long Number { get; }

    /// <summary>The string; null when the value is a number.</summary>
    public string? Text => text;

    public static implicit operator IntOrString(long number) => FromInt64(number);

    public static implicit operator IntOrString(string text) => FromString(text);

    public static IntOrString FromInt64(long number) => new(number);

    public static IntOrString FromString(string text) => new(text);

    public override string ToString() => text ?? Number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Reads and writes <see cref="IntOrString"/>.</summary>
public sealed class IntOrStringConverter : JsonConverter<IntOrString>
{
    public override IntOrString Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetInt64(out var number) => new IntOrString(number),
        JsonTokenType.String => new IntOrString(reader.GetString()!),
        _ => throw new JsonException("Expected a whole number or a string."),
    };

    public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
    {
        if (value.Text is { } text)
        {
            writer.WriteStringValue(text);
        }
        else
        {
            writer.WriteNumberValue(value.Number);
        }
    }
}
