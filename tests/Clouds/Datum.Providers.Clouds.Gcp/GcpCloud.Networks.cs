using System.Globalization;
using System.Net;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Networks, subnetworks, firewalls, routes and addresses.</summary>
public sealed partial class GcpCloud
{
    private int _externalAddresses;

    /// <summary>Checks what is asked for and fills in what the platform adds. A failure is told by the operation only.</summary>
    private (string Code, string Message)? Prepare(Item item)
    {
        var body = item.Body;
        switch (item.Collection)
        {
            case "networks":
                body["autoCreateSubnetworks"] ??= false;
                body["routingConfig"] ??= new JsonObject { ["routingMode"] = "REGIONAL" };
                body["networkFirewallPolicyEnforcementOrder"] ??= "AFTER_CLASSIC_FIREWALL";
                body["mtu"] ??= 1460;
                PrepareUla(body);
                if ((int)body["mtu"]! is < 1300 or > 8896)
                    throw Invalid("mtu", body["mtu"]!.ToString(), "Must be between 1300 and 8896");
                return null;
            case "subnetworks":
                body["network"] = Link(Ready(body, "network", "networks").Path);
                PrepareSubnetwork(item);
                return null;
            case "firewalls":
                body["network"] = Link(Ready(body, "network", "networks").Path);
                PrepareFirewall(body);
                return null;
            case "routes":
                body["network"] = Link(Ready(body, "network", "networks").Path);
                return null;
            case "addresses":
                body["addressType"] ??= "EXTERNAL";
                body["networkTier"] ??= "PREMIUM";
                body["ipVersion"] ??= "IPV4";
                body["status"] = "RESERVING";
                body.Remove("labels");
                return null;
            case "disks":
                PrepareDisk(item);
                return null;
            case "instances":
                return PrepareInstance(item);
            default:
                throw NotFound(item.Path);
        }
    }

    private void OnInserted(Item item)
    {
        if (item.Collection == "instances")
            AttachDisks(item);
    }

    private void OnReady(Item item)
    {
        if (item.Collection == "addresses")
        {
            item["address"] = NextExternal();
            item["status"] = "RESERVED";
        }
        else if (item.Collection == "disks")
        {
            item["status"] = "READY";
        }
        else if (item.Collection == "instances")
        {
            PowerOn(item);
        }
        else
        {
            return;
        }

        Touch(item);
    }

    private void OnRemoved(Item item)
    {
        if (item.Collection == "instances")
            ReleaseDisks(item);
    }

    private static GcpError Invalid(string field, string value, string why) => new(400, "invalid", $"Invalid value for field 'resource.{field}': '{value}'. {why}");

    private Item Ready(JsonObject body, string field, string collection)
    {
        var reference = body[field]?.ToString() ?? throw new GcpError(400, "required", $"Required field 'resource.{field}' not specified");
        var path = PathOf(reference);
        if (!path.Contains($"/{collection}/", StringComparison.Ordinal))
            throw Invalid(field, reference, $"The URL is malformed. It must name one of {collection}.");
        if (!_items.TryGetValue(path, out var item))
            throw NotFound($"projects/{ProjectId}/{path}");
        return item.Inserting || item.Deleting ? throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{path}' is not ready") : item;
    }

    private void PrepareSubnetwork(Item item)
    {
        var range = item["ipCidrRange"] ?? throw new GcpError(400, "required", "Required field 'resource.ipCidrRange' not specified");
        if (!IPNetwork.TryParse(range, out var prefix) || prefix.PrefixLength > 29)
            throw Invalid("ipCidrRange", range, "Must be a CIDR address range that is at most a /29.");
        foreach (var other in _items.Values.Where(i => i.Collection == "subnetworks" && i["network"] == item["network"]))
            if (IPNetwork.TryParse(other["ipCidrRange"]!, out var taken) && (taken.Contains(prefix.BaseAddress) || prefix.Contains(taken.BaseAddress)))
                throw Invalid("ipCidrRange", range, $"Invalid IPCidrRange: {range} conflicts with existing subnetwork '{other.Name}' in region '{other.Scope[8..]}'.");
        item.Body["gatewayAddress"] = Host(prefix, 1).ToString();
        PrepareStack(item);
        item.Body["purpose"] ??= "PRIVATE";
        item.Body["privateIpGoogleAccess"] ??= false;
        item.Body["privateIpv6GoogleAccess"] ??= "DISABLE_GOOGLE_ACCESS";
    }

