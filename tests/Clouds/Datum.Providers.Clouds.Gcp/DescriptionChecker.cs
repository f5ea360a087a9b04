using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>
/// Holds requests and answers to Google's discovery documents: method, parameters with their patterns and enumerations, and every member of
/// bodies with its type. Of several documents that describe a method all are asked; what none describes is reported.
/// </summary>
public sealed class DescriptionChecker
{
    private readonly ImmutableArray<Method> _methods;
    private readonly ConcurrentDictionary<string, byte> _usedMethods = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _usedFields = new(StringComparer.Ordinal);

    /// <summary>Reads discovery documents.</summary>
    public DescriptionChecker(params IEnumerable<JsonObject> documents)
    {
        var methods = ImmutableArray.CreateBuilder<Method>();
        foreach (var document in documents)
            Add(document, document, methods);
        _methods = methods.ToImmutable();
    }

    /// <summary>Reads documents from files.</summary>
    public static DescriptionChecker Load(IEnumerable<string> files, bool selection = false) => new(files.Select(f => JsonNode.Parse(File.ReadAllText(f))!.AsObject())) { Selection = selection };

    /// <summary>True: the documents hold a selection of the methods, and calls of others pass unchecked. Default false.</summary>
    public bool Selection { get; init; }

    /// <summary>Methods that were called, by the description's name (<c>compute.instances.insert</c>).</summary>
    public ImmutableSortedSet<string> UsedMethods => [.. _usedMethods.Keys];

    /// <summary>Members that were sent or answered, as <c>Schema.member</c>.</summary>
    public ImmutableSortedSet<string> UsedFields => [.. _usedFields.Keys];

    /// <summary>The names of all methods that are described.</summary>
    public ImmutableSortedSet<string> KnownMethods => [.. _methods.Select(m => m.Id)];

    /// <summary>How many members a schema has, in the newest document.</summary>
    public int FieldsOf(string schema) => _methods.Select(m => m.Document["schemas"]?[schema]?["properties"] as JsonObject).LastOrDefault(p => p is not null)?.Count ?? 0;

    /// <summary>The method that a request calls; null where none is known.</summary>
    public string? MethodOf(CloudRequest request) => Matching(request).FirstOrDefault().Method?.Id;

    /// <summary>What is wrong with a request; empty when nothing is.</summary>
    public ImmutableArray<string> CheckRequest(CloudRequest request)
    {
        // Requests for tokens follow OAuth, which no discovery document describes in this form, and the metadata server has no description.
        if (IsUndescribed(request.Path))
            return [];
        var matching = Matching(request);
        if (matching.IsEmpty)
            return Selection ? [] : [$"{request.Method} {request.Path} is no method of the description"];
        var faults = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (method, path) in matching)
        {
            _usedMethods.TryAdd(method.Id, 0);
            CheckParameters(method, path, request, faults);
            if (method.Json["request"]?["$ref"]?.ToString() is { } schema)
                CheckBody(method, schema, request.Body, "request", faults);
            else if (!request.Body.IsEmpty)
                faults.Add($"{method.Id} takes no body");
        }

