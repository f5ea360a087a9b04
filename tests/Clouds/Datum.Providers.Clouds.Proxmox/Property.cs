using System.Globalization;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>One property of the API schema: a value, an object, a list, or a text that holds properties of its own.</summary>
internal sealed class Property
{
    /// <summary>How many of a numbered property there may be; the schema leaves that to the words of its description.</summary>
    private static readonly ImmutableDictionary<string, int> Numbered = ImmutableDictionary.CreateRange(StringComparer.Ordinal, new Dictionary<string, int>
    {
        ["scsi"] = 31, ["virtio"] = 16, ["sata"] = 6, ["ide"] = 4, ["net"] = 32, ["ipconfig"] = 32, ["unused"] = 256, ["serial"] = 4, ["parallel"] = 3, ["usb"] = 14,
        ["hostpci"] = 16, ["numa"] = 8, ["virtiofs"] = 10,
    });

    private readonly Regex? _pattern;
    private readonly ImmutableHashSet<string>? _words;
    private readonly string? _list;
    private readonly double? _least, _most, _shortest, _longest;
    private readonly string? _format;
    private readonly PropertyFormat? _parts;

    public Property(JsonObject json)
    {
        Type = json["type"]?.ToString() ?? (json["properties"] is null ? "any" : "object");
        IsOptional = IsSet(json["optional"]);
        Requires = json["requires"]?.ToString();
        _pattern = json["pattern"]?.ToString() is { } pattern ? Compile(pattern) : null;
        _words = json["enum"] is JsonArray words ? [.. words.Select(w => w!.ToString())] : null;
        _list = _words is null ? null : string.Join(", ", json["enum"]!.AsArray().Select(w => w!.ToString()));
        (_least, _most, _shortest, _longest) = (Limits.Read(json["minimum"]), Limits.Read(json["maximum"]), Limits.Read(json["minLength"]), Limits.Read(json["maxLength"]));
        _format = json["format"] is JsonValue name ? name.ToString() : null;
        _parts = json["format"] is JsonObject parts ? new PropertyFormat(parts) : null;
        Alias = json["alias"]?.ToString();
        KeyAlias = json["keyAlias"]?.ToString();
        IsDefaultKey = IsSet(json["default_key"]);
        TakesOthers = json["additionalProperties"] is { } others && (others is JsonObject || IsSet(others));
        Items = json["items"] is JsonObject item ? new Property(item) : null;
        Members = (json["properties"] as JsonObject ?? []).Where(p => p.Value is JsonObject).ToDictionary(p => p.Key, p => new Property((JsonObject)p.Value!), StringComparer.Ordinal);
    }

    public string Type { get; }

    public bool IsOptional { get; }

    public string? Requires { get; }

    public string? Alias { get; }

    public string? KeyAlias { get; }

    public bool IsDefaultKey { get; }

    public bool TakesOthers { get; }

    public Property? Items { get; }

    public IReadOnlyDictionary<string, Property> Members { get; }

    /// <summary>A member by its name, or by its name and number: <c>net0</c> is one of <c>net[n]</c>.</summary>
    public Property? Member(string name)
    {
        if (Members.TryGetValue(name, out var member))
            return member;
        var word = name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
        return word.Length < name.Length && Members.TryGetValue(word + "[n]", out var numbered) && int.TryParse(name.AsSpan(word.Length), CultureInfo.InvariantCulture, out var number)
            && (!Numbered.TryGetValue(word, out var count) || number < count) ? numbered : null;
    }

    /// <summary>What is wrong with a text, in the platform's words; null for nothing.</summary>
    public string? CheckText(string text)
    {
        switch (Type)
        {
            case "integer" when !(text.Length > 0 && text.TrimStart('+', '-').Length > 0 && text.TrimStart('+', '-').AsSpan().IndexOfAnyExceptInRange('0', '9') < 0):
            case "number" when !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _):
            case "boolean" when text.ToUpperInvariant() is not ("1" or "0" or "ON" or "OFF" or "YES" or "NO" or "TRUE" or "FALSE"):
                return $"type check ('{Type}') failed - got '{text}'";
            case "integer" or "number" when CheckLimits(double.Parse(text, CultureInfo.InvariantCulture)) is { } fault:
                return fault;
            case "object" or "array" or "null":
                return $"type check ('{Type}') failed - got '{text}'";
            default:
                break;
        }

