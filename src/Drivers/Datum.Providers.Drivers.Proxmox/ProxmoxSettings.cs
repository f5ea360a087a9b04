using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Proxmox;

/// <summary>ProviderConfig <c>spec.settings</c>. Defaults stand in the getters: generated JSON readers set every member.</summary>
internal sealed record ProxmoxSettings
{
    /// <summary>Storage of disks where neither Location nor <c>diskTypes</c> say.</summary>
    public string Storage { get => field ?? "local-lvm"; init; }

    /// <summary>Storage that takes seed media (content <c>iso</c>).</summary>
    public string IsoStorage { get => field ?? "local"; init; }

    /// <summary>Storage that images at an address are downloaded to (content <c>import</c>); null for <see cref="IsoStorage"/>.</summary>
    public string? ImageStorage { get; init; }

    /// <summary>Pool that machines are put into; null for none.</summary>
    public string? Pool { get; init; }

    /// <summary>Numbers of machines.</summary>
    public NumberRange VmIdRange { get => field ?? new NumberRange { First = 100_000, Last = 999_999 }; init; }

    /// <summary>How networks are made.</summary>
    public SdnSettings Sdn { get => field ?? new SdnSettings(); init; }

    /// <summary>Name servers of guests; empty for those of the image.</summary>
    public ImmutableArray<string> NameServers { get => field.IsDefault ? [] : field; init; }

    /// <summary>Processor model of guests.</summary>
    public string CpuType { get => field ?? "x86-64-v2-AES"; init; }

    /// <summary>Whether templates are copied; false for clones that share the template's disk and pin it.</summary>
    public bool? FullClone { get => field ?? true; init; }

    /// <summary>Whether the guest agent is used: for health, addresses as the guest has them, and secrets.</summary>
    public bool? GuestAgent { get => field ?? true; init; }

    /// <summary>The boot image of sandboxes.</summary>
    public string SandboxImage { get => field ?? "tag:datum-sandbox"; init; }

    /// <summary>What cloud-init installs at the first boot of a sandbox.</summary>
    public ImmutableArray<string> SandboxPackages { get => field.IsDefault ? ["podman", "qemu-guest-agent"] : field; init; }

    /// <summary>What cloud-init installs at the first boot of a machine.</summary>
    public ImmutableArray<string> MachinePackages { get => field.IsDefault ? ["qemu-guest-agent"] : field; init; }

    /// <summary>Size of a sandbox's boot disk in whole GiB.</summary>
    public int? SandboxDiskGiB { get => field ?? 25; init; }

    /// <summary>How much of a node's memory is promised to guests, in hundredths; above 100 more than there is.</summary>
    public int? MemoryPercent { get => field ?? 100; init; }

    public const string Schema = """
        {"type":"object","properties":{
          "storage":{"type":"string","minLength":1,"maxLength":63,"default":"local-lvm","description":"Storage of disks where neither the Location nor diskTypes say (content images)."},
          "isoStorage":{"type":"string","minLength":1,"maxLength":63,"default":"local","description":"Storage of seed media (content iso)."},
          "imageStorage":{"type":"string","minLength":1,"maxLength":63,"description":"Storage that images at an address are downloaded to (content import). Default isoStorage."},
          "pool":{"type":"string","minLength":1,"maxLength":63,"description":"Resource pool that machines are put into."},
          "vmIdRange":{"type":"object","required":["first","last"],"properties":{
            "first":{"type":"integer","minimum":100,"maximum":999999999},
            "last":{"type":"integer","minimum":100,"maximum":999999999}},"description":"Numbers of machines and disks. Default 100000 to 999999."},
          "sdn":{"type":"object","properties":{
            "tags":{"type":"object","required":["first","last"],"properties":{
              "first":{"type":"integer","minimum":1,"maximum":16777215},
              "last":{"type":"integer","minimum":1,"maximum":16777215}},"description":"VLAN tags or VNIs of networks, in zones that need one."},
            "snat":{"type":"boolean","default":false,"description":"Whether guests reach the outside through the node, in simple and EVPN zones."},
            "applyOthersChanges":{"type":"boolean","default":false,"description":"Whether a network is made although others have changes to zones or networks pending, which are applied with it."},
            "lock":{"type":"boolean","default":false,"description":"Whether the platform's lock of all networks (release 9) is held while others' changes are looked for and ours are applied."}}},
          "nameServers":{"type":"array","maxItems":4,"items":{"type":"string","minLength":2,"maxLength":45},"description":"Name servers of guests."},
          "cpuType":{"type":"string","minLength":1,"maxLength":64,"default":"x86-64-v2-AES","description":"Processor model of guests."},
          "fullClone":{"type":"boolean","default":true,"description":"Whether templates are copied; linked clones need the template for ever."},
          "guestAgent":{"type":"boolean","default":true,"description":"Whether the guest agent is used: for health, for addresses as the guest has them, and for secrets."},
          "sandboxImage":{"type":"string","minLength":1,"maxLength":255,"default":"tag:datum-sandbox","description":"Boot image of sandboxes, written as in images."},
          "sandboxPackages":{"type":"array","maxItems":16,"items":{"type":"string","minLength":1},"description":"Packages that cloud-init installs at a sandbox's first boot; empty where the image has podman and the agent."},
          "machinePackages":{"type":"array","maxItems":16,"items":{"type":"string","minLength":1},"description":"Packages that cloud-init installs at a machine's first boot."},
          "sandboxDiskGiB":{"type":"integer","minimum":1,"maximum":65536,"default":25,"description":"Size of a sandbox's boot disk."},
          "memoryPercent":{"type":"integer","minimum":10,"maximum":1000,"default":100,"description":"How much of a node's memory is promised to guests; above 100 more than there is."}}}
        """;
}

