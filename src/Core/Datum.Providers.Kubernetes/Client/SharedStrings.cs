using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// Gives equal short strings of decoded objects one instance: objects of a kind repeat most of their text (label keys, reasons, images),
/// and a cache keeps it for as long as it runs. Bounded and lossy: a slot holds the last string that fell into it.
/// Safe for concurrent use: a slot is read and written whole, and a string that is overwritten meanwhile is only shared less.
/// </summary>
internal static class SharedStrings
{
    private const int Slots = 4096;
    private const int LongestBytes = 96;

    private static readonly string?[] _slots = new string?[Slots];
    private static readonly ConditionalWeakTable<JsonTypeInfo, JsonTypeInfo> _sharing = [];

    /// <summary>The same metadata, read with shared strings. A Secret's text never gets into a table that outlives it (L12).</summary>
    public static JsonTypeInfo<T> In<T>(JsonTypeInfo<T> type) where T : KubeObject =>
        typeof(T) == typeof(Secret) || type.Options.TypeInfoResolver is null ? type : (JsonTypeInfo<T>)_sharing.GetValue(type, Share<T>);

    public static string Read(ref Utf8JsonReader reader)
    {
        if (reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan is not { Length: > 0 and <= LongestBytes } utf8)
            return reader.GetString()!;
        ref var slot = ref _slots[SlotOf(utf8)];
        if (slot is { } known && known.Length == utf8.Length && Ascii.Equals(utf8, known))
            return known;
        return slot = reader.GetString()!;
    }

    private static JsonTypeInfo Share<T>(JsonTypeInfo type)
    {
        var options = new JsonSerializerOptions(type.Options);
        options.Converters.Add(new Converter());
        return options.GetTypeInfo(typeof(T));
    }

    private static int SlotOf(ReadOnlySpan<byte> utf8)
    {
        // FNV-1a
        var hash = 2166136261u;
        foreach (var value in utf8)
            hash = (hash ^ value) * 16777619u;
        return (int)((hash ^ (hash >> 12)) % Slots);
    }

    private sealed class Converter : JsonConverter<string>
    {
        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            // What isn't a string gets the reader's own error.
            reader.TokenType == JsonTokenType.String ? SharedStrings.Read(ref reader) : reader.GetString()!;

        public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => SharedStrings.Read(ref reader);

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

        public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);
    }
}
