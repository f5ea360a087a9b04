using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>
/// A double of a Proxmox VE cluster of three nodes: its API at <c>/api2/json</c>, state in memory, tasks that take time by the clock that it is
/// given. With <see cref="Description"/> every request and every answer is held to the platform's own API schema.
/// </summary>
public sealed partial class ProxmoxCloud : ICloud
{
    private const string Root = "/api2/json";
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly List<ProxmoxCall> _calls = [];
    private readonly List<string> _violations = [];
    private readonly RouteTable _routes = new();
    private int _revisions;

    /// <summary>A cluster with three nodes, four storages, three templates and an SDN zone, and no machine that runs.</summary>
    public ProxmoxCloud(TimeProvider time, ProxmoxKnobs? knobs = null)
    {
        _time = time;
        AddClusterRoutes();
        AddAccessRoutes();
        AddTaskRoutes();
        AddStorageRoutes();
        AddMachineRoutes();
        AddConfigRoutes();
        AddPowerRoutes();
        AddAgentRoutes();
        AddFirewallRoutes();
        AddSdnRoutes();
        Knobs = new ProxmoxKnobs();
        Furnish();
        Knobs = knobs ?? Knobs;
    }

    /// <summary>What sort of day it has; may be exchanged at any time.</summary>
    public ProxmoxKnobs Knobs { get; set; }

    /// <summary>The release that it says it is: 9.1 (default) or 8.4.</summary>
    public string Release { get; init; } = "9.1";

    /// <summary>The cluster's name; the nodes' certificates hang on it too, so another name is another cluster.</summary>
    public string ClusterName { get; set; } = "demo";

    /// <summary>Holds requests and answers to the platform's description; null for not at all.</summary>
    public ApiSchema? Description { get; init; }

    /// <summary>Whether requests that the description doesn't allow count as violations. Default true. They are refused either way, as the platform does.</summary>
    public bool HoldsRequests { get; init; } = true;

    /// <summary>Requests and answers that the description doesn't allow.</summary>
    public IReadOnlyList<string> Violations { get { lock (_gate) return [.. _violations]; } }

    /// <summary>Every request so far.</summary>
    public IReadOnlyList<ProxmoxCall> Calls { get { lock (_gate) return [.. _calls]; } }

    /// <summary>What it answers, as <c>METHOD /path/{with}/{names}</c>.</summary>
    public IReadOnlyCollection<string> Operations => [.. _routes.All.Select(r => r.Name)];

    /// <summary>The privilege that each operation asks for, where it is one that the path says: <c>/vms/{vmid} VM.Audit</c>.</summary>
    public IReadOnlyDictionary<string, string> Privileges => _routes.All.Where(r => r.Privilege is not null).ToDictionary(r => r.Name, r => r.Privilege!);

    private bool Is9 => !Release.StartsWith('8');

    private DateTimeOffset Now => _time.GetUtcNow() + Knobs.Skew;

    /// <inheritdoc/>
    public CloudResponse Handle(CloudRequest request)
    {
        lock (_gate)
        {
            Settle();
            var path = Uri.UnescapeDataString(request.Path);
            path = path.StartsWith(Root, StringComparison.Ordinal) ? path[Root.Length..] : path;
            path = path.Length > 1 ? path.TrimEnd('/') : path;
            var found = _routes.Find(request.Method, path);
            CloudResponse answer;
            try
            {
                answer = Answer(request, path, found);
            }
            catch (PveError e)
            {
                answer = Refusal(e);
            }

            answer = answer with { Headers = [.. answer.Headers, new("Date", Now.ToString("R", CultureInfo.InvariantCulture)), new("Cache-Control", "max-age=0")] };
            _calls.Add(new ProxmoxCall(_time.GetUtcNow(), request.Method, path, found?.Route.Name ?? "", answer.Status, answer.ReasonPhrase ?? "OK"));
            return answer;
        }
    }

    private CloudResponse Answer(CloudRequest request, string path, RouteTable.Found? found)
    {
        if (!request.Path.StartsWith(Root + "/", StringComparison.Ordinal))
            throw new PveError(501, $"Method '{request.Method} {request.Path}' not implemented");
        if (Knobs.Throttled is not null)
            throw new PveError(429, "Too Many Requests");
        var read = PveRequest.Read(request, path);
        read.Caller = SignedIn(request, path);
        if (found is null || (!Is9 && found.Route.Since9))
            throw new PveError(501, $"Method '{request.Method} {path}' not implemented");
        CheckReach(request.Method, path, found);
        if (Description is { } description && description.CheckRequest(found.Route.Name, found.Values, read) is { Count: > 0 } wrong)
        {
            if (HoldsRequests)
                _violations.AddRange(wrong.Select(w => $"{found.Route.Name}: {w.Key}: {w.Value}"));
            throw new PveError(400, "Parameter verification failed.", wrong.ToImmutableSortedDictionary(StringComparer.Ordinal));
        }

        foreach (var (name, value) in found.Values)
            read.Set(name, value);
        if (found.Route.Privilege is { } privilege)
            Demand(read, privilege);
        JsonNode? data;
        try
        {
            data = found.Route.Handler(read);
        }
        catch (Exception e) when (e is FormatException or KeyNotFoundException or OverflowException or InvalidOperationException)
        {
            // A parameter that only the description would have stopped.
            throw new PveError(400, "Parameter verification failed. " + e.Message);
        }

        if (Description?.CheckAnswer(found.Route.Name, data) is { Count: > 0 } faults)
            _violations.AddRange(faults);
        return Body(200, new JsonObject { ["data"] = data });
    }

