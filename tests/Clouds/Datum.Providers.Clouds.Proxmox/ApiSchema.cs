using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>
/// Holds requests and answers to the API schema of one release, as the API viewer serves it: operations, parameters with type, format, pattern and
/// limits, texts of properties, and what is answered. It counts what was used.
/// </summary>
public sealed class ApiSchema
{
    private readonly FrozenDictionary<string, Operation> _operations;
    private readonly ConcurrentDictionary<string, byte> _usedOperations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _usedFields = new(StringComparer.Ordinal);

    /// <summary>Reads a schema: the viewer's tree, or a list of paths under <c>endpoints</c>.</summary>
    public ApiSchema(JsonNode document)
    {
        var operations = new Dictionary<string, Operation>(StringComparer.Ordinal);
        if (document is JsonArray tree)
            Add(tree, operations);
        else
            foreach (var (path, methods) in document["endpoints"]!.AsObject())
                Add(path, methods!.AsObject(), operations);
        _operations = operations.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Reads a schema from a file.</summary>
    public static ApiSchema Load(string file) => new(JsonNode.Parse(File.ReadAllText(file))!);

    /// <summary>Every operation that is described, as <c>METHOD /path/{with}/{names}</c>.</summary>
    public ImmutableSortedSet<string> KnownOperations => [.. _operations.Keys];

    /// <summary>Operations that were called.</summary>
    public ImmutableSortedSet<string> UsedOperations => [.. _usedOperations.Keys];

    /// <summary>Parameters that were sent (<c>METHOD /path &lt; name</c>) and members that were answered (<c>METHOD /path &gt; name</c>).</summary>
    public ImmutableSortedSet<string> UsedFields => [.. _usedFields.Keys];

    /// <summary>The privilege check of an operation as the schema writes it, where it is one of a path: <c>/vms/{vmid} A|B</c>; null where it isn't so simple.</summary>
    public string? PrivilegeOf(string operation)
    {
        if (!_operations.TryGetValue(operation, out var known) || known.Check is not JsonArray check)
            return null;
        if (check.Count < 3 || check[0]!.ToString() != "perm")
            return null;
        var any = check.Count > 3 && check[3]!.ToString() == "any";
        var names = check[2]!.AsArray().Select(n => n!.ToString()).ToArray();
        return names.Length == 1 || any ? $"{check[1]} {string.Join('|', names)}" : null;
    }

    /// <summary>What is wrong with a request, by parameter; empty when nothing is.</summary>
    public IReadOnlyDictionary<string, string> CheckRequest(CloudRequest request, string operation, IReadOnlyDictionary<string, string> path)
    {
        try
        {
            return CheckRequest(operation, path, PveRequest.Read(request, request.Path));
        }
        catch (PveError e)
        {
            return ImmutableDictionary<string, string>.Empty.Add("", e.Message);
        }
    }

    internal IReadOnlyDictionary<string, string> CheckRequest(string name, IReadOnlyDictionary<string, string> path, PveRequest request)
    {
        if (!_operations.TryGetValue(name, out var operation))
            return ImmutableDictionary<string, string>.Empty.Add("", $"{name} is no operation of this release");
        _usedOperations.TryAdd(name, 0);
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (parameter, value) in path)
            if (operation.Find(parameter) is { } described && described.CheckText(value) is { } fault)
                faults[parameter] = fault;
        foreach (var parameter in request.Names)
        {
            if (path.ContainsKey(parameter))
                continue;
            // What carries the file of an upload isn't among the parameters that the platform checks.
            if (operation.Find(parameter) is not { } described)
            {
                faults[parameter] = "property is not defined in schema and the schema does not allow additional properties";
                continue;
            }

            _usedFields.TryAdd($"{name} < {parameter}", 0);
            if (CheckValues(described, request.All(parameter)) is { } fault)
                faults[parameter] = fault;
            else if (described.Requires is { } other && !request.Has(other))
                faults[other] = $"missing property - '{parameter}' requires this property";
        }

        foreach (var (parameter, described) in operation.Parameters)
            if (!described.IsOptional && !parameter.Contains('[', StringComparison.Ordinal) && !path.ContainsKey(parameter) && !request.Has(parameter))
                faults[parameter] = "property is missing and it is not optional";
        return faults;
    }

    private static string? CheckValues(Property described, IReadOnlyList<string> values)
    {
        if (described.Type != "array")
            return values.Count > 1 ? $"type check ('{described.Type}') failed - got ARRAY" : described.CheckText(values[0]);
        return described.Items is { } item ? values.Select(item.CheckText).FirstOrDefault(f => f is not null) : null;
    }

