using System.Globalization;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>A request's parameters, wherever they came from: path, query, form, JSON or multipart. Everything is text, as the platform sees it.</summary>
internal sealed class PveRequest
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    public required string Method { get; init; }

    /// <summary>Without <c>/api2/json</c>, unescaped.</summary>
    public required string Path { get; init; }

    public Caller Caller { get; set; } = Caller.Nobody;

    /// <summary>What was uploaded; null for none.</summary>
    public byte[]? Upload { get; private set; }

    /// <summary>Names in the order in which they came, without those of the path.</summary>
    public IEnumerable<string> Names => _values.Keys;

    public bool Has(string name) => _values.ContainsKey(name);

    public string? Find(string name) => _values.TryGetValue(name, out var values) ? values[0] : null;

    public IReadOnlyList<string> All(string name) => _values.TryGetValue(name, out var values) ? values : [];

    public string Text(string name) => Find(name) ?? throw PveError.Parameter(name, "property is missing and it is not optional");

    public long? Number(string name) => Find(name) is { } text
        ? long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw PveError.Parameter(name, $"type check ('integer') failed - got '{text}'")
        : null;

    public bool Flag(string name, bool otherwise = false) => Find(name) is { } text ? IsTrue(text) : otherwise;

    public static bool IsTrue(string text) => text.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    public void Set(string name, string value) => _values[name] = [value];

    public void Remove(string name) => _values.Remove(name);

    /// <summary>A list as the platform takes it: commas, semicolons, blanks.</summary>
    public static string[] Split(string? list) => (list ?? "").Split([',', ';', ' ', '\0'], StringSplitOptions.RemoveEmptyEntries);

    public static PveRequest Read(CloudRequest request, string path)
    {
        var read = new PveRequest { Method = request.Method, Path = path };
        foreach (var (name, value) in request.Query)
            read.Add(name, value);
        if (request.Body.IsEmpty)
            return read;
        if (request.Method is not ("POST" or "PUT"))
            throw new PveError(501, $"Unexpected content for method '{request.Method}'");
        var type = request.Header("Content-Type") ?? "application/x-www-form-urlencoded";
        var media = type.Split(';')[0].Trim();
        switch (media)
        {
            case "application/x-www-form-urlencoded":
                foreach (var (name, value) in CloudRequest.ParseQuery(Encoding.UTF8.GetString(request.Body.Span)))
                    read.Add(name, value);
                break;
            case "application/json":
                read.ReadJson(request.Body);
                break;
            case "multipart/form-data":
                read.ReadParts(type, request.Body);
                break;
            default:
                throw new PveError(501, $"Unexpected content type '{media}'");
        }

        return read;
    }

    private void Add(string name, string value)
    {
        // The platform's own forms write the members of a list as name[]; a list that is sent under its name twice is a list too.
        name = name.EndsWith("[]", StringComparison.Ordinal) ? name[..^2] : name;
        if (_values.TryGetValue(name, out var values))
            values.Add(value);
        else
            _values[name] = [value];
    }

    private void ReadJson(ReadOnlyMemory<byte> body)
    {
        JsonNode? json;
        try
        {
            json = JsonNode.Parse(body.Span);
        }
        catch (JsonException e)
        {
            throw new PveError(400, "malformed JSON: " + e.Message);
        }

        if (json is not JsonObject members)
            throw new PveError(400, "malformed JSON: no object");
        foreach (var (name, value) in members)
        {
            if (value is JsonArray list)
                foreach (var item in list)
                    Add(name, Plain(item));
            else if (value is JsonObject)
                throw PveError.Parameter(name, "type check ('string') failed - got HASH");
            else if (value is not null)
                Add(name, Plain(value));
        }
    }

    private static string Plain(JsonNode? value) => value?.GetValueKind() switch
    {
        JsonValueKind.True => "1",
        JsonValueKind.False => "0",
        _ => value?.ToString() ?? "",
    };

    private void ReadParts(string type, ReadOnlyMemory<byte> body)
    {
        var at = type.IndexOf("boundary=", StringComparison.OrdinalIgnoreCase);
        if (at < 0)
            throw new PveError(400, "unable to parse multipart: no boundary");
        var boundary = Encoding.ASCII.GetBytes("--" + type[(at + 9)..].Split(';')[0].Trim().Trim('"'));
        var rest = body.Span;
        var begin = rest.IndexOf(boundary);
        while (begin >= 0)
        {
            rest = rest[(begin + boundary.Length)..];
            if (rest.StartsWith("--"u8))
                return;
            var head = rest.IndexOf("\r\n\r\n"u8);
            var end = rest.IndexOf(boundary);
            if (head < 0 || end < head)
                throw new PveError(400, "unable to parse multipart: it ends early");
            var header = Encoding.UTF8.GetString(rest[..head]);
            var content = rest[(head + 4)..(end - 2)];
            if (Attribute(header, "filename") is { } file)
            {
                Upload = content.ToArray();
                Add("filename", file);
            }
            else if (Attribute(header, "name") is { } name)
            {
                Add(name, Encoding.UTF8.GetString(content));
            }

            begin = end;
        }
    }

    private static string? Attribute(string header, string name)
    {
        foreach (var field in header.Split([';', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (field.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase))
                return field[(name.Length + 1)..].Trim('"');
        return null;
    }
}

/// <summary>Who calls: user, and the token if it is one.</summary>
internal sealed record Caller(string User, string? Token)
{
    public static Caller Nobody { get; } = new("", null);

    public static Caller Root { get; } = new("root@pam", null);

    /// <summary>As it stands in task ids.</summary>
    public string Name => Token ?? User;

    /// <summary>Only root itself may do some things, never with a token.</summary>
    public bool IsRoot => User == "root@pam" && Token is null;
}
