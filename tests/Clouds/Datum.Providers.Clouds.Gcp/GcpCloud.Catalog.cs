using System.Globalization;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>What is only read: the project, places, sizes, disk types, images.</summary>
public sealed partial class GcpCloud
{
    private JsonObject ProjectBody() => new()
    {
        ["kind"] = "compute#project",
        ["id"] = ProjectNumber.ToString(CultureInfo.InvariantCulture),
        ["creationTimestamp"] = "2020-01-01T00:00:00.000-07:00",
        ["name"] = ProjectId,
        ["selfLink"] = LinkBase + "projects/" + ProjectId,
        ["defaultServiceAccount"] = $"{ProjectNumber}-compute@developer.gserviceaccount.com",
        ["defaultNetworkTier"] = "PREMIUM",
        ["xpnProjectStatus"] = "UNSPECIFIED_XPN_PROJECT_STATUS",
        ["commonInstanceMetadata"] = new JsonObject { ["kind"] = "compute#metadata" },
        ["quotas"] = new JsonArray([.. QuotaNames.Select(q => QuotaBody(q.Metric, q.Collection))]),
    };

    private static readonly ImmutableArray<(string Metric, string Collection)> QuotaNames =
        [("NETWORKS", "networks"), ("FIREWALLS", "firewalls"), ("SUBNETWORKS", "subnetworks"), ("ROUTES", "routes")];

    private JsonObject QuotaBody(string metric, string collection) => new()
    {
        ["metric"] = metric,
        ["limit"] = (double)Knobs.Quotas.GetValueOrDefault(collection, 1000),
        ["usage"] = (double)_items.Values.Count(i => i.Collection == collection),
    };

    private CloudResponse CatalogRoute(CloudRequest request, string[] path)
    {
        if (path[0] is "zones" or "regions" && path.Length <= 2)
        {
            Allow($"compute.{path[0]}.{(path.Length == 1 ? "list" : "get")}");
            var all = (path[0] == "zones" ? Catalog.Zones : Catalog.Regions).Select(n => PlaceBody(path[0], n)).ToList();
            return path.Length == 1 ? ListOf(request, path[0], path[0], all) : Json(all.FirstOrDefault(p => p["name"]!.ToString() == path[1]) ?? throw NotFound($"projects/{ProjectId}/{string.Join('/', path)}"));
        }

        Allow($"compute.{path[2]}.{(path.Length == 3 ? "list" : "get")}");
        var scope = $"zones/{path[1]}";
        var offered = Offered(path[2], path[1]).ToList();
        return path.Length == 3 ? ListOf(request, path[2], $"{scope}/{path[2]}", offered)
            : Json(offered.FirstOrDefault(o => o["name"]!.ToString() == path[3]) ?? throw NotFound($"projects/{ProjectId}/{string.Join('/', path)}"));
    }

    private CloudResponse CatalogAggregated(CloudRequest request, string collection)
    {
        var matches = Filters.Parse(request.Parameter("filter"));
        var items = new JsonObject();
        foreach (var zone in Catalog.Zones)
            items["zones/" + zone] = new JsonObject { [collection] = new JsonArray([.. Offered(collection, zone).Where(o => matches(o))]) };
        return Json(new JsonObject { ["kind"] = $"compute#{Kinds[collection]}AggregatedList", ["id"] = $"projects/{ProjectId}/aggregated/{collection}", ["items"] = items, ["selfLink"] = Link("aggregated/" + collection) });
    }

    private JsonObject PlaceBody(string collection, string name)
    {
        var body = new JsonObject
        {
            ["kind"] = $"compute#{Kinds[collection]}",
            ["id"] = (1000 + Catalog.Zones.IndexOf(name)).ToString(CultureInfo.InvariantCulture),
            ["creationTimestamp"] = "2014-05-30T18:35:16.514-07:00",
            ["name"] = name,
            ["description"] = name,
            ["status"] = "UP",
            ["selfLink"] = Link($"{collection}/{name}"),
        };
        if (collection == "zones")
        {
            body["region"] = Link("regions/" + Catalog.RegionOf(name));
            return body;
        }

        body["zones"] = new JsonArray([.. Catalog.Zones.Where(z => Catalog.RegionOf(z) == name).Select(z => JsonValue.Create(Link("zones/" + z)))]);
        body["quotas"] = new JsonArray(QuotaBody("INSTANCES", "instances"), QuotaBody("IN_USE_ADDRESSES", "addresses"), new JsonObject { ["metric"] = "CPUS", ["limit"] = 2400.0, ["usage"] = 2.0 * _items.Values.Count(i => i.Collection == "instances") });
        return body;
    }

    private IEnumerable<JsonObject> Offered(string collection, string zone)
    {
        var number = 0;
        if (collection == "diskTypes")
        {
            foreach (var type in Catalog.DiskTypes)
                yield return new JsonObject
                {
                    ["kind"] = "compute#diskType", ["id"] = (30000 + number++).ToString(CultureInfo.InvariantCulture), ["name"] = type, ["description"] = type, ["validDiskSize"] = "10GB-65536GB", ["defaultDiskSizeGb"] = "500",
                    ["zone"] = Link("zones/" + zone), ["selfLink"] = Link($"zones/{zone}/diskTypes/{type}"),
                };
            yield break;
        }

        foreach (var (name, (cpus, memory)) in Catalog.MachineTypes)
            yield return new JsonObject
            {
                ["kind"] = "compute#machineType", ["id"] = (801000 + number++).ToString(CultureInfo.InvariantCulture), ["name"] = name, ["description"] = $"{cpus} vCPUs {memory} MB RAM", ["guestCpus"] = cpus, ["memoryMb"] = memory,
                ["imageSpaceGb"] = 0, ["maximumPersistentDisks"] = 128, ["maximumPersistentDisksSizeGb"] = "263168", ["isSharedCpu"] = name is "e2-micro" or "f1-micro", ["zone"] = zone, ["selfLink"] = Link($"zones/{zone}/machineTypes/{name}"),
            };
    }

    private CloudResponse ListOf(CloudRequest request, string collection, string id, List<JsonObject> all)
    {
        var matches = Filters.Parse(request.Parameter("filter"));
        var answer = new JsonObject { ["kind"] = $"compute#{Kinds[collection]}List", ["id"] = $"projects/{ProjectId}/{id}", ["selfLink"] = Link(id) };
        if (all.Where(a => matches(a)).ToList() is { Count: > 0 } shown)
            answer["items"] = new JsonArray([.. shown]);
        return Json(answer);
    }

    /// <summary>Projects with public images.</summary>
    private CloudResponse PublicRoute(CloudRequest request, string[] path) => path is [var project, "global", "images", .. var rest]
        ? ImageRoute(request, project, rest)
        : throw new GcpError(403, "forbidden", $"Required 'compute.projects.get' permission for 'projects/{path[0]}'");

    private CloudResponse ImageRoute(CloudRequest request, string project, string[] path)
    {
        Allow(path switch { [] => "compute.images.list", ["family", ..] => "compute.images.getFromFamily", _ => "compute.images.get" });
        if (path.Length == 0)
            return ListOf(request, "images", "global/images", [.. Catalog.ImagesOf(project).Select(Shown)]);
        var name = $"projects/{project}/global/images/{string.Join('/', path)}";
        return Json(Shown(Catalog.Image(name, ProjectId) ?? throw NotFound(name)));

        static JsonObject Shown(JsonObject image)
        {
            image.Remove("path");
            return image;
        }
    }
}