    /// <summary>Nodes that are down, a cluster without a majority, a proxy that doesn't get through.</summary>
    private void CheckReach(string method, string path, RouteTable.Found found)
    {
        if (found.Values.TryGetValue("node", out var node))
        {
            if (Knobs.ProxyError is { } error && node != _nodes[0].Name)
                throw new PveError(error, error == 596 ? "Connection timed out" : "Connection refused");
            if (Knobs.OfflineNodes.Contains(node))
                throw new PveError(595, "No route to host");
            if (_nodes.TrueForAll(n => n.Name != node))
                throw PveError.Failed($"hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known");
        }

        if (Knobs.NoQuorum && method != "GET" && path != "/access/ticket")
            throw PveError.Failed("cluster not ready - no quorum?");
    }

    private CloudResponse Refusal(PveError e)
    {
        var body = new JsonObject { ["data"] = null, ["message"] = e.Message + "\n" };
        if (e.Errors.Count > 0)
            body["errors"] = new JsonObject(e.Errors.Select(x => KeyValuePair.Create(x.Key, (JsonNode?)x.Value)));
        var answer = Body(e.Status, body) with { ReasonPhrase = FirstLine(e.Message) };
        // What the proxy itself has to say stands beside the status alone.
        if (e.Status >= 595)
            return answer with { Body = default };
        return e.Status == 429 && Knobs.Throttled is { } wait
            ? answer with { Headers = [new("Retry-After", wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture))] } : answer;
    }

    // Only the first line fits beside the status, and only what HTTP lets through there.
    private static string FirstLine(string text) => new([.. text.Split('\n')[0].Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    private static CloudResponse Body(int status, JsonObject body) =>
        new() { Status = status, Body = JsonSerializer.SerializeToUtf8Bytes(body), ContentType = "application/json;charset=UTF-8" };

    private int Touched() => ++_revisions;
}

/// <summary>The operations that the double answers.</summary>
internal sealed class RouteTable
{
    private readonly Dictionary<string, List<Route>> _byMethod = new(StringComparer.Ordinal);

    public IEnumerable<Route> All => _byMethod.Values.SelectMany(r => r);

    /// <summary>Adds an operation. <paramref name="privilege"/> is <c>path PRIVILEGE|PRIVILEGE</c>; null where everybody who is signed in may, or the handler asks.</summary>
    public void Add(string method, string path, string? privilege, Func<PveRequest, JsonNode?> handler, bool since9 = false)
    {
        if (!_byMethod.TryGetValue(method, out var routes))
            _byMethod[method] = routes = [];
        routes.Add(new Route($"{method} {path}", path.Trim('/').Split('/'), privilege, handler, since9));
    }

    public Found? Find(string method, string path)
    {
        if (!_byMethod.TryGetValue(method, out var routes))
            return null;
        var segments = path.Trim('/').Split('/');
        Found? best = null;
        foreach (var route in routes)
            // A word is a better match than a name that takes any.
            if (Match(route, segments) is { } values && (best is null || values.Count < best.Values.Count))
                best = new Found(route, values);
        return best;
    }

    private static Dictionary<string, string>? Match(Route route, string[] segments)
    {
        // Volumes and prefixes have slashes of their own and stand last.
        var takesRest = route.Segments[^1] is "{volume}" or "{cidr}";
        if (takesRest ? segments.Length < route.Segments.Length : segments.Length != route.Segments.Length)
            return null;
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < route.Segments.Length; i++)
        {
            var part = route.Segments[i];
            if (!part.StartsWith('{'))
            {
                if (part != segments[i])
                    return null;
                continue;
            }

            values[part[1..^1]] = takesRest && i == route.Segments.Length - 1 ? string.Join('/', segments[i..]) : segments[i];
        }

        return values;
    }

    internal sealed record Route(string Name, string[] Segments, string? Privilege, Func<PveRequest, JsonNode?> Handler, bool Since9);

    internal sealed record Found(Route Route, Dictionary<string, string> Values);
}