    private static void PrepareFirewall(JsonObject body)
    {
        body["direction"] ??= "INGRESS";
        body["priority"] ??= 1000;
        body["disabled"] ??= false;
        body["logConfig"] ??= new JsonObject { ["enable"] = false };
        var allowed = body["allowed"] is JsonArray { Count: > 0 };
        if (allowed == body["denied"] is JsonArray { Count: > 0 })
            throw new GcpError(400, "required", "Required field 'resource.allowed' or 'resource.denied' not specified, and not both");
        var sources = (body["sourceRanges"] as JsonArray ?? []).Select(s => s!.ToString()).ToList();
        if (sources.Count > 256)
            throw Invalid("sourceRanges", $"{sources.Count} ranges", "The number of source ranges must be at most 256.");
        foreach (var source in sources)
            if (!IPNetwork.TryParse(source, out _))
                throw Invalid("sourceRanges[0]", source, "Must be a valid CIDR range.");
        if (sources.Select(s => s.Contains(':', StringComparison.Ordinal)).Distinct().Count() > 1)
            throw Invalid("sourceRanges", string.Join(",", sources), "IPv4 and IPv6 ranges can't be in one rule.");
        if (body["sourceRanges"] is null && body["sourceTags"] is null && body["sourceServiceAccounts"] is null)
            body["sourceRanges"] = new JsonArray("0.0.0.0/0");
    }

    /// <summary>What holds an object is told as the platform tells it.</summary>
    private void CheckUnused(Item item)
    {
        Item? holder = null;
        if (item.Collection == "networks")
            holder = _items.Values.Where(i => i.Collection is "subnetworks" or "firewalls" or "routes" && i["network"] == item["selfLink"])
                .OrderBy(i => i.Collection == "subnetworks" ? 0 : 1).FirstOrDefault() ?? Users("network");
        else if (item.Collection == "subnetworks")
            holder = Users("subnetwork");
        if (holder is not null)
            throw InUse(item, $"projects/{ProjectId}/{holder.Path}");
        if (item.Collection is "disks" or "addresses" && item.Body["users"] is JsonArray { Count: > 0 } users)
            throw InUse(item, users[0]!.ToString()[LinkBase.Length..]);
        if (item.Collection == "instances" && item.Body["deletionProtection"]?.GetValue<bool>() == true)
            throw new GcpError(400, "invalid", $"Resource cannot be deleted if it's protected against deletion. 'projects/{ProjectId}/{item.Path}'");

        Item? Users(string field) => _items.Values.FirstOrDefault(i => i.Collection == "instances"
            && (i.Body["networkInterfaces"] as JsonArray ?? []).Any(n => n![field]?.ToString() == item["selfLink"]));
    }

    private GcpError InUse(Item item, string holder) => new(400, "resourceInUseByAnotherResource",
        $"The {Kinds[item.Collection]} resource 'projects/{ProjectId}/{item.Path}' is already being used by '{holder}'");

    // PATCH merges, PUT exchanges.
    private CloudResponse Change(CloudRequest request, Item item)
    {
        if (Replayed(request) is { } before)
            return Json(before);
        if (item.Inserting || item.Deleting)
            throw new GcpError(400, "resourceNotReady", $"The resource 'projects/{ProjectId}/{item.Path}' is not ready");
        var body = ReadBody(request);
        var changed = (JsonObject)item.Body.DeepClone();
        switch (item.Collection)
        {
            case "networks":
                foreach (var field in (string[])["mtu", "routingConfig"])
                    if (body[field] is { } value)
                        changed[field] = value.DeepClone();
                if ((int)changed["mtu"]! is < 1300 or > 8896)
                    throw Invalid("mtu", changed["mtu"]!.ToString(), "Must be between 1300 and 8896");
                break;
            case "subnetworks":
                CheckPrint(body["fingerprint"], item.Body["fingerprint"], "Subnetwork");
                foreach (var field in (string[])["privateIpGoogleAccess"])
                    if (body[field] is { } value)
                        changed[field] = value.DeepClone();
                break;
            case "firewalls":
                foreach (var (field, value) in body)
                    if (field is "allowed" or "denied" or "sourceRanges" or "targetTags" or "sourceTags" or "description" or "priority" or "disabled")
                        changed[field] = value?.DeepClone();
                if (request.Method == "PUT")
                    foreach (var field in (string[])["allowed", "denied", "sourceRanges", "targetTags", "sourceTags", "description"])
                        if (body[field] is null)
                            changed.Remove(field);
                if (body["network"] is { } network && Link(PathOf(network.ToString())) != item["network"])
                    throw Invalid("network", network.ToString(), "The network of a firewall can't be changed.");
                PrepareFirewall(changed);
                break;
            default:
                throw NotFound(request.Path);
        }

        return Json(Start(request, item, request.Method == "PUT" ? "update" : "patch", null, () =>
        {
            item.Body = changed;
            Touch(item);
        }));
    }

    private string NextExternal()
    {
        // 198.18.0.0/15 is set aside for benchmarks (RFC 2544): nobody's.
        var n = ++_externalAddresses;
        return string.Create(CultureInfo.InvariantCulture, $"198.{18 + (n >> 16)}.{(n >> 8) & 255}.{n & 255}");
    }

    private static IPAddress Host(IPNetwork prefix, long number)
    {
        var bytes = prefix.BaseAddress.GetAddressBytes();
        for (var i = bytes.Length - 1; i >= 0 && number > 0; i--)
        {
            number += bytes[i];
            bytes[i] = (byte)number;
            number >>= 8;
        }

        return new IPAddress(bytes);
    }
}