    /// <summary>What is wrong with the data of an answer; empty when nothing is.</summary>
    public IReadOnlyList<string> CheckAnswer(string operation, JsonNode? data)
    {
        if (!_operations.TryGetValue(operation, out var known))
            return [$"{operation} is no operation of this release"];
        var faults = new List<string>();
        if (known.Returns is { } returns)
            Check(operation, returns, data, "data", faults);
        return faults;
    }

    private void Check(string operation, Property type, JsonNode? data, string at, List<string> faults)
    {
        switch (type.Type)
        {
            case "null":
                if (data is not null)
                    faults.Add($"{operation}: {at}: null is right, {data.ToJsonString()} is there");
                return;
            case "array" when data is JsonArray list:
                for (var i = 0; i < list.Count; i++)
                    if (type.Items is { } item)
                        Check(operation, item, list[i], $"{at}[]", faults);
                return;
            case "object" when data is JsonObject members:
                CheckMembers(operation, type, members, at, faults);
                return;
            default:
                if (data is null && type.IsOptional)
                    return;
                if (type.CheckAnswer(data) is { } fault)
                    faults.Add($"{operation}: {at}: {fault}");
                return;
        }
    }

    private void CheckMembers(string operation, Property type, JsonObject members, string at, List<string> faults)
    {
        // Where no member is described, any may come.
        if (type.Members.Count == 0)
            return;
        foreach (var (name, value) in members)
        {
            if (type.Member(name) is { } member)
            {
                _usedFields.TryAdd($"{operation} > {at[4..].TrimStart('[', ']', '.')}{(at.Length > 6 ? "." : "")}{name}", 0);
                Check(operation, member, value, $"{at}.{name}", faults);
            }
            else if (!type.TakesOthers && !Undescribed.IsKnown(operation, name))
            {
                faults.Add($"{operation}: {at} has no member {name}");
            }
        }

        foreach (var (name, member) in type.Members)
            if (!member.IsOptional && !name.Contains('[', StringComparison.Ordinal) && !members.ContainsKey(name))
                faults.Add($"{operation}: {at} lacks {name}");
    }

    private static void Add(JsonArray level, Dictionary<string, Operation> operations)
    {
        foreach (var item in level)
        {
            if (item!["info"] is JsonObject methods)
                Add(item["path"]!.ToString(), methods, operations);
            if (item["children"] is JsonArray children)
                Add(children, operations);
        }
    }

    private static void Add(string path, JsonObject methods, Dictionary<string, Operation> operations)
    {
        foreach (var (method, described) in methods)
            if (described is JsonObject json)
                operations[$"{method} {path}"] = new Operation(json);
    }

    private sealed class Operation
    {
        private readonly Property _parameters;

        public Operation(JsonObject json)
        {
            _parameters = new Property(json["parameters"] as JsonObject ?? []);
            Returns = json["returns"] is JsonObject returns ? new Property(returns) : null;
            Check = json["permissions"]?["check"];
        }

        public IReadOnlyDictionary<string, Property> Parameters => _parameters.Members;

        public Property? Returns { get; }

        public JsonNode? Check { get; }

        public Property? Find(string name) => _parameters.Member(name);
    }

    /// <summary>Members that the platform answers and its own schema doesn't name.</summary>
    private static class Undescribed
    {
        public static bool IsKnown(string operation, string name) => name switch
        {
            // Lists of rules and options carry the digest that changes ask for.
            "digest" => operation.Contains("/firewall/", StringComparison.Ordinal) || operation.StartsWith("GET /storage", StringComparison.Ordinal),
            "cap" => operation == "POST /access/ticket",
            "tokenid" => operation.Contains("/tasks", StringComparison.Ordinal),
            // The list of volumes names their content.
            "content" when operation.EndsWith("/content", StringComparison.Ordinal) => true,
            "type" or "content" or "shared" when operation == "GET /storage" => true,
            "id" or "type" or "disk" or "maxdisk" when operation == "GET /nodes" => true,
            // A task shows there what it shows in its node's list.
            "node" or "pid" or "pstart" or "starttime" or "endtime" or "type" or "id" or "user" or "status" => operation == "GET /cluster/tasks",
            _ => false,
        };
    }
}

/// <summary>A limit that a schema may write as a number or as text.</summary>
internal static class Limits
{
    public static double? Read(JsonNode? node) => node is not null && double.TryParse(node.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
