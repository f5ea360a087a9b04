using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Drivers.Proxmox.Api;

/// <summary>
/// One object of an answer. The platform writes numbers as text here and there and truth values as 0 and 1, so that members are read by
/// what is wanted of them and not by how they are written.
/// </summary>
internal readonly struct PveObject
{
    private readonly JsonElement _json;

    public PveObject(JsonElement json) => _json = json;

    public JsonElement Json => _json;

    /// <summary>A text or number as text; null when absent or anything else.</summary>
    public string? Text(string name) => Member(name) is { } value ? Text(value) : null;

    public static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "1",
        JsonValueKind.False => "0",
        _ => null,
    };

    public long? Number(string name) =>
        Text(name) is { } text && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < 9e18 ? (long)number : null;

    public bool Flag(string name) => Text(name) is { } text && (text is "1" or "true" || (Number(name) ?? 0) > 0);

    /// <summary>The objects of a member that is an array.</summary>
    public IEnumerable<PveObject> Objects(string name)
    {
        if (Member(name) is { ValueKind: JsonValueKind.Array } list)
            foreach (var item in list.EnumerateArray())
                if (item.ValueKind == JsonValueKind.Object)
                    yield return new PveObject(item);
    }

    public PveObject? Object(string name) => Member(name) is { ValueKind: JsonValueKind.Object } value ? new PveObject(value) : null;

    /// <summary>All members that are plain values.</summary>
    public IEnumerable<KeyValuePair<string, string>> Texts()
    {
        if (_json.ValueKind != JsonValueKind.Object)
            yield break;
        foreach (var member in _json.EnumerateObject())
            if (Text(member.Value) is { } text)
                yield return new(member.Name, text);
    }

    private JsonElement? Member(string name) => _json.ValueKind == JsonValueKind.Object && _json.TryGetProperty(name, out var value) ? value : null;
}

/// <summary>The platform's property strings: <c>virtio=02:…,bridge=vmbr0,firewall=1</c>. A first value without a key has the key that the caller says.</summary>
internal static class PropertyText
{
    public static ImmutableDictionary<string, string> Read(string? text, string first)
    {
        var read = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var pair in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            read[equals < 0 ? first : pair[..equals]] = equals < 0 ? pair : pair[(equals + 1)..];
        }

        return read.ToImmutable();
    }

    public static string? Find(string? text, string first, string key) => Read(text, first).GetValueOrDefault(key);

    /// <summary>A disk's size in GiB, rounded down; null when it isn't said.</summary>
    public static int? SizeGiB(string? text)
    {
        if (Find(text, "file", "size") is not { Length: > 0 } size)
            return null;
        var unit = char.IsAsciiDigit(size[^1]) ? 'B' : size[^1];
        if (!double.TryParse(unit == 'B' ? size : size[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            return null;
        return unit switch
        {
            'T' => (int)(number * 1024),
            'G' => (int)number,
            'M' => (int)(number / 1024),
            'K' => (int)(number / 1024 / 1024),
            _ => (int)(number / 1024 / 1024 / 1024),
        };
    }
}

/// <summary>A form as the platform takes it: pairs whose value is null are left out.</summary>
internal sealed class PveForm
{
    private readonly List<KeyValuePair<string, string>> _fields = [];

    public PveForm Set(string name, string? value)
    {
        if (value is not null)
            _fields.Add(new(name, value));
        return this;
    }

    public PveForm Set(string name, long value) => Set(name, value.ToString(CultureInfo.InvariantCulture));

    public PveForm Set(string name, bool value) => Set(name, value ? "1" : "0");

    public RestRequest Post(string path) => Send(HttpMethod.Post, path);

    public RestRequest Put(string path) => Send(HttpMethod.Put, path);

    private RestRequest Send(HttpMethod method, string path) => new()
    {
        Method = method,
        Path = path,
        Body = System.Text.Encoding.ASCII.GetBytes(string.Join('&', _fields.Select(f => Uri.EscapeDataString(f.Key) + "=" + Uri.EscapeDataString(f.Value)))),
        ContentType = "application/x-www-form-urlencoded",
    };
}
