using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>REST requests against swagger documents: path, action, query, and each member of the body.</summary>
public sealed partial class VimDescription
{
    /// <summary>What is wrong with a REST request; empty when nothing is.</summary>
    public ImmutableArray<string> CheckRest(CloudRequest request)
    {
        if (_rest.IsEmpty)
            return [];
        var action = request.Parameter("~action");
        var methods = _rest.Where(m => m.Verb == request.Method && m.Action == action && m.Shape.IsMatch(request.Path)).ToList();
        // A literal path wins over one with a parameter.
        if (methods.MinBy(m => m.Path.Count(c => c == '{')) is not { } method)
            return [$"{request.Method} {request.Path}{(action is null ? "" : "?~action=" + action)} is no method of the description"];
        _usedOperations.TryAdd($"{method.Verb} {method.Path}{(action is null ? "" : "?~action=" + action)}", 0);
        var faults = new List<string>();
        var parameters = (method.Json["parameters"] as JsonArray ?? []).Select(p => p!.AsObject()).ToList();
        foreach (var (name, _) in request.Query)
            if (name != "~action" && !parameters.Any(p => p["in"]!.ToString() == "query" && p["name"]!.ToString() == name))
                faults.Add($"{method.Path} has no query parameter {name}");
        foreach (var needed in parameters.Where(p => p["in"]!.ToString() == "query" && p["required"]?.GetValue<bool>() == true && request.Parameter(p["name"]!.ToString()) is null))
            faults.Add($"{method.Path} needs the query parameter {needed["name"]}");
        var body = parameters.FirstOrDefault(p => p["in"]!.ToString() == "body");
        if (body is null)
        {
            if (!request.Body.IsEmpty)
                faults.Add($"{method.Path} takes no body");
            return [.. faults];
        }

        if (request.Body.IsEmpty)
        {
            if (body["required"]?.GetValue<bool>() == true)
                faults.Add($"{method.Path} needs a body");
            return [.. faults];
        }

        try
        {
            CheckJson(method, method.Path, body["schema"]!, JsonNode.Parse(request.Body.Span), faults);
        }
        catch (JsonException e)
        {
            faults.Add($"{method.Path}: the body is no JSON: {e.Message}");
        }

        return [.. faults];
    }

    private void CheckJson(RestMethod method, string owner, JsonNode schema, JsonNode? value, List<string> faults)
    {
        if (schema["$ref"]?.ToString() is { } reference)
        {
            owner = reference[(reference.LastIndexOf('/') + 1)..];
            schema = method.Document["definitions"]![owner]!;
        }

        var type = schema["type"]?.ToString();
        var kind = value?.GetValueKind() ?? JsonValueKind.Null;
        var right = type switch
        {
            "object" => kind == JsonValueKind.Object,
            "array" => kind == JsonValueKind.Array,
            "string" => kind == JsonValueKind.String,
            "boolean" => kind is JsonValueKind.True or JsonValueKind.False,
            "integer" or "number" => kind == JsonValueKind.Number,
            _ => true,
        };
        if (!right)
        {
            faults.Add($"{owner}: a {type} is right");
            return;
        }

        if (schema["enum"] is JsonArray words && words.All(w => w!.ToString() != value?.ToString()))
            faults.Add($"{owner}: '{value}' is none of {words.ToJsonString()}");
        if (value is JsonArray list)
            foreach (var item in list)
                CheckJson(method, owner, schema["items"]!, item, faults);
        if (value is not JsonObject body || schema["properties"] is not JsonObject members)
            return;
        foreach (var (name, member) in body)
        {
            if (members[name] is not { } described)
            {
                faults.Add($"{owner} has no member {name}");
                continue;
            }

            _usedMembers.TryAdd($"{owner}.{name}", 0);
            CheckJson(method, $"{owner}.{name}", described, member, faults);
        }

        faults.AddRange(Names(schema["required"]).Where(r => !body.ContainsKey(r)).Select(r => $"{owner} needs the member {r}"));
    }

    private static IEnumerable<RestMethod> ReadSwagger(JsonObject document)
    {
        foreach (var (target, verbs) in document["paths"]!.AsObject())
        {
            var question = target.IndexOf("?~action=", StringComparison.Ordinal);
            var path = question < 0 ? target : target[..question];
            var shape = new Regex("^" + Regex.Replace(Regex.Escape(path), @"\\\{[^}]+}", "[^/]+") + "$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
            foreach (var (verb, method) in verbs!.AsObject())
                if (method is JsonObject json)
                    yield return new RestMethod(verb.ToUpperInvariant(), path, question < 0 ? null : target[(question + 9)..], shape, json, document);
        }
    }

    private sealed record RestMethod(string Verb, string Path, string? Action, Regex Shape, JsonObject Json, JsonObject Document);
}
