using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Kinds;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>Where a card is connected.</summary>
internal sealed record Connected(string Portgroup, string SwitchUuid, int? Mtu);

/// <summary>What a clone is made of.</summary>
internal sealed record CloneRequest
{
    public required Identity Id { get; init; }
    public required InstanceSpec Desired { get; init; }
    public required MoRef Folder { get; init; }
    public required MoRef Pool { get; init; }
    public required MoRef Datastore { get; init; }
    public required Template Template { get; init; }
    public required ImmutableArray<Connected> Networks { get; init; }
    public required int BootGiB { get; init; }
    public required bool Linked { get; init; }
    public string? BootType { get; init; }

    /// <summary>Members in the order of the API's description.</summary>
    public void Write(VimWriter w)
    {
        var linked = Linked && Template.Snapshot is not null;
        w.Ref("folder", Folder).Text("name", ResourceNames.For(Id, VsphereContext.Names)).Open("spec");
        w.Open("location").Ref("datastore", Datastore).Text("diskMoveType", linked ? "createNewChildDiskBacking" : "moveAllDiskBackingsAndDisallowSharing").Ref("pool", Pool);
        if (BootType is { } type && !linked && Template.Disk is { } source)
            w.Open("disk").Number("diskId", source.Number("key")).Ref("datastore", Datastore).Open("diskBackingInfo", "VirtualDiskFlatVer2BackingInfo")
                .Text("fileName", "").Text("diskMode", "persistent").Flag("thinProvisioned", type == DiskTypes.Thin).Flag("eagerlyScrub", type == "eagerZeroedThick").Close().Close();
        w.Close();
        w.Flag("template", false).Open("config")
            .Text("instanceUuid", ResourceNames.Uuid(Id).ToString("D"))
            .Text("annotation", Machine.Describe(Id, []))
            .Number("numCPUs", InstanceWish.Cpus(Desired.Size)).Number("numCoresPerSocket", 1).Number("memoryMB", InstanceWish.MemoryMiB(Desired.Size));
        Devices(w);
        // Without it the guest doesn't see the serials by which disks are told apart. What the template's own guest was given isn't this one's.
        w.Option("extraConfig", "disk.EnableUUID", "TRUE");
        foreach (var key in Template.GuestKeys)
            w.Option("extraConfig", key, "");
        // A template made for OVF properties would read those instead.
        w.Flag("vAppConfigRemoved", Template.HasVApp ? true : null);
        w.Close().Flag("powerOn", false).Ref("snapshot", linked ? Template.Snapshot : null).Close();
    }

    private void Devices(VimWriter w)
    {
        foreach (var nic in Template.Nics)
            w.Open("deviceChange").Text("operation", "remove").Copy(nic, "device").Close();
        for (var i = 0; i < Networks.Length; i++)
            w.Open("deviceChange").Text("operation", "add").Open("device", "VirtualVmxnet3").Number("key", -100 - i)
                .Open("backing", "VirtualEthernetCardDistributedVirtualPortBackingInfo").Open("port").Text("switchUuid", Networks[i].SwitchUuid).Text("portgroupKey", Networks[i].Portgroup).Close().Close()
                .Open("connectable").Flag("startConnected", true).Flag("allowGuestControl", true).Flag("connected", false).Close()
                .Close().Close();
        if (Template.Disk is not { } disk || BootGiB * 1024L * 1024 is var wanted && wanted <= (disk.Number("capacityInKB") ?? 0))
            return;
        w.Open("deviceChange").Text("operation", "edit").Copy(disk, "device", (writer, child) =>
        {
            switch (child.Name)
            {
                case "capacityInKB":
                    writer.Number("capacityInKB", wanted);
                    break;
                case "capacityInBytes":
                    writer.Number("capacityInBytes", wanted * 1024);
                    break;
                // The clone's file is its own, and so is what identifies it.
                case "backing":
                    writer.Copy(child, null, static (inner, member) =>
                    {
                        if (member.Name == "fileName")
                            inner.Text("fileName", "");
                        else if (member.Name is "diskMode" or "split" or "writeThrough" or "thinProvisioned" or "eagerlyScrub")
                            inner.Copy(member);
                    });
                    break;
                case "diskObjectId" or "vDiskId":
                    break;
                default:
                    writer.Copy(child);
                    break;
            }
        }).Close();
    }
}

/// <summary>What is cloned.</summary>
internal sealed record Template
{
    public static readonly string[] Paths = ["name", "config.hardware.device", "config.extraConfig", "config.vAppConfig", "config.template", "snapshot"];

