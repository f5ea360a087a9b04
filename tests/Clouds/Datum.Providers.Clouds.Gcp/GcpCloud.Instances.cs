using System.Globalization;
using System.Net;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Instances and disks.</summary>
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

    private (string Code, string Message)? PrepareInstance(Item item)
    {
        var body = item.Body;
        var zone = item.Scope[6..];
        var type = PathOf(body["machineType"]?.ToString() ?? throw new GcpError(400, "required", "Required field 'resource.machineType' not specified"));
        if (!Catalog.MachineTypes.ContainsKey(type[(type.LastIndexOf('/') + 1)..]) || !type.StartsWith(item.Scope + "/", StringComparison.Ordinal))
            throw Invalid("machineType", type, $"Machine type with name '{type[(type.LastIndexOf('/') + 1)..]}' does not exist in zone '{zone}'.");
        body["machineType"] = Link(type);
        body["status"] = "PROVISIONING";
        body["cpuPlatform"] = "Unknown CPU Platform";
        body["canIpForward"] ??= false;
        body["deletionProtection"] ??= false;
        body["startRestricted"] = false;
        body["scheduling"] ??= new JsonObject { ["onHostMaintenance"] = "MIGRATE", ["automaticRestart"] = true, ["preemptible"] = false, ["provisioningModel"] = "STANDARD" };
        body["tags"] ??= new JsonObject();
        body["metadata"] ??= new JsonObject();
        body["metadata"]!["kind"] = "compute#metadata";
        CheckMetadata(body["metadata"]!);
        PrepareInterfaces(body);
        if (body["disks"] is not JsonArray { Count: > 0 } disks || disks[0]!["boot"]?.GetValue<bool>() != true)
            throw new GcpError(400, "required", "At least one boot disk must be specified.");
        foreach (var disk in disks.Skip(1))
            if (Ready((JsonObject)disk!, "source", "disks") is { } source && source.Body["users"] is JsonArray { Count: > 0 } users && disk!["mode"]?.ToString() != "READ_ONLY")
                throw InUse(source, users[0]!.ToString()[LinkBase.Length..]);
        return Knobs.FullZones.Contains(zone)
            ? ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", $"The zone 'projects/{ProjectId}/zones/{zone}' does not have enough resources available to fulfill the request.  '(resource type:compute)'.")
            : null;
    }

    private static void CheckMetadata(JsonNode metadata)
    {
        var total = 0;
        foreach (var entry in metadata["items"] as JsonArray ?? [])
        {
            var size = System.Text.Encoding.UTF8.GetByteCount(entry!["value"]?.ToString() ?? "");
            total += size;
            if (size > 262144)
                throw Invalid("metadata.items", entry["key"]!.ToString(), "Metadata value is larger than 262144 bytes.");
        }

        if (total > 524288)
            throw Invalid("metadata", $"{total} bytes", "All metadata is larger than 524288 bytes.");
    }

    private void PrepareInterfaces(JsonObject body)
    {
        if (body["networkInterfaces"] is not JsonArray { Count: > 0 } nics)
            throw new GcpError(400, "required", "At least one network interface is required.");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < nics.Count; i++)
        {
            var nic = (JsonObject)nics[i]!;
            var subnet = Ready(nic, "subnetwork", "subnetworks");
            nic["subnetwork"] = Link(subnet.Path);
            if (nic["network"]?.ToString() is { } network && Link(PathOf(network)) != subnet["network"])
                throw Invalid($"networkInterfaces[{i}].network", network, "The subnetwork isn't one of this network.");
            nic["network"] = subnet["network"];
            if (!seen.Add(subnet["network"]!))
                throw Invalid($"networkInterfaces[{i}]", subnet.Path, "Networks must be distinct for NICs in the same VM.");
            nic["networkIP"] ??= FreeAddress(subnet);
            nic["name"] = $"nic{i}";
            PrepareNicStack(nic, subnet, i);
            nic["kind"] = "compute#networkInterface";
            nic["fingerprint"] = Print(nic["networkIP"]);
            foreach (var access in nic["accessConfigs"] as JsonArray ?? [])
            {
                access!["kind"] = "compute#accessConfig";
                access["type"] ??= "ONE_TO_ONE_NAT";
                access["name"] ??= "External NAT";
                access["networkTier"] ??= "PREMIUM";
                access["natIP"] ??= NextExternal();
            }
        }
    }

    private string FreeAddress(Item subnet)
    {
        var prefix = IPNetwork.Parse(subnet["ipCidrRange"]!);
        var taken = _items.Values.Where(i => i.Collection == "instances").SelectMany(i => (JsonArray)i.Body["networkInterfaces"]!)
            .Where(n => n!["subnetwork"]?.ToString() == subnet["selfLink"]).Select(n => n!["networkIP"]!.ToString()).ToHashSet(StringComparer.Ordinal);
        // The first two and the last two of a subnet are the platform's.
        for (var n = 2L; n < (1L << (32 - prefix.PrefixLength)) - 2; n++)
            if (Host(prefix, n).ToString() is var address && !taken.Contains(address))
                return address;
        throw new GcpError(400, "IP_SPACE_EXHAUSTED", $"IP space of 'projects/{ProjectId}/{subnet.Path}' is exhausted.");
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

    private void PowerOn(Item item)
    {
        item["status"] = "RUNNING";
        item["lastStartTimestamp"] = Stamp();
        item["cpuPlatform"] = "Intel Cascade Lake";
        item.Serial = "";
        item.BootedAt = _time.GetUtcNow();
    }

    private CloudResponse Verb(CloudRequest request, Item item, string verb)
    {
        if (item.Collection == "instances" && verb == "serialPort")
            return SerialPort(request, item);
        if (request.Method != "POST")
            throw NotFound(request.Path);
        if (Replayed(request) is { } before)
            return Json(before);
        if (item.Deleting)
            throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{item.Path}' is not ready");
        // Methods without a body don't look at what is sent all the same.
        var body = verb is "start" or "stop" or "reset" or "resume" or "detachDisk" or "setDiskAutoDelete" or "setDeletionProtection" ? [] : ReadBody(request);
        Action done = (item.Collection, verb) switch
        {
            ("instances", "start") => () => PowerOn(item),
            ("instances", "resume") => () => Resume(item),
            ("instances", "stop") => () => PowerOff(item),
            ("instances", "reset") => () => PowerOn(item),
            ("instances", "setMetadata") => SetMetadata(item, body),
            ("instances", "setTags") => SetTags(item, body),
            ("instances" or "disks" or "addresses", "setLabels") => SetLabels(item, body),
            ("instances", "setMachineType") => SetMachineType(item, body),
            ("instances", "attachDisk") => Attach(item, body),
            ("instances", "detachDisk") => Detach(request, item),
            ("instances", "setDiskAutoDelete") => SetAutoDelete(request, item),
            ("instances", "setDeletionProtection") => () => item.Body["deletionProtection"] = request.Parameter("deletionProtection") != "false",
            ("disks", "resize") => Resize(item, body),
            _ => throw NotFound(request.Path),
        };
        if (item.Collection == "instances" && verb == "start")
        {
            if (item["status"] is not ("TERMINATED" or "RUNNING"))
                throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{item.Path}' is not ready");
            if (item["status"] == "TERMINATED")
                item["status"] = "STAGING";
        }
        else if (item.Collection == "instances" && verb == "resume")
        {
            if (item["status"] != "SUSPENDED")
                throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{item.Path}' is not ready");
            item["status"] = "PROVISIONING";
        }
        else if (item.Collection == "instances" && verb == "stop" && item["status"] != "TERMINATED")
        {
            item["status"] = "STOPPING";
        }

        Touch(item);
        return Json(Start(request, item, verb, null, () =>
        {
            done();
            Touch(item);
        }));
    }

    // The guest goes on where it was: it neither boots nor forgets what it said.
    private void Resume(Item item)
    {
        item["status"] = "RUNNING";
        item["lastStartTimestamp"] = Stamp();
    }

    private static Action SetAutoDelete(CloudRequest request, Item item)
    {
        var device = request.Parameter("deviceName");
        var attached = ((JsonArray)item.Body["disks"]!).FirstOrDefault(d => d!["deviceName"]?.ToString() == device) ?? throw Invalid("deviceName", device ?? "", "No attached disk found.");
        return () => attached["autoDelete"] = request.Parameter("autoDelete") == "true";
    }

    private static void PowerOff(Item item)
    {
        item["status"] = "TERMINATED";
        item.BootedAt = null;
        // An ephemeral address goes with the power.
        foreach (var access in ((JsonArray)item.Body["networkInterfaces"]!).SelectMany(n => n!["accessConfigs"] as JsonArray ?? []))
            ((JsonObject)access!).Remove("natIP");
    }

    private static Action SetMetadata(Item item, JsonObject body)
    {
        CheckPrint(body["fingerprint"], item.Body["metadata"]!["fingerprint"], "Supplied");
        CheckMetadata(body);
        return () => item.Body["metadata"] = new JsonObject { ["kind"] = "compute#metadata", ["items"] = body["items"]?.DeepClone() ?? new JsonArray() };
    }

    private static Action SetTags(Item item, JsonObject body)
    {
        CheckPrint(body["fingerprint"], item.Body["tags"]!["fingerprint"], "Supplied");
        return () => item.Body["tags"] = new JsonObject { ["items"] = body["items"]?.DeepClone() ?? new JsonArray() };
    }

    private static Action SetLabels(Item item, JsonObject body)
    {
        CheckPrint(body["labelFingerprint"], item.Body["labelFingerprint"], "Labels");
        return () => item.Body["labels"] = body["labels"]?.DeepClone() ?? new JsonObject();
    }

    private Action SetMachineType(Item item, JsonObject body)
    {
        if (item["status"] != "TERMINATED")
            throw new GcpError(400, "resourceNotReady", "Instance must be TERMINATED to change its machine type.");
        return () => item["machineType"] = Link(PathOf(body["machineType"]!.ToString()));
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
