using System.Globalization;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Compute Engine: routes, reads, inserts and deletes that all collections have in common.</summary>
public sealed partial class GcpCloud
{
    internal const string LinkBase = "https://www.googleapis.com/compute/v1/";

    private static readonly ImmutableDictionary<string, string> Kinds = new Dictionary<string, string>
    {
        ["networks"] = "network", ["subnetworks"] = "subnetwork", ["firewalls"] = "firewall", ["routes"] = "route", ["addresses"] = "address",
        ["disks"] = "disk", ["instances"] = "instance", ["images"] = "image", ["machineTypes"] = "machineType", ["diskTypes"] = "diskType",
        ["zones"] = "zone", ["regions"] = "region", ["operations"] = "operation",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    private string Link(string path) => path.StartsWith("projects/", StringComparison.Ordinal) ? LinkBase + path : $"{LinkBase}projects/{ProjectId}/{path}";

    /// <summary>Whole and partial addresses as a path below the project; of another project with its name in front.</summary>
    private string PathOf(string reference)
    {
        var at = reference.IndexOf("projects/", StringComparison.Ordinal);
        if (at < 0)
            return reference.TrimStart('/');
        var rest = reference[(at + 9)..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && (rest[..slash] == ProjectId || rest[..slash] == ProjectNumber.ToString(CultureInfo.InvariantCulture)) ? rest[(slash + 1)..] : reference[at..];
    }

    private CloudResponse ComputeRoute(CloudRequest request, string[] path)
    {
        if (path.Length == 0)
        {
            Allow("compute.projects.get");
            return Json(ProjectBody());
        }

        if (path is ["aggregated", var all])
            return Aggregated(request, all);
        if (path is ["regions" or "zones"] or ["regions" or "zones", _])
            return CatalogRoute(request, path);
        var (scope, rest) = path[0] == "global" ? ("global", path[1..]) : path.Length > 2 ? ($"{path[0]}/{path[1]}", path[2..]) : throw NotFound(string.Join('/', path));
        CheckScope(scope);
        return rest switch
        {
            ["operations", ..] => OperationRoute(request, scope, rest),
            ["machineTypes" or "diskTypes", ..] => CatalogRoute(request, path),
            ["images", ..] => ImageRoute(request, ProjectId, rest[1..]),
            [var collection] when Kinds.ContainsKey(collection) => request.Method switch
            {
                "GET" => List(request, scope, collection),
                "POST" => Insert(request, scope, collection, ReadBody(request)),
                _ => throw NotFound(request.Path),
            },
            [var collection, var name] when Kinds.ContainsKey(collection) => request.Method switch
            {
                "GET" => Get(collection, $"{scope}/{collection}/{name}"),
                "DELETE" => Delete(request, Find(collection, $"{scope}/{collection}/{name}", "delete")),
                "PATCH" or "PUT" => Change(request, Find(collection, $"{scope}/{collection}/{name}", "update")),
                _ => throw NotFound(request.Path),
            },
            [var collection, var name, var verb] => Verb(request, Find(collection, $"{scope}/{collection}/{name}", verb), verb),
            _ => throw NotFound(request.Path),
        };
    }

    private static readonly (string Field, string Permission)[] _ofInstances = [("metadata", "setMetadata"), ("tags", "setTags"), ("serviceAccounts", "setServiceAccount")];

    private void CheckScope(string scope)
    {
        var name = scope[(scope.IndexOf('/', StringComparison.Ordinal) + 1)..];
        if (Knobs.Unreachable.Contains(name))
            throw new GcpError(503, "backendError", $"The backend of {name} doesn't answer.");
        if (scope == "global" || Catalog.Zones.Contains(name) || Catalog.Regions.Contains(name))
            return;
        throw new GcpError(404, "notFound", $"The resource 'projects/{ProjectId}/{scope}' was not found");
    }

    private CloudResponse Get(string collection, string path)
    {
        Allow($"compute.{collection}.get", path);
        return _items.TryGetValue(path, out var item) && !item.Hidden ? Json(item.Body.DeepClone()) : throw NotFound($"projects/{ProjectId}/{path}");
    }

    private Item Find(string collection, string path, string verb)
    {
        Allow($"compute.{collection}.{(verb == "serialPort" ? "getSerialPortOutput" : verb)}", path);
        if (collection == "firewalls" && verb != "get")
            Allow("compute.networks.updatePolicy", path);
        return _items.TryGetValue(path, out var item) ? item : throw NotFound($"projects/{ProjectId}/{path}");
    }

    private static GcpError NotFound(string path) => new(404, "notFound", $"The resource '{path}' was not found");

    // ---- lists

    private CloudResponse List(CloudRequest request, string scope, string collection)
    {
        Allow($"compute.{collection}.list");
        var (page, next) = Page(request, Listed(i => i.Scope == scope && i.Collection == collection, request.Parameter("filter")));
        var kind = Kinds[collection];
        var answer = new JsonObject
        {
            ["kind"] = $"compute#{kind}List",
            ["id"] = $"projects/{ProjectId}/{scope}/{collection}",
            ["items"] = new JsonArray([.. page.Select(i => i.Body.DeepClone())]),
            ["selfLink"] = Link($"{scope}/{collection}"),
        };
        if (page.Count == 0)
            answer.Remove("items");
        if (next is not null)
            answer["nextPageToken"] = next;
        return Json(answer);
    }

    private CloudResponse Aggregated(CloudRequest request, string collection)
    {
        Allow(collection == "operations" ? "compute.globalOperations.list" : $"compute.{collection}.list");
        if (collection == "operations")
            return AggregatedOperations(request);
        if (collection is "machineTypes" or "diskTypes")
            return CatalogAggregated(request, collection);
        var zonal = collection is "instances" or "disks";
        var scopes = (zonal ? Catalog.Zones.Select(z => "zones/" + z) : Catalog.Regions.Select(r => "regions/" + r)).ToList();
        var lost = scopes.Where(s => Knobs.Unreachable.Contains(s[(s.IndexOf('/', StringComparison.Ordinal) + 1)..])).ToList();
        if (lost.Count > 0 && !Knobs.PartialLists)
            throw new GcpError(503, "backendError", $"{lost[0]} doesn't answer.");
        var (page, next) = Page(request, Listed(i => i.Collection == collection && scopes.Contains(i.Scope) && !lost.Contains(i.Scope), request.Parameter("filter")));
        var items = new JsonObject();
        foreach (var scope in scopes)
        {
            var own = page.Where(i => i.Scope == scope).ToList();
            items[scope] = own.Count > 0
                ? new JsonObject { [collection] = new JsonArray([.. own.Select(i => i.Body.DeepClone())]) }
                : new JsonObject { ["warning"] = Warning(lost.Contains(scope) ? "UNREACHABLE" : "NO_RESULTS_ON_PAGE", scope) };
        }

        var answer = new JsonObject
        {
            ["kind"] = $"compute#{Kinds[collection]}AggregatedList",
            ["id"] = $"projects/{ProjectId}/aggregated/{collection}",
            ["items"] = items,
            ["selfLink"] = Link($"aggregated/{collection}"),
        };
        if (lost.Count > 0)
            answer["unreachables"] = new JsonArray([.. lost.Select(l => JsonValue.Create(Link(l)))]);
        if (next is not null)
            answer["nextPageToken"] = next;
        return Json(answer);
    }

    private static JsonObject Warning(string code, string scope) => new()
    {
        ["code"] = code,
        ["message"] = code == "UNREACHABLE" ? $"'{scope}' could not be reached." : $"There are no results for scope '{scope}' on this page.",
        ["data"] = new JsonArray(new JsonObject { ["key"] = "scope", ["value"] = scope }),
    };

    private List<Item> Listed(Func<Item, bool> of, string? filter)
    {
        var now = _time.GetUtcNow();
        var matches = Filters.Parse(filter);
        return [.. _items.Values.Where(i => !i.Hidden && i.ListedFrom <= now)
            .Concat(_ghosts.Where(g => g.Until > now && !_items.ContainsKey(g.Item.Path)).Select(g => g.Item))
            .Where(i => of(i) && matches(i.Body)).OrderBy(i => i.Path, StringComparer.Ordinal)];
    }

    private (List<Item> Page, string? Next) Page(CloudRequest request, List<Item> all)
    {
        var wanted = int.TryParse(request.Parameter("maxResults"), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 500;
        if (wanted > 500)
            throw new GcpError(400, "invalidParameter", "Invalid value for field 'maxResults': must be at most 500.");
        var size = Math.Max(1, Math.Min(wanted == 0 ? 500 : wanted, Knobs.PageSize ?? 500));
        var after = request.Parameter("pageToken") is { Length: > 0 } token ? ReadToken(token) : null;
        var rest = all.Where(i => after is null || string.CompareOrdinal(i.Path, after) > 0).ToList();
        return rest.Count > size ? (rest[..size], Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("page:" + rest[size - 1].Path))) : (rest, null);
    }

    private static string ReadToken(string token)
    {
        try
        {
            var text = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(token));
            if (text.StartsWith("page:", StringComparison.Ordinal))
                return text[5..];
        }
        catch (FormatException)
        {
            // Said below.
        }

        throw new GcpError(400, "invalid", "Invalid value for field 'pageToken': the token isn't one of this list.");
    }

    // ---- insert and delete

    private CloudResponse Insert(CloudRequest request, string scope, string collection, JsonObject body)
    {
        AllowCreate(collection, body);
        if (Replayed(request) is { } before)
            return Json(before);
        var name = body["name"]?.ToString() ?? throw new GcpError(400, "required", "Required field 'resource.name' not specified");
        if (!NameShape().IsMatch(name))
            throw new GcpError(400, "invalid", $"Invalid value for field 'resource.name': '{name}'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?)'");
        var path = $"{scope}/{collection}/{name}";
        if (_items.ContainsKey(path))
            throw new GcpError(409, "alreadyExists", $"The resource 'projects/{ProjectId}/{path}' already exists");
        var now = _time.GetUtcNow();
        var item = new Item { Path = path, Collection = collection, Scope = scope, Body = body, Created = now };
        var failure = Prepare(item);
        if (_faults.FirstOrDefault(f => f.Collection == collection) is { Collection: not null } fault)
        {
            _faults.Remove(fault);
            failure = (fault.Code, fault.Message);
        }

        if (Knobs.Quotas.TryGetValue(collection, out var most) && _items.Values.Count(i => i.Collection == collection) >= most)
            failure = ("QUOTA_EXCEEDED", $"Quota '{collection.ToUpperInvariant()}' exceeded.  Limit: {most}.0 in region us-central1.");
        item.Body["kind"] = $"compute#{Kinds[collection]}";
        item.Body["id"] = NextId();
        item.Body["creationTimestamp"] = Stamp();
        item.Body["selfLink"] = Link(path);
        if (scope != "global")
            item.Body[scope.StartsWith("zones", StringComparison.Ordinal) ? "zone" : "region"] = Link(scope);
        Touch(item);
        item.Inserting = true;
        item.Hidden = Knobs.HideUntilDone && collection is "networks" or "subnetworks" or "firewalls" or "addresses";
        item.ListedFrom = now + Knobs.ListLag;
        _items[path] = item;
        try
        {
            OnInserted(item);
        }
        catch (GcpError)
        {
            _items.Remove(path);
            throw;
        }

        return Json(Start(request, item, "insert", failure, () =>
        {
            item.Inserting = false;
            item.Hidden = false;
            if (failure is null)
                OnReady(item);
            else
                Remove(item);
        }));
    }

    // One request may need more than the right to create.
    private void AllowCreate(string collection, JsonObject body)
    {
        Allow($"compute.{collection}.create");
        if (collection is "firewalls" or "subnetworks")
            Allow("compute.networks.updatePolicy");
        if (body["labels"] is not null)
            Allow($"compute.{collection}.setLabels");
        if (collection != "instances")
            return;
        foreach (var (field, permission) in _ofInstances)
            if (body[field] is not null)
                Allow("compute.instances." + permission);
        foreach (var disk in (body["disks"] as JsonArray ?? []).OfType<JsonObject>())
            Allow(disk["source"] is null ? "compute.disks.create" : "compute.disks.use");
        if ((body["disks"] as JsonArray ?? []).Any(d => d?["initializeParams"]?["labels"] is not null))
            Allow("compute.disks.setLabels");
        foreach (var face in (body["networkInterfaces"] as JsonArray ?? []).OfType<JsonObject>())
        {
            Allow("compute.subnetworks.use");
            if (face["accessConfigs"] is JsonArray { Count: > 0 } || face["ipv6AccessConfigs"] is JsonArray { Count: > 0 })
                Allow("compute.subnetworks.useExternalIp");
        }
    }

    private CloudResponse Delete(CloudRequest request, Item item)
    {
        if (Replayed(request) is { } before)
            return Json(before);
        if ((item.Inserting && item.Collection != "instances") || item.Deleting)
            throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{item.Path}' is not ready");
        CheckUnused(item);
        item.Deleting = true;
        if (item.Collection is "instances" or "disks")
            item["status"] = item.Collection == "instances" ? "STOPPING" : "DELETING";
        Touch(item);
        return Json(Start(request, item, "delete", null, () => Remove(item)));
    }

    private void Remove(Item item)
    {
        if (!_items.Remove(item.Path))
            return;
        if (item.ListedFrom <= _time.GetUtcNow())
            _ghosts.Add((item, _time.GetUtcNow() + Knobs.ListLag));
        OnRemoved(item);
    }

    private static void Touch(Item item)
    {
        item.Revision++;
        if (item.Collection is "networks" or "firewalls" or "images")
            return;
        if (item.Body["labels"] is not null || item.Collection is "instances" or "disks" or "addresses")
            item.Body["labelFingerprint"] = Print(item.Body["labels"]);
        if (item.Collection == "subnetworks")
            item.Body["fingerprint"] = Print(item.Body["ipCidrRange"], item.Body["description"], item.Body["privateIpGoogleAccess"]);
        if (item.Collection != "instances")
            return;
        item.Body["fingerprint"] = Convert.ToBase64String(BitConverter.GetBytes(item.Revision));
        if (item.Body["tags"] is JsonObject tags)
            tags["fingerprint"] = Print(tags["items"]);
        if (item.Body["metadata"] is JsonObject metadata)
            metadata["fingerprint"] = Print(metadata["items"]);
    }

    /// <summary>The platform's fingerprints: they change with what they are of.</summary>
    private static string Print(params JsonNode?[] of) =>
        Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('|', of.Select(n => n?.ToJsonString()))))[..8]);

    private static void CheckPrint(JsonNode? sent, JsonNode? current, string what)
    {
        if (sent?.ToString() != current?.ToString())
            throw new GcpError(412, "conditionNotMet", $"{what} fingerprint either invalid or resource labels have changed");
    }

    [GeneratedRegex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", RegexOptions.CultureInvariant)]
    private static partial Regex NameShape();
}