    public required MoRef Ref { get; init; }
    public required string Name { get; init; }
    public ImmutableArray<VimNode> Nics { get; init; } = [];
    public VimNode? Disk { get; init; }
    public MoRef? Snapshot { get; init; }
    public bool HasVApp { get; init; }
    public ImmutableArray<string> GuestKeys { get; init; } = [];

    public static Template Read(VimObject item)
    {
        var devices = item.Find("config.hardware.device")?.All("VirtualDevice").ToList() ?? [];
        return new Template
        {
            Ref = item.Ref,
            Name = item.String("name") ?? item.Ref.Value,
            Nics = [.. devices.Where(d => d.Find("macAddress") is not null || d.Find("addressType") is not null)],
            Disk = devices.Where(d => d.Type == "VirtualDisk").OrderBy(d => d.Number("key")).FirstOrDefault(),
            Snapshot = item.Find("snapshot")?.Ref("currentSnapshot"),
            HasVApp = item.Find("config.vAppConfig") is { Children.Count: > 0 },
            GuestKeys = [.. (item.Find("config.extraConfig")?.All("OptionValue") ?? []).Select(o => o.String("key")).OfType<string>()
                .Where(k => k.StartsWith("guestinfo.userdata", StringComparison.Ordinal) || k.StartsWith("guestinfo.metadata", StringComparison.Ordinal) || k.StartsWith("guestinfo.vendordata", StringComparison.Ordinal) || k.StartsWith("datum.", StringComparison.Ordinal))
                .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
        };
    }
}

/// <summary>cloud-init's metadata: who the machine is, and its cards by their hardware addresses.</summary>
internal static class GuestMetadata
{
    public static string Write(Identity id, InstanceSpec desired, Machine item, ImmutableArray<(string Interface, string Address)> addresses, ImmutableArray<Connected> networks, VsphereSettings settings)
    {
        using var stream = new MemoryStream();
        using (var json = new System.Text.Json.Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("instance-id", string.Create(CultureInfo.InvariantCulture, $"{item.Uuid}-{id.Incarnation}"));
            json.WriteString("local-hostname", desired.Hostname);
            json.WriteStartObject("network");
            json.WriteNumber("version", 2);
            json.WriteStartObject("ethernets");
            var nics = item.Nics.ToList();
            for (var i = 0; i < Math.Min(nics.Count, desired.Interfaces.Length); i++)
                Card(json, desired.Interfaces[i], nics[i], addresses, i < networks.Length ? networks[i].Mtu : null, settings, first: i == 0);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Pack(stream.ToArray());
    }

    private static void Card(System.Text.Json.Utf8JsonWriter json, InterfaceSpec nic, VimNode device, ImmutableArray<(string Interface, string Address)> addresses, int? mtu, VsphereSettings settings, bool first)
    {
        json.WriteStartObject(nic.Name);
        json.WriteStartObject("match");
        json.WriteString("macaddress", device.String("macAddress")?.ToLowerInvariant());
        json.WriteEndObject();
        json.WriteString("set-name", nic.Name);
        if (mtu is { } bytes)
            json.WriteNumber("mtu", bytes);
        var own = addresses.Where(a => a.Interface == nic.Name).Select(a => (a.Address, Range: nic.Ranges.Select(r => Cidr.Parse(r)).First(r => r.Contains(IPAddress.Parse(a.Address))))).ToList();
        // A network without ranges has somebody else's DHCP, or nothing.
        json.WriteBoolean("dhcp4", own.Count == 0);
        json.WriteBoolean("dhcp6", false);
        if (own.Count > 0)
        {
            json.WriteStartArray("addresses");
            foreach (var (address, range) in own)
                json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{address}/{range.PrefixLength}"));
            json.WriteEndArray();
        }

        // The way out is the first card's.
        if (first && own.Count > 0)
        {
            json.WriteStartArray("routes");
            foreach (var (_, range) in own)
                if (AddressChoice.Gateway(range, settings) is { } gateway)
                {
                    json.WriteStartObject();
                    json.WriteString("to", range.IsIPv6 ? "::/0" : "0.0.0.0/0");
                    json.WriteString("via", gateway.ToString());
                    json.WriteEndObject();
                }

            json.WriteEndArray();
        }

        if (first && settings.NameServers.Length > 0)
        {
            json.WriteStartObject("nameservers");
            json.WriteStartArray("addresses");
            foreach (var server in settings.NameServers)
                json.WriteStringValue(server);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    // As user data: unpacked by cloud-init, and within the variable's size.
    private static string Pack(byte[] data)
    {
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(data);
        return Convert.ToBase64String(packed.ToArray());
    }
}