        if (_words is not null && !_words.Contains(text))
            return $"value '{text}' does not have a value in the enumeration '{_list}'";
        if (Type is not ("string" or "any"))
            return null;
        if (text.Length < _shortest)
            return FormattableString.Invariant($"value must be at least {_shortest} characters long");
        if (text.Length > _longest)
            return FormattableString.Invariant($"value may only be {_longest} characters long");
        if (_pattern is not null && !_pattern.IsMatch(text))
            return "value does not match the regex pattern";
        if (_parts is not null)
            return _parts.Check(text) is { } part ? "invalid format - format error\n" + part : null;
        return _format is not null && Formats.Check(_format, text) is { } wrong ? "invalid format - " + wrong : null;
    }

    private string? CheckLimits(double value) =>
        value < _least ? FormattableString.Invariant($"value must have a minimum value of {_least}")
        : value > _most ? FormattableString.Invariant($"value must have a maximum value of {_most}") : null;

    /// <summary>What is wrong with a value of an answer; null for nothing. The platform writes flags as 0 and 1.</summary>
    public string? CheckAnswer(JsonNode? value)
    {
        var kind = value?.GetValueKind() ?? JsonValueKind.Null;
        var right = Type switch
        {
            "integer" => kind == JsonValueKind.Number && value!.ToJsonString().IndexOfAny(['.', 'e', 'E']) < 0,
            "number" => kind == JsonValueKind.Number,
            "boolean" => kind == JsonValueKind.Number && value!.ToJsonString() is "0" or "1",
            "string" => kind == JsonValueKind.String,
            "any" => true,
            _ => false,
        };
        if (!right)
            return $"{Type} is right, {value?.ToJsonString() ?? "null"} is there";
        return Type is "string" or "integer" or "number" ? CheckText(value!.ToString()) : null;
    }

    private static bool IsSet(JsonNode? node) => node?.ToString() is "1" or "true";

    // The platform's patterns are Perl's: (?^i:..) sets exactly those options, {,8} has no lower end, and any sign may be escaped.
    private static Regex Compile(string pattern)
    {
        var translated = Regex.Replace(pattern, @"\(\?\^([a-z]*):", m => m.Groups[1].Value.Length == 0 ? "(?-ims:" : $"(?{m.Groups[1].Value}:").Replace("{,", "{0,", StringComparison.Ordinal).Replace(@"\_", "_", StringComparison.Ordinal);
        return new Regex($"^(?:{translated})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
    }
}

/// <summary>A text that holds properties: <c>virtio,bridge=vmbr0,firewall=1</c>.</summary>
internal sealed class PropertyFormat
{
    private readonly Dictionary<string, Property> _parts;
    private readonly string? _defaultKey;

    public PropertyFormat(JsonObject json)
    {
        _parts = json.ToDictionary(p => p.Key, p => new Property((JsonObject)p.Value!), StringComparer.Ordinal);
        _defaultKey = _parts.FirstOrDefault(p => p.Value.IsDefaultKey).Key;
    }

    /// <summary>What is wrong, with the part's name before it; null for nothing.</summary>
    public string? Check(string text)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var piece in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (piece.Length == 0)
                continue;
            var equals = piece.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? _defaultKey : piece[..equals];
            if (key is null)
                return "value without key, but schema does not define a default key";
            var value = piece[(equals + 1)..];
            if (!_parts.TryGetValue(key, out var part))
                return $"{key}: property is not defined in schema and the schema does not allow additional properties";
            if (part.KeyAlias is { } keyAlias && !found.TryAdd(keyAlias, key))
                return $"duplicate key in comma-separated list property: {keyAlias}";
            key = part.Alias ?? key;
            if (!found.TryAdd(key, value))
                return $"duplicate key in comma-separated list property: {key}";
        }

        foreach (var (key, value) in found)
            if (_parts[key].CheckText(value) is { } fault)
                return $"{key}: {fault}";
        foreach (var (key, part) in _parts)
        {
            if (part.Alias is not null)
                continue;
            if (!part.IsOptional && !found.ContainsKey(key))
                return $"{key}: property is missing and it is not optional";
            if (found.ContainsKey(key) && part.Requires is { } other && !found.ContainsKey(other))
                return $"{other}: missing property - '{key}' requires this property";
        }

        return null;
    }
}
