using System.Net;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Instances.</summary>
public sealed partial class GcpCloud
{
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
}
