using System.Text.Json;
using System.Xml;

namespace Datum.Providers.Sdk;

/// <summary>What an error answer says, in the platform's own words.</summary>
public sealed record ErrorDetail
{
    /// <summary>The machine code; null when there is none.</summary>
    public string? Code { get; init; }

    /// <summary>Every machine code of the answer, the most specific first: some platforms name a reason, a status and a number at once. Empty means just <see cref="Code"/>.</summary>
    public ImmutableArray<string> Codes { get => !field.IsDefaultOrEmpty ? field : Code is null ? [] : [Code]; init; }

    /// <summary>The sentence; null when there is none.</summary>
    public string? Message { get; init; }

    /// <summary>What blocks the request, when the answer names it.</summary>
    public ImmutableArray<string> BlockedBy { get => field.IsDefault ? [] : field; init; }

    /// <summary>The platform's request id when it stands in the body instead of a header.</summary>
    public string? RequestId { get; init; }

    /// <summary>
    /// Reads the common JSON shapes: <c>{"error":{"code","message"}}</c> (also with <c>errors[].reason</c> or <c>details[].reason</c> inside),
    /// <c>{"error":"…","message":"…"}</c>, <c>{"code","message"}</c>, <c>{"errors":[{…}]}</c>, and one object under any name
    /// (<c>{"badRequest":{…}}</c>). Anything else gives the first line of the text; an empty body gives the reason phrase.
    /// </summary>
    public static ErrorDetail Read(RestResult result)
    {
        if (result.Body.IsEmpty)
            return new ErrorDetail { Message = result.ReasonPhrase is { Length: > 0 } phrase ? phrase : null };
        try
        {
            using var document = JsonDocument.Parse(result.Body);
            return FromJson(document.RootElement);
        }
        catch (JsonException)
        {
            return new ErrorDetail { Message = FirstLine(result.Text()) };
        }
    }

    /// <summary>
    /// Reads XML errors (AWS EC2, S3, STS): the first <c>Code</c>, <c>Message</c> and <c>RequestId</c> (or <c>RequestID</c>) at any depth.
    /// A body that isn't XML gives its first line.
    /// </summary>
    public static ErrorDetail ReadXml(RestResult result)
    {
        if (result.Body.IsEmpty)
            return Read(result);
        string? code = null, message = null, request = null;
        try
        {
            var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, IgnoreComments = true };
            using var reader = XmlReader.Create(new StringReader(result.Text()), settings);
            reader.Read();
            while (!reader.EOF)
            {
                // ReadElementContentAsString already moves on, so only other nodes are stepped over.
                if (reader.NodeType == XmlNodeType.Element && reader.LocalName is "Code" or "Message" or "RequestId" or "RequestID")
                {
                    var name = reader.LocalName;
                    var text = reader.ReadElementContentAsString().Trim();
                    _ = name switch { "Code" => code ??= text, "Message" => message ??= text, _ => request ??= text };
                }
                else
                {
                    reader.Read();
                }
            }
        }
        catch (XmlException)
        {
            if (code is null && message is null)
                return new ErrorDetail { Message = FirstLine(result.Text()) };
        }

        return new ErrorDetail { Code = code, Message = message, RequestId = request };
    }

    /// <summary>Reads one JSON value as <see cref="Read"/> does: the error inside a finished operation, for example.</summary>
    public static ErrorDetail FromJson(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.String)
            return new ErrorDetail { Message = json.GetString() };
        if (json.ValueKind == JsonValueKind.Array)
            return json.GetArrayLength() > 0 ? FromJson(json[0]) : new ErrorDetail();
        if (json.ValueKind != JsonValueKind.Object)
            return new ErrorDetail();
        foreach (var wrapper in (ReadOnlySpan<string>)["error", "fault"])
            if (json.TryGetProperty(wrapper, out var inner) && inner.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                return FromJson(inner);
        if (Text(json, "message") is null && json.TryGetProperty("errors", out var list) && list.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
            return FromJson(list);
        if (OnlyObject(json) is { } only)
            return FromJson(only);

        var codes = ImmutableArray.CreateBuilder<string>();
        foreach (var nested in (ReadOnlySpan<string>)["errors", "details"])
            if (json.TryGetProperty(nested, out var items) && items.ValueKind == JsonValueKind.Array)
                foreach (var item in items.EnumerateArray())
                    if (item.ValueKind == JsonValueKind.Object)
                        Add(codes, Text(item, "reason") ?? Text(item, "code"));
        Add(codes, Text(json, "code", numbers: false));
        Add(codes, Text(json, "reason"));
        Add(codes, Text(json, "status", numbers: false));
        Add(codes, Text(json, "error_type"));
        Add(codes, Text(json, "error"));
        Add(codes, Text(json, "code"));
        Add(codes, Text(json, "status"));
        return new ErrorDetail
        {
            Code = codes.Count > 0 ? codes[0] : null,
            Codes = codes.ToImmutable(),
            Message = Text(json, "message") ?? Text(json, "detail") ?? Text(json, "error_description") ?? Text(json, "error"),
        };
    }

    private static void Add(ImmutableArray<string>.Builder codes, string? code)
    {
        if (code is { Length: > 0 } && !codes.Contains(code))
            codes.Add(code);
    }

    private static JsonElement? OnlyObject(JsonElement json)
    {
        JsonElement? only = null;
        foreach (var property in json.EnumerateObject())
        {
            if (only is not null || property.Value.ValueKind != JsonValueKind.Object)
                return null;
            only = property.Value;
        }

        return only;
    }

    private static string FirstLine(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return (end < 0 ? text : text[..end]).Trim();
    }

    private static string? Text(JsonElement json, string name, bool numbers = true) => !json.TryGetProperty(name, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number when numbers => value.GetRawText(),
        _ => null,
    };
}
