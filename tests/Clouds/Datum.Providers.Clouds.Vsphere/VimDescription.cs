using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// Holds SOAP messages to VMware's description of vim25 in the form of <c>vim25.converted.json</c> (operations, types with members in their order,
/// enumerations, inheritance), and REST requests to swagger documents. What the description doesn't hold (it is an excerpt) is counted as
/// undescribed and let through. Answers may lack members: vcsim speaks an older release.
/// </summary>
public sealed partial class VimDescription
{
    private readonly JsonObject _operations;
    private readonly JsonObject _types;
    private readonly ImmutableArray<RestMethod> _rest;
    private readonly ConcurrentDictionary<string, byte> _usedOperations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _usedMembers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _undescribed = new(StringComparer.Ordinal);

    /// <summary>Reads a description and swagger documents.</summary>
    public VimDescription(JsonObject vim, params IEnumerable<JsonObject> swagger)
    {
        _operations = vim["operations"]!.AsObject();
        _types = vim["types"]!.AsObject();
        _rest = [.. swagger.SelectMany(ReadSwagger)];
    }

    /// <summary>Reads <c>vim25.converted.json</c> and the <c>*.swagger.json</c> of a folder.</summary>
    public static VimDescription Load(string folder) => new(
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "vim25.converted.json")))!.AsObject(),
        Directory.GetFiles(folder, "*.swagger.json").Order(StringComparer.Ordinal).Select(f => JsonNode.Parse(File.ReadAllText(f))!.AsObject()));

    /// <summary>Operations that were called: names of vim25, for REST the method and path.</summary>
    public ImmutableSortedSet<string> UsedOperations => [.. _usedOperations.Keys];

    /// <summary>Members that were sent or answered, as <c>Type.member</c>.</summary>
    public ImmutableSortedSet<string> UsedMembers => [.. _usedMembers.Keys];

    /// <summary>Operations and types that were met and aren't described.</summary>
    public ImmutableSortedSet<string> Undescribed => [.. _undescribed.Keys];

    /// <summary>What is wrong with a request; empty when nothing is.</summary>
    public ImmutableArray<string> CheckRequest(XElement call)
    {
        var operation = call.Name.LocalName;
        if (call.Name.Namespace != Soap.Vim)
            return [$"{operation}: the namespace is '{call.Name.NamespaceName}'; urn:vim25 is right"];
        _usedOperations.TryAdd(operation, 0);
        if (_operations[operation] is not JsonObject described)
        {
            _undescribed.TryAdd(operation, 0);
            return [];
        }

        var faults = new List<string>();
        if (call.Get("_this") is not { } target)
            faults.Add($"{operation}: _this is missing");
        else if (call.Elements().First() != target || (string?)target.Attribute("type") is null or "" || target.Value.Length == 0)
            faults.Add($"{operation}: _this comes first, with a type and an id");
        CheckMembers(operation, [.. described["parameters"]!.AsObject()], Names(described["required"]).ToHashSet(), [.. call.Elements().Where(e => e.Name != Soap.Vim + "_this")], true, faults);
        return [.. faults];
    }

    /// <summary>What is wrong with an answer or fault; empty when nothing is.</summary>
    public ImmutableArray<string> CheckAnswer(string operation, XElement answer)
    {
        var faults = new List<string>();
        if (answer.Name.LocalName == "Fault")
        {
            foreach (var fault in answer.Element("detail")?.Elements() ?? [])
                CheckValue(operation + " fault", new JsonObject { ["$ref"] = "#/types/MethodFault" }, fault, false, faults);
            return [.. faults];
        }

        if (answer.Name != Soap.Vim + (operation + "Response"))
            faults.Add($"{operation}: the answer is {answer.Name.LocalName}");
        if (_operations[operation] is not JsonObject described)
            return [.. faults];
        var values = answer.All("returnval").ToList();
        if (described["returns"] is not { } returns)
        {
            if (values.Count > 0)
                faults.Add($"{operation}: answers with nothing");
        }
        else
        {
            if (values.Count > 1 && returns["type"]?.ToString() != "array")
                faults.Add($"{operation}: answers with one value");
            foreach (var value in values)
                CheckValue(operation, returns["items"] ?? returns, value, false, faults);
        }

        return [.. faults];
    }

    private static IEnumerable<string> Names(JsonNode? names) => (names as JsonArray ?? []).Select(n => n!.ToString());

    private void CheckMembers(string owner, IReadOnlyList<KeyValuePair<string, JsonNode?>> members, ISet<string> required, IReadOnlyList<XElement> sent, bool request, List<string> faults)
    {
        var position = -1;
        foreach (var group in sent.GroupBy(e => e.Name.LocalName))
        {
            var index = IndexOf(members, group.Key);
            if (index < 0)
            {
                faults.Add($"{owner} has no member {group.Key}");
                continue;
            }

            // xsd:sequence: vCenter refuses members in another order.
            if (request && index < position)
                faults.Add($"{owner}: {group.Key} stands behind {members[position].Key}; the order of the description is right");
            position = Math.Max(position, index);
            _usedMembers.TryAdd($"{owner}.{group.Key}", 0);
            var described = members[index].Value!;
            var isArray = described["type"]?.ToString() == "array";
            if (group.Count() > 1 && !isArray)
                faults.Add($"{owner}: {group.Key} stands there {group.Count()} times");
            foreach (var element in group)
                CheckValue($"{owner}.{group.Key}", isArray ? described["items"]! : described, element, request, faults);
        }

        // In one run: members of a list stand together.
        for (var i = 2; i < sent.Count && request; i++)
            if (sent[i].Name == sent[i - 2].Name && sent[i].Name != sent[i - 1].Name)
                faults.Add($"{owner}: the values of {sent[i].Name.LocalName} don't stand together");
        if (request)
            faults.AddRange(required.Where(r => sent.All(s => s.Name.LocalName != r)).Select(r => $"{owner} needs the member {r}"));
    }

    private static int IndexOf(IReadOnlyList<KeyValuePair<string, JsonNode?>> members, string name)
    {
        for (var i = 0; i < members.Count; i++)
            if (members[i].Key == name)
                return i;
        return -1;
    }

    private void CheckValue(string owner, JsonNode described, XElement element, bool request, List<string> faults)
    {
        var name = described["$ref"]?.ToString() is { } reference ? reference[(reference.LastIndexOf('/') + 1)..] : null;
        if (name is null)
        {
            CheckText(owner, described, element, faults);
            return;
        }

        if (name == "ManagedObjectReference")
        {
            if ((string?)element.Attribute("type") is null or "" || element.Value.Length == 0 || element.HasElements)
                faults.Add($"{owner} is a reference: a type and an id are right");
            return;
        }

        var actual = Soap.TypeOf(element) ?? name;
        if (name == "Any" && (actual == "Any" || actual.StartsWith("xsd:", StringComparison.Ordinal)))
        {
            if (actual == "Any" && request)
                faults.Add($"{owner} needs an xsi:type");
            return;
        }

        if (actual == "ManagedObjectReference" || actual.StartsWith("ArrayOf", StringComparison.Ordinal))
            return;
        if (_types[actual] is not JsonObject type)
        {
            _undescribed.TryAdd(actual, 0);
            return;
        }

        if (type["enum"] is JsonArray words)
        {
            // An empty one is how vcsim writes what isn't set.
            if (words.All(w => w!.ToString() != element.Value) && (request || element.Value.Length > 0))
                faults.Add($"{owner}: '{element.Value}' is none of {actual}");
            return;
        }

        if (name != "Any" && !IsA(actual, name))
            faults.Add($"{owner}: a {actual} is no {name}");
        var members = new List<KeyValuePair<string, JsonNode?>>();
        var required = new HashSet<string>(StringComparer.Ordinal);
        Collect(actual, members, required);
        if (!IsWhole(actual))
        {
            _undescribed.TryAdd(actual, 0);
            return;
        }

        CheckMembers(actual, members, required, [.. element.Elements()], request, faults);
    }

    // Members of the base types come first.
    private void Collect(string name, List<KeyValuePair<string, JsonNode?>> members, HashSet<string> required)
    {
        if (_types[name] is not JsonObject type)
            return;
        if (Base(type) is { } parent)
            Collect(parent, members, required);
        members.AddRange(type["properties"] as JsonObject ?? []);
        required.UnionWith(Names(type["required"]));
    }

    private bool IsWhole(string name)
    {
        for (string? at = name; at is not null; at = Base((JsonObject)_types[at]!))
            if (_types[at] is not JsonObject)
                return false;
        return true;
    }

    private bool IsA(string name, string wanted)
    {
        for (string? at = name; at is not null; at = _types[at] is JsonObject type ? Base(type) : null)
            if (at == wanted)
                return true;
        return false;
    }

    private static string? Base(JsonObject type) => type["extends"]?.ToString() is { } parent ? parent[(parent.LastIndexOf('/') + 1)..] : null;

    private static void CheckText(string owner, JsonNode described, XElement element, List<string> faults)
    {
        var (type, format, text) = (described["type"]?.ToString(), described["format"]?.ToString(), element.Value);
        if (element.HasElements)
            faults.Add($"{owner} has no members; a {type} is right");
        else if (type == "boolean" && text is not ("true" or "false" or "1" or "0"))
            faults.Add($"{owner}: '{text}' is no boolean");
        else if (type == "integer" && (format == "int64" ? !long.TryParse(text, CultureInfo.InvariantCulture, out _) : !int.TryParse(text, CultureInfo.InvariantCulture, out _)))
            faults.Add($"{owner}: '{text}' is no {format ?? "integer"}");
        else if (format == "date-time" && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _))
            faults.Add($"{owner}: '{text}' is no time");
        else if (described["enum"] is JsonArray words && words.All(w => w!.ToString() != text))
            faults.Add($"{owner}: '{text}' is none of {words.ToJsonString()}");
    }
}
