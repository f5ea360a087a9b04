using System.Globalization;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Disks, by themselves and at instances.</summary>
public sealed partial class GcpCloud
{
    private void PrepareDisk(Item item)
    {
        var body = item.Body;
        body["type"] = Link(Catalog.DiskType(PathOf(body["type"]?.ToString() ?? $"{item.Scope}/diskTypes/pd-standard"), item.Scope));
        var floor = 1L;
        if (body["sourceImage"]?.ToString() is { } source)
        {
            var image = Catalog.Image(PathOf(source), ProjectId) ?? throw NotFound(PathOf(source));
            body["sourceImage"] = Link(image["path"]!.ToString());
            body["sourceImageId"] = image["id"]!.ToString();
            floor = long.Parse(image["diskSizeGb"]!.ToString(), CultureInfo.InvariantCulture);
        }

        var size = long.TryParse(body["sizeGb"]?.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : Math.Max(floor, 500);
        if (size < floor)
            throw Invalid("sizeGb", size.ToString(CultureInfo.InvariantCulture), $"Requested disk size cannot be smaller than the image size ({floor} GB)");
        if (size is < 1 or > 65536)
            throw Invalid("sizeGb", size.ToString(CultureInfo.InvariantCulture), "Disk size must be 1 to 65536 GB.");
        body["sizeGb"] = size.ToString(CultureInfo.InvariantCulture);
        body["physicalBlockSizeBytes"] = "4096";
        body["status"] = "CREATING";
    }

    private void AttachDisks(Item item)
    {
        var disks = (JsonArray)item.Body["disks"]!;
        for (var i = 0; i < disks.Count; i++)
        {
            var disk = (JsonObject)disks[i]!;
            disk["kind"] = "compute#attachedDisk";
            disk["index"] = i;
            disk["type"] ??= "PERSISTENT";
            disk["mode"] ??= "READ_WRITE";
            disk["boot"] ??= i == 0;
            disk["autoDelete"] ??= false;
            disk["interface"] = "SCSI";
            disk["deviceName"] ??= i == 0 ? item.Name : $"persistent-disk-{i}";
            var source = disk["initializeParams"] is JsonObject wish ? MakeBootDisk(item, disk, wish) : _items[PathOf(disk["source"]!.ToString())];
            disk.Remove("initializeParams");
            disk["source"] = source["selfLink"];
            disk["diskSizeGb"] = source["sizeGb"];
            Use(source, item);
        }
    }

    private Item MakeBootDisk(Item item, JsonObject attached, JsonObject wish)
    {
        var name = wish["diskName"]?.ToString() ?? item.Name;
        var path = $"{item.Scope}/disks/{name}";
        if (_items.ContainsKey(path))
            throw new GcpError(409, "alreadyExists", $"The resource 'projects/{ProjectId}/{path}' already exists");

        var disk = new Item { Path = path, Collection = "disks", Scope = item.Scope, Created = item.Created, Body = new JsonObject { ["name"] = name } };
        foreach (var (from, to) in ((string, string)[])[("sourceImage", "sourceImage"), ("diskSizeGb", "sizeGb"), ("diskType", "type"), ("labels", "labels"), ("description", "description")])
            if (wish[from] is { } value)
                disk.Body[to] = value.DeepClone();
        if (disk.Body["sourceImage"] is null)
            throw new GcpError(400, "required", "A boot disk needs an image.");
        PrepareDisk(disk);
        disk.Body["kind"] = "compute#disk";
        disk.Body["id"] = NextId();
        disk.Body["creationTimestamp"] = Stamp();
        disk.Body["selfLink"] = Link(path);
        disk.Body["zone"] = Link(item.Scope);
        disk["status"] = "READY";
        disk.ListedFrom = item.ListedFrom;
        Touch(disk);
        _items[path] = disk;
        attached["autoDelete"] ??= true;
        return disk;
    }

    private static void Use(Item disk, Item instance)
    {
        var users = disk.Body["users"] as JsonArray ?? [];
        disk.Body["users"] = new JsonArray([.. users.Select(u => u!.ToString()).Append(instance["selfLink"]!).Distinct().Select(u => JsonValue.Create(u))]);
        disk.Revision++;
    }

    private void ReleaseDisks(Item instance)
    {
        foreach (var attached in (JsonArray)instance.Body["disks"]!)
            if (_items.TryGetValue(PathOf(attached!["source"]?.ToString() ?? ""), out var disk))
                Release(disk, instance, attached["autoDelete"]?.GetValue<bool>() == true);
    }

    private void Release(Item disk, Item instance, bool remove)
    {
        var left = (disk.Body["users"] as JsonArray ?? []).Select(u => u!.ToString()).Where(u => u != instance["selfLink"]).ToList();
        disk.Body.Remove("users");
        if (left.Count > 0)
            disk.Body["users"] = new JsonArray([.. left.Select(u => JsonValue.Create(u))]);
        disk.Revision++;
        if (remove)
            Remove(disk);
    }

    private static Action SetAutoDelete(CloudRequest request, Item item)
    {
        var device = request.Parameter("deviceName");
        var attached = ((JsonArray)item.Body["disks"]!).FirstOrDefault(d => d!["deviceName"]?.ToString() == device) ?? throw Invalid("deviceName", device ?? "", "No attached disk found.");
        return () => attached["autoDelete"] = request.Parameter("autoDelete") == "true";
    }

    private Action Attach(Item item, JsonObject body)
    {
        var source = Ready(body, "source", "disks");
        if (source.Body["users"] is JsonArray { Count: > 0 } users)
            throw InUse(source, users[0]!.ToString()[LinkBase.Length..]);
        return () =>
        {
            var attached = (JsonObject)body.DeepClone();
            attached["kind"] = "compute#attachedDisk";
            attached["source"] = source["selfLink"];
            attached["index"] = ((JsonArray)item.Body["disks"]!).Count;
            attached["diskSizeGb"] = source["sizeGb"];
            attached["deviceName"] ??= source.Name;
            ((JsonArray)item.Body["disks"]!).Add(attached);
            Use(source, item);
        };
    }

    private Action Detach(CloudRequest request, Item item)
    {
        var device = request.Parameter("deviceName") ?? throw new GcpError(400, "required", "Required parameter 'deviceName' not specified");
        var attached = ((JsonArray)item.Body["disks"]!).FirstOrDefault(d => d!["deviceName"]?.ToString() == device) ?? throw Invalid("deviceName", device, "No attached disk found.");
        return () =>
        {
            ((JsonArray)item.Body["disks"]!).Remove(attached);
            if (_items.TryGetValue(PathOf(attached["source"]!.ToString()), out var disk))
                Release(disk, item, remove: false);
        };
    }

    private static Action Resize(Item item, JsonObject body)
    {
        var size = long.Parse(body["sizeGb"]?.ToString() ?? "0", CultureInfo.InvariantCulture);
        if (size <= long.Parse(item["sizeGb"]!, CultureInfo.InvariantCulture))
            throw Invalid("sizeGb", size.ToString(CultureInfo.InvariantCulture), "New disk size must be larger than existing size.");
        return () => item["sizeGb"] = size.ToString(CultureInfo.InvariantCulture);
    }
}