        return [.. faults];
    }

    /// <summary>What is wrong with an answer of success; empty when nothing is.</summary>
    public ImmutableArray<string> CheckAnswer(CloudRequest request, CloudResponse answer)
    {
        if (IsUndescribed(request.Path))
            return [];
        var faults = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (method, _) in Matching(request))
            if (method.Json["response"]?["$ref"]?.ToString() is { } schema)
                CheckBody(method, schema, answer.Body, "answer", faults);
            else if (!answer.Body.IsEmpty)
                faults.Add($"{method.Id} answers without a body");
        return [.. faults];
    }

    private static bool IsUndescribed(string path) => path == "/token" || path == "/v1/token" || path.StartsWith("/computeMetadata/", StringComparison.Ordinal);

    private ImmutableArray<(Method Method, Match Path)> Matching(CloudRequest request) =>
        [.. _methods.Where(m => m.Verb == request.Method).Select(m => (Method: m, Path: m.Shape.Match(request.Path))).Where(m => m.Path.Success)];

    private static void CheckParameters(Method method, Match path, CloudRequest request, SortedSet<string> faults)
    {
        var known = method.Json["parameters"] as JsonObject ?? [];
        var common = method.Document["parameters"] as JsonObject ?? [];
        foreach (var (name, value) in request.Query)
        {
            if ((known[name] ?? common[name]) is not JsonObject parameter || (known[name] is not null && parameter["location"]?.ToString() != "query"))
                faults.Add($"{method.Id} has no query parameter {name}");
            else
                CheckText(method, parameter, name, value, faults);
        }

        foreach (var (name, parameter) in known)
        {
            var required = parameter!["required"]?.GetValue<bool>() == true;
            if (parameter["location"]?.ToString() == "path" && path.Groups[Safe(name)] is { Success: true } group)
                CheckText(method, (JsonObject)parameter, name, Uri.UnescapeDataString(group.Value), faults);
            else if (required && parameter["location"]?.ToString() == "query" && request.Parameter(name) is null)
                faults.Add($"{method.Id} needs the query parameter {name}");
        }
    }

    private static void CheckText(Method method, JsonObject parameter, string name, string value, SortedSet<string> faults)
    {
        if (parameter["pattern"]?.ToString() is { } pattern && !Regex.IsMatch(value, $"^(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)))
            faults.Add($"{method.Id}: {name} '{value}' isn't of the pattern {pattern}");
        if (parameter["enum"] is JsonArray words && words.All(w => w!.ToString() != value))
            faults.Add($"{method.Id}: {name} '{value}' is none of {words.ToJsonString()}");
        var type = parameter["type"]?.ToString();
        if ((type == "integer" && !long.TryParse(value, out _)) || (type == "boolean" && value is not ("true" or "false")))
            faults.Add($"{method.Id}: {name} '{value}' is no {type}");
    }

    private void CheckBody(Method method, string schema, ReadOnlyMemory<byte> body, string what, SortedSet<string> faults)
    {
        if (body.IsEmpty)
        {
            // Google takes an empty body for an object without members.
            return;
        }

        JsonNode? json;
        try
        {
            json = JsonNode.Parse(body.Span);
        }
        catch (JsonException e)
        {
            faults.Add($"{method.Id}: the {what} is no JSON: {e.Message}");
            return;
        }

        CheckReference(method.Document, schema, json, $"{method.Id} {what}", faults);
    }

    private void CheckReference(JsonObject document, string schema, JsonNode? json, string at, SortedSet<string> faults)
    {
        if (document["schemas"]?[schema] is not JsonObject type)
        {
            faults.Add($"{at}: the description has no schema {schema}");
            return;
        }

        CheckNode(document, type, json, at, schema, faults);
    }

    private void CheckNode(JsonObject document, JsonObject type, JsonNode? json, string at, string schema, SortedSet<string> faults)
    {
        if (type["$ref"]?.ToString() is { } reference)
        {
            CheckReference(document, reference, json, at, faults);
            return;
        }

        var kind = type["type"]?.ToString();
        switch (kind)
        {
            case "object" when json is JsonObject item:
                CheckObject(document, type, item, at, schema, faults);
                return;
            case "array" when json is JsonArray list:
                for (var i = 0; i < list.Count; i++)
                    CheckNode(document, (JsonObject)type["items"]!, list[i], $"{at}[{i}]", schema + "[]", faults);
                return;
            case "any":
                return;
            default:
                if (Wrong(type, kind, json) is { } fault)
                    faults.Add($"{at}: {fault}");
                return;
        }
    }

    private void CheckObject(JsonObject document, JsonObject type, JsonObject item, string at, string schema, SortedSet<string> faults)
    {
        foreach (var (name, value) in item)
        {
            if (type["properties"]?[name] is JsonObject member)
            {
                _usedFields.TryAdd($"{schema}.{name}", 0);
                CheckNode(document, member, value, $"{at}.{name}", $"{schema}.{name}", faults);
            }
            else if (type["additionalProperties"] is JsonObject any)
            {
                CheckNode(document, any, value, $"{at}.{name}", schema + ".*", faults);
            }
            else
            {
                faults.Add($"{at}: {schema} has no member {name}");
            }
        }
    }

    private static string? Wrong(JsonObject type, string? kind, JsonNode? json)
    {
        var value = json is null ? JsonValueKind.Null : json.GetValueKind();
        var format = type["format"]?.ToString();
        var right = kind switch
        {
            "string" => value == JsonValueKind.String,
            "integer" => value == JsonValueKind.Number && long.TryParse(json!.ToJsonString(), out var number) && (format != "int32" || number is >= int.MinValue and <= int.MaxValue),
            "number" => value == JsonValueKind.Number,
            "boolean" => value is JsonValueKind.True or JsonValueKind.False,
            _ => false,
        };
        if (!right)
            return $"{kind} is right, {(json is null ? "null" : value.ToString())} is there";
        if (kind != "string")
            return null;
        var text = json!.ToString();
        if (type["enum"] is JsonArray words && words.All(w => w!.ToString() != text))
            return $"'{text}' is none of its {words.Count} words";
        return format switch
        {
            "int64" when !long.TryParse(text, out _) => $"'{text}' is no int64",
            "uint64" when !ulong.TryParse(text, out _) => $"'{text}' is no uint64",
            "byte" when !Convert.TryFromBase64String(text.Replace('-', '+').Replace('_', '/'), new byte[text.Length], out _) => "it is no base64",
            "google-datetime" or "date-time" when !DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _) => $"'{text}' is no time",
            _ => type["pattern"]?.ToString() is { } pattern && text.Length > 0 && !Regex.IsMatch(text, $"^(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1))
                ? $"'{text}' isn't of the pattern {pattern}" : null,
        };
    }

    private static void Add(JsonObject document, JsonObject level, ImmutableArray<Method>.Builder methods)
    {
        foreach (var (_, method) in level["methods"] as JsonObject ?? [])
            methods.Add(new Method(document, (JsonObject)method!));
        foreach (var (_, resource) in level["resources"] as JsonObject ?? [])
            Add(document, (JsonObject)resource!, methods);
    }

    private static string Safe(string name) => "p_" + name;

    private sealed class Method
    {
        public Method(JsonObject document, JsonObject json)
        {
            Document = document;
            Json = json;
            Id = json["id"]!.ToString();
            Verb = json["httpMethod"]!.ToString();
            var flat = "/" + document["servicePath"] + (json["flatPath"] ?? json["path"]);
            var shape = Regex.Replace(Regex.Escape(flat).Replace(@"\{", "{", StringComparison.Ordinal), @"\{([A-Za-z]+)\}", m => $"(?<{Safe(m.Groups[1].Value)}>[^/:]+)");
            Shape = new Regex($"^{shape}$", RegexOptions.CultureInvariant);
        }

        public JsonObject Document { get; }

        public JsonObject Json { get; }

        public string Id { get; }

        public string Verb { get; }

        public Regex Shape { get; }
    }
}
