namespace Datum.Providers.Clouds.Gcp;

/// <summary>Operations: everything that changes something is one, and takes its time.</summary>
public sealed partial class GcpCloud
{
    private readonly SortedDictionary<string, Work> _works = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Operation, DateTimeOffset Until)> _requests = new(StringComparer.Ordinal);
    private readonly List<(string Collection, string Code, string Message)> _faults = [];

    /// <summary>The next insert into the collection is accepted and fails in its operation.</summary>
    public void FailNext(string collection, string code, string message)
    {
        lock (_gate)
            _faults.Add((collection, code, message));
    }

    /// <summary>Operations are known to nobody any more; the work goes on, and what it makes isn't hidden behind an operation.</summary>
    public void ForgetOperations()
    {
        lock (_gate)
        {
            foreach (var item in _items.Values)
                item.Hidden = false;
            foreach (var work in _works.Values)
                work.Forgotten = true;
            _requests.Clear();
        }
    }

    /// <summary>The answer of an earlier request with the same requestId, as long as it is remembered.</summary>
    private JsonObject? Replayed(CloudRequest request)
    {
        if (request.Parameter("requestId") is not { } id)
            return null;
        if (!Guid.TryParse(id, out var uuid) || uuid == Guid.Empty)
            throw new GcpError(400, "invalid", $"Invalid value for field 'requestId': '{id}'. Must be a valid UUID, and not zero.");
        return _requests.TryGetValue($"{request.Method} {request.Path} {uuid}", out var known) && known.Until > _time.GetUtcNow() && _works.TryGetValue(known.Operation, out var work)
            ? OperationBody(work) : null;
    }

    private JsonObject Start(CloudRequest request, Item target, string type, (string Code, string Message)? failure, Action done)
    {
        var now = _time.GetUtcNow();
        var name = $"operation-{NextId()}-{Guid.NewGuid():N}"[..50];
        var work = new Work
        {
            Name = name, Path = $"{target.Scope}/operations/{name}", Scope = target.Scope, Type = type, Id = NextId(), Begun = now, Stamp = Stamp(),
            Due = now + Knobs.Durations.GetValueOrDefault(target.Collection, Knobs.DefaultDuration),
            TargetLink = Link(target.Path), TargetId = target["id"] ?? "0", Failure = failure, Done = done, RequestId = request.Parameter("requestId"), Target = target,
        };
        _works[work.Path] = work;
        if (work.RequestId is { } id)
            _requests[$"{request.Method} {request.Path} {Guid.Parse(id)}"] = (work.Path, now + Knobs.RequestIdLife);
        Settle();
        return OperationBody(work);
    }

    private void Settle()
    {
        var now = _time.GetUtcNow();
        foreach (var work in _works.Values.Where(w => !w.Ended && w.Due <= now).OrderBy(w => w.Due).ThenBy(w => w.Id, StringComparer.Ordinal).ToList())
        {
            work.Ended = true;
            work.EndStamp = Stamp();
            work.Done();
        }

        _ghosts.RemoveAll(g => g.Until <= now);
        foreach (var item in _items.Values)
            if (item.Collection == "instances" && item.Inserting && item["status"] == "PROVISIONING" && _works.Values.FirstOrDefault(w => w.Target == item && !w.Ended) is { } building
                && now - building.Begun > (building.Due - building.Begun) / 2)
                item["status"] = "STAGING";
    }

    private JsonObject OperationBody(Work work)
    {
        var now = _time.GetUtcNow();
        var share = work.Ended ? 100 : work.Due == work.Begun ? 0 : Math.Clamp((int)(100 * (now - work.Begun) / (work.Due - work.Begun)), 0, 99);
        var body = new JsonObject
        {
            ["kind"] = "compute#operation",
            ["id"] = work.Id,
            ["name"] = work.Name,
            ["operationType"] = work.Type,
            ["targetLink"] = work.TargetLink,
            ["targetId"] = work.TargetId,
            ["status"] = work.Ended ? "DONE" : share == 0 ? "PENDING" : "RUNNING",
            ["user"] = "double@example.com",
            ["progress"] = share,
            ["insertTime"] = work.Stamp,
            ["startTime"] = work.Stamp,
            ["selfLink"] = Link(work.Path),
        };
        if (work.Scope != "global")
            body[work.Scope.StartsWith("zones", StringComparison.Ordinal) ? "zone" : "region"] = Link(work.Scope);
        if (work.RequestId is { } id)
            body["clientOperationId"] = id;
        if (!work.Ended)
            return body;
        body["endTime"] = work.EndStamp;
        if (work.Failure is not { } failure)
            return body;
        body["error"] = new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["code"] = failure.Code, ["message"] = failure.Message }) };
        if (StatusOf(failure.Code) is { } status)
        {
            body["httpErrorStatusCode"] = status;
            body["httpErrorMessage"] = status == 403 ? "FORBIDDEN" : "SERVICE UNAVAILABLE";
        }

        return body;
    }

    private static int? StatusOf(string code) => code.StartsWith("ZONE_RESOURCE_POOL_EXHAUSTED", StringComparison.Ordinal) ? 503 : code == "QUOTA_EXCEEDED" ? 403 : null;

    private CloudResponse OperationRoute(CloudRequest request, string scope, string[] path)
    {
        var operations = scope == "global" ? "globalOperations" : scope.StartsWith("zones", StringComparison.Ordinal) ? "zoneOperations" : "regionOperations";
        Allow($"compute.{operations}.{(path.Length == 1 ? "list" : request.Method == "DELETE" ? "delete" : "get")}");
        if (path.Length == 1)
            return OperationList(request, scope);
        var known = _works.TryGetValue($"{scope}/operations/{path[1]}", out var work) && !work.Forgotten ? work : throw NotFound($"projects/{ProjectId}/{scope}/operations/{path[1]}");
        if (request.Method == "DELETE")
        {
            known.Forgotten = true;
            return new CloudResponse { Status = 204 };
        }

        return Json(OperationBody(known));
    }

    private List<JsonObject> OperationsOf(CloudRequest request, Func<Work, bool> of)
    {
        var matches = Filters.Parse(request.Parameter("filter"));
        return [.. _works.Values.Where(w => !w.Forgotten && of(w)).Select(OperationBody).Where(b => matches(b)).Take(500)];
    }

    private CloudResponse OperationList(CloudRequest request, string scope)
    {
        var all = OperationsOf(request, w => w.Scope == scope);
        var answer = new JsonObject { ["kind"] = "compute#operationList", ["id"] = $"projects/{ProjectId}/{scope}/operations", ["selfLink"] = Link($"{scope}/operations") };
        if (all.Count > 0)
            answer["items"] = new JsonArray([.. all]);
        return Json(answer);
    }

    private CloudResponse AggregatedOperations(CloudRequest request)
    {
        var items = new JsonObject();
        foreach (var scope in Catalog.Zones.Select(z => "zones/" + z).Concat(Catalog.Regions.Select(r => "regions/" + r)).Prepend("global"))
        {
            var all = OperationsOf(request, w => w.Scope == scope);
            items[scope] = all.Count > 0 ? new JsonObject { ["operations"] = new JsonArray([.. all]) } : new JsonObject { ["warning"] = Warning("NO_RESULTS_ON_PAGE", scope) };
        }

        return Json(new JsonObject
        {
            ["kind"] = "compute#operationAggregatedList", ["id"] = $"projects/{ProjectId}/aggregated/operations", ["items"] = items, ["selfLink"] = Link("aggregated/operations"),
        });
    }

    private sealed class Work
    {
        public required string Name { get; init; }
        public required string Path { get; init; }
        public required string Scope { get; init; }
        public required string Type { get; init; }
        public required string Id { get; init; }
        public required DateTimeOffset Begun { get; init; }
        public required string Stamp { get; init; }
        public required DateTimeOffset Due { get; init; }
        public required string TargetLink { get; init; }
        public required string TargetId { get; init; }
        public required (string Code, string Message)? Failure { get; init; }
        public required Action Done { get; init; }
        public required string? RequestId { get; init; }
        public required Item Target { get; init; }
        public bool Ended { get; set; }
        public string EndStamp { get; set; } = "";
        public bool Forgotten { get; set; }
    }
}