/// <summary>Numbers, both ends included.</summary>
internal sealed record NumberRange
{
    public int First { get; init; }

    public int Last { get; init; }
}

/// <summary>How networks are made.</summary>
internal sealed record SdnSettings
{
    public NumberRange? Tags { get; init; }

    public bool? Snat { get => field ?? false; init; }

    public bool? ApplyOthersChanges { get => field ?? false; init; }

    /// <summary>Whether the platform's lock is held from the comparison with others' changes to the apply; release 9.</summary>
    public bool? Lock { get => field ?? false; init; }
}

/// <summary>The Location's block: where.</summary>
internal sealed record ProxmoxLocation
{
    public string? Cluster { get; init; }

    public ImmutableArray<string> Nodes { get => field.IsDefault ? [] : field; init; }

    public string? Zone { get; init; }

    public string? Bridge { get; init; }

    public int? Vlan { get; init; }

    public string? Storage { get; init; }

    public const string Schema = """
        {"type":"object","properties":{
          "cluster":{"type":"string","minLength":1,"maxLength":63,"pattern":"^[A-Za-z0-9][-A-Za-z0-9.]*$","description":"Name of the cluster, or of the node where there is none. Set, it is compared with the cluster that the endpoint leads to."},
          "nodes":{"type":"array","maxItems":64,"items":{"type":"string","minLength":1,"maxLength":63,"pattern":"^[A-Za-z0-9][-A-Za-z0-9]*$"},"description":"Nodes that machines are made on. Empty for all that are online."},
          "zone":{"type":"string","minLength":1,"maxLength":8,"pattern":"^[a-z][a-z0-9]*$","description":"SDN zone of networks."},
          "bridge":{"type":"string","minLength":1,"maxLength":15,"pattern":"^[A-Za-z][-A-Za-z0-9_.]*$","description":"Bridge of the nodes, where there is no SDN zone."},
          "vlan":{"type":"integer","minimum":1,"maximum":4094,"description":"VLAN on the bridge."},
          "storage":{"type":"string","minLength":1,"maxLength":63,"description":"Storage of disks."}}}
        """;

    /// <summary>An empty one for what isn't the driver's schema: the findings about missing fields say so.</summary>
    public static ProxmoxLocation Parse(string? json)
    {
        if (json is null)
            return new ProxmoxLocation();
        try
        {
            return JsonSerializer.Deserialize(json, SettingsJson.Default.ProxmoxLocation) ?? new ProxmoxLocation();
        }
        catch (JsonException)
        {
            return new ProxmoxLocation();
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProxmoxSettings))]
[JsonSerializable(typeof(ProxmoxLocation))]
[JsonSerializable(typeof(Instances.Notes))]
[JsonSerializable(typeof(string))]
internal sealed partial class SettingsJson : JsonSerializerContext;
