using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Vsphere;

/// <summary>ProviderConfig <c>spec.settings</c>. Defaults stand in the getters: generated JSON readers set every member.</summary>
internal sealed record VsphereSettings
{
    /// <summary>The version of the API that is spoken; newer servers speak older ones.</summary>
    public string ApiVersion { get => field ?? "6.5"; init; }

    /// <summary>VLANs that networks are given, one each; null where every Location names a portgroup.</summary>
    public VlanRange? Vlans { get; init; }

    /// <summary>Which address of a range the router of its VLAN has: <c>First</c>, <c>Last</c>, or <c>None</c> for a range without one.</summary>
    public string Gateway { get => field ?? "First"; init; }

    /// <summary>Addresses at each end of a range, the router's apart, that guests don't get.</summary>
    public int? ReservedAddresses { get => field ?? 0; init; }

    /// <summary>Servers of names for guests.</summary>
    public ImmutableArray<string> NameServers { get => field.IsDefault ? [] : field; init; }

    /// <summary><c>Full</c>, or <c>Linked</c> where templates have a snapshot.</summary>
    public string CloneMode { get => field ?? "Full"; init; }

    /// <summary>The folder of templates that are named without a path, below the datacenter's machines; null for the top.</summary>
    public string? TemplateFolder { get; init; }

    /// <summary>What cloud-init installs at the first boot of a sandbox.</summary>
    public ImmutableArray<string> SandboxPackages { get => field.IsDefault ? ["podman"] : field; init; }

    /// <summary>Size of a sandbox's boot disk in whole GiB; never less than the template's.</summary>
    public int? SandboxDiskGiB { get => field ?? 25; init; }

    /// <summary>Whether guests report the health of their containers through VMware Tools.</summary>
    public bool? GuestBeacon { get => field ?? true; init; }

    /// <summary>Tags of the vCenter, <c>CATEGORY/NAME</c>, that machines and portgroups are given; they must be there.</summary>
    public ImmutableArray<string> Tags { get => field.IsDefault ? [] : field; init; }

    public const string Schema = """
        {"type":"object","properties":{
          "apiVersion":{"type":"string","pattern":"^[0-9]+(\\.[0-9]+){1,3}$","default":"6.5","description":"Version of the vim25 API in requests."},
          "vlans":{"type":"object","required":["first","last"],"properties":{
            "first":{"type":"integer","minimum":1,"maximum":4094,"description":"The first VLAN."},
            "last":{"type":"integer","minimum":1,"maximum":4094,"description":"The last VLAN."}},
            "description":"VLANs that networks are given, one each. They must reach the switch's uplinks and be nobody else's."},
          "gateway":{"type":"string","enum":["First","Last","None"],"default":"First","description":"Which address of a range its router has."},
          "reservedAddresses":{"type":"integer","minimum":0,"maximum":1024,"default":0,"description":"Further addresses after the first and before the last of a range that guests don't get."},
          "nameServers":{"type":"array","maxItems":8,"items":{"type":"string","minLength":2,"maxLength":45},"description":"Addresses of name servers for guests."},
          "cloneMode":{"type":"string","enum":["Full","Linked"],"default":"Full","description":"Linked clones need a template with a snapshot; their disks depend on it."},
          "templateFolder":{"type":"string","minLength":1,"maxLength":255,"description":"Folder of templates that are named without a path."},
          "sandboxPackages":{"type":"array","maxItems":16,"items":{"type":"string","minLength":1},"description":"Packages that cloud-init installs at a sandbox's first boot; empty where the template has podman."},
          "sandboxDiskGiB":{"type":"integer","minimum":1,"maximum":63488,"default":25,"description":"Size of a sandbox's boot disk."},
          "guestBeacon":{"type":"boolean","default":true,"description":"Whether guests report their health through VMware Tools."},
          "tags":{"type":"array","maxItems":16,"items":{"type":"string","pattern":"^[^/]+/.+$"},"description":"Tags of the vCenter, CATEGORY/NAME, that machines and portgroups are given."}}}
        """;

