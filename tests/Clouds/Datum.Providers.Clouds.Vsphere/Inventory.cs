using System.Globalization;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>The standard inventory: names, and the way back to it.</summary>
public static class Inventory
{
    /// <summary>The datacenter.</summary>
    public const string Datacenter = "DC0";

    /// <summary>The cluster of three hosts.</summary>
    public const string Cluster = "DC0_C0";

    /// <summary>A resource pool in the cluster, by its path below the datacenter's host folder.</summary>
    public const string Pool = "DC0_C0/Resources/DC0_C0_RP1";

    /// <summary>The first datastore; the second is <c>LocalDS_1</c>.</summary>
    public const string Datastore = "LocalDS_0";

    /// <summary>The distributed switch.</summary>
    public const string Switch = "DVS0";

    /// <summary>A portgroup of the switch that a person made.</summary>
    public const string Portgroup = "DC0_DVPG0";

    /// <summary>A standard network.</summary>
    public const string Network = "VM Network";

    /// <summary>Folder of the templates, below the datacenter's machine folder.</summary>
    public const string TemplateFolder = "templates";

    /// <summary>Templates with a disk of 10 GiB behind a paravirtual controller and one vmxnet3 interface on <see cref="Network"/>.</summary>
    public static ImmutableArray<string> Templates { get; } = ["ubuntu-2204-lts", "debian-12"];

    private const string Mark = "A template of the standard inventory.";

    /// <summary>Removes what others made and makes what is missing.</summary>
    internal static void Restore(SoapClient vcsim, RestClient rest)
    {
        rest.Clear();
        var machines = vcsim.ReadMany("VirtualMachine", vcsim.List("VirtualMachine"), "name", "config.template", "config.annotation", "runtime.powerState", "config.hardware.device");
        foreach (var (machine, values) in machines)
        {
            if (Templates.Contains(values["name"].Value) && values["config.template"].Value == "true" && values.GetValueOrDefault("config.annotation")?.Value == Mark && IsIntact(values))
                continue;
            if (values["runtime.powerState"].Value != "poweredOff")
                vcsim.Run(Soap.Element("PowerOffVM_Task", machine.As("_this")));
            vcsim.Destroy(machine);
        }

        foreach (var (portgroup, values) in vcsim.ReadMany("DistributedVirtualPortgroup", vcsim.List("DistributedVirtualPortgroup"), "name"))
            if (values["name"].Value != Portgroup && !values["name"].Value.Contains("DVUplinks", StringComparison.Ordinal))
                vcsim.Run(Soap.Element("Destroy_Task", portgroup.As("_this")));
        var machineFolder = vcsim.Find($"{Datacenter}/vm")!;
        RemoveFolders(vcsim, machineFolder);
        RemoveFolders(vcsim, vcsim.Find($"{Datacenter}/network")!);
        RemoveDisks(vcsim);
        var templates = vcsim.FindChild(machineFolder, TemplateFolder)
            ?? MoRef.Of(vcsim.Call("CreateFolder", machineFolder, Soap.Element("name", TemplateFolder)).Get("returnval")!);
        foreach (var name in Templates.Where(t => vcsim.FindChild(templates, t) is null))
            MakeTemplate(vcsim, templates, name);
    }

    // A clone by vcsim itself changes the template's devices.
    private static bool IsIntact(Dictionary<string, XElement> values) =>
        values["config.hardware.device"].Elements().FirstOrDefault(d => Soap.TypeOf(d) == "VirtualDisk")?.Get("backing")?.Text("fileName") is { } file
        && file.Contains($"] {values["name"].Value}/", StringComparison.Ordinal);

    private static void RemoveFolders(SoapClient vcsim, MoRef folder)
    {
        if (!vcsim.Read(folder, "childEntity").TryGetValue("childEntity", out var children))
            return;
        foreach (var child in children.Elements().Select(MoRef.Of).Where(c => c.Type == "Folder"))
        {
            if (vcsim.Read(child, "name")["name"].Value == TemplateFolder)
                continue;
            RemoveFolders(vcsim, child);
            vcsim.Run(Soap.Element("Destroy_Task", child.As("_this")));
        }
    }

    private static void RemoveDisks(SoapClient vcsim)
    {
        var manager = new MoRef("VcenterVStorageObjectManager", "VStorageObjectManager");
        foreach (var datastore in vcsim.List("Datastore"))
            foreach (var id in vcsim.Call("ListVStorageObject", manager, datastore.As("datastore")).All("returnval").ToList())
                vcsim.Run(Soap.Element("DeleteVStorageObject_Task", manager.As("_this"), Soap.Element("id", Soap.Element("id", id.Text("id"))), datastore.As("datastore")));
    }

    private static void MakeTemplate(SoapClient vcsim, MoRef folder, string name)
    {
        var pool = vcsim.Find($"{Datacenter}/host/{Pool}")!;
        var config = Soap.Element("config", Soap.Element("name", name), Soap.Element("guestId", "ubuntu64Guest"), Soap.Element("annotation", Mark),
            Soap.Element("files", Soap.Element("vmPathName", $"[{Datastore}]")), Soap.Element("numCPUs", "1"), Soap.Element("memoryMB", "1024"),
            Add("ParaVirtualSCSIController", null, Soap.Element("key", "1000"), Soap.Element("controllerKey", "100"), Soap.Element("unitNumber", "3"), Soap.Element("busNumber", "0"), Soap.Element("sharedBus", "noSharing")),
            Add("VirtualDisk", "create", Soap.Element("key", "2000"),
                Soap.Element("backing", Soap.Type("VirtualDiskFlatVer2BackingInfo"), Soap.Element("fileName", $"[{Datastore}]"), Soap.Element("diskMode", "persistent"), Soap.Element("thinProvisioned", "true")),
                Soap.Element("controllerKey", "1000"), Soap.Element("unitNumber", "0"), Soap.Element("capacityInKB", (10L << 20).ToString(CultureInfo.InvariantCulture)), Soap.Element("capacityInBytes", (10L << 30).ToString(CultureInfo.InvariantCulture))),
            Add("VirtualVmxnet3", null, Soap.Element("key", "4000"), Soap.Element("backing", Soap.Type("VirtualEthernetCardNetworkBackingInfo"), Soap.Element("deviceName", Network)),
                Soap.Element("controllerKey", "100"), Soap.Element("unitNumber", "7"), Soap.Element("addressType", "assigned")));
        var made = MoRef.Of(vcsim.Run(Soap.Element("CreateVM_Task", folder.As("_this"), config, pool.As("pool")))!);
        vcsim.Call("MarkAsTemplate", made);
    }

    private static XElement Add(string type, string? file, params object[] members) =>
        Soap.Element("deviceChange", Soap.Element("operation", "add"), file is null ? null : Soap.Element("fileOperation", file), Soap.Element("device", [Soap.Type(type), .. members]));
}