    /// <summary>Throws <see cref="DriverException"/> for what the schema can't say.</summary>
    public static VsphereSettings Read(JsonElement json)
    {
        if (json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return new VsphereSettings();
        VsphereSettings settings;
        try
        {
            settings = json.Deserialize(SettingsJson.Default.VsphereSettings) ?? new VsphereSettings();
        }
        catch (JsonException e)
        {
            throw VsphereDriverFactory.Refuse("settings", $"settings can't be read at {e.Path ?? "$"}.");
        }

        if (settings.Vlans is { } vlans && (vlans.First is < 1 or > 4094 || vlans.Last is < 1 or > 4094 || vlans.Last < vlans.First))
            throw VsphereDriverFactory.Refuse("settings.vlans", $"{vlans.First} to {vlans.Last} is no range of VLANs within 1 to 4094.");
        if (settings.Gateway is not ("First" or "Last" or "None"))
            throw VsphereDriverFactory.Refuse("settings.gateway", $"'{settings.Gateway}' is none of First, Last and None.");
        if (settings.CloneMode is not ("Full" or "Linked"))
            throw VsphereDriverFactory.Refuse("settings.cloneMode", $"'{settings.CloneMode}' is neither Full nor Linked.");
        if (settings.ReservedAddresses is < 0 or > 1024)
            throw VsphereDriverFactory.Refuse("settings.reservedAddresses", "0 to 1024 addresses can be kept back.");
        if (settings.SandboxDiskGiB is < 1 or > 63488)
            throw VsphereDriverFactory.Refuse("settings.sandboxDiskGiB", "A disk has 1 to 63488 GiB.");
        if (settings.ApiVersion.Length > 16 || settings.ApiVersion.Any(c => !char.IsAsciiDigit(c) && c != '.'))
            throw VsphereDriverFactory.Refuse("settings.apiVersion", $"'{settings.ApiVersion}' is no version such as 6.5.");
        if (settings.Tags.FirstOrDefault(t => Vim.Tags.Parse(t) is null) is { } tag)
            throw VsphereDriverFactory.Refuse("settings.tags", $"'{tag}' isn't written CATEGORY/NAME.");
        if (settings.NameServers.FirstOrDefault(n => !IPAddress.TryParse(n, out _)) is { } name)
            throw VsphereDriverFactory.Refuse("settings.nameServers", $"'{name}' is no address.");
        return settings;
    }
}

/// <summary>VLANs from the first to the last.</summary>
internal sealed record VlanRange
{
    public int First { get; init; }

    public int Last { get; init; }
}

/// <summary>The Location's block: where. Names are those of the inventory.</summary>
internal sealed record VsphereLocation
{
    public string? Datacenter { get; init; }

    /// <summary>The cluster, or the host that stands alone.</summary>
    public string? Cluster { get; init; }

    /// <summary>A resource pool of the cluster; null for the cluster's own.</summary>
    public string? ResourcePool { get; init; }

    public string? Datastore { get; init; }

    /// <summary>The folder of machines; null for the datacenter's own.</summary>
    public string? Folder { get; init; }

    /// <summary>The distributed switch that networks become portgroups of.</summary>
    public string? Switch { get; init; }

    /// <summary>A portgroup that is there already, for the one Network of this Location.</summary>
    public string? Network { get; init; }

    public const string Schema = """
        {"type":"object","required":["datacenter","cluster","datastore"],"properties":{
          "datacenter":{"type":"string","minLength":1,"maxLength":255,"description":"Name of the datacenter, or its path below the root."},
          "cluster":{"type":"string","minLength":1,"maxLength":255,"description":"Name of the cluster (or of a host that stands alone), or its path below the datacenter's hosts."},
          "resourcePool":{"type":"string","minLength":1,"maxLength":255,"description":"Path of a resource pool below the cluster's own."},
          "datastore":{"type":"string","minLength":1,"maxLength":255,"description":"Name of the datastore of machines and disks."},
          "folder":{"type":"string","minLength":1,"maxLength":255,"description":"Path of the folder below the datacenter's machines."},
          "switch":{"type":"string","minLength":1,"maxLength":255,"description":"Name of the distributed switch on which Networks become portgroups."},
          "network":{"type":"string","minLength":1,"maxLength":255,"description":"Name of a portgroup that is there already, in place of a switch: it serves one Network."}}}
        """;

    /// <summary>Empty for what isn't the driver's schema.</summary>
    public static VsphereLocation Parse(string? json)
    {
        try
        {
            return json is null ? new VsphereLocation() : JsonSerializer.Deserialize(json, SettingsJson.Default.VsphereLocation) ?? new VsphereLocation();
        }
        catch (JsonException)
        {
            // The finding about the missing field says so.
            return new VsphereLocation();
        }
    }

    public void Validate(ImmutableArray<Finding>.Builder findings, bool computes)
    {
        Need("datacenter", Datacenter);
        if (computes)
        {
            Need("cluster", Cluster);
            Need("datastore", Datastore);
        }

        void Need(string field, string? value)
        {
            if (string.IsNullOrEmpty(value))
                findings.Add(new Finding { Path = "location." + field, Message = $"The Location's vsphere block needs a {field}." });
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VsphereSettings))]
[JsonSerializable(typeof(VsphereLocation))]
internal sealed partial class SettingsJson : JsonSerializerContext;
