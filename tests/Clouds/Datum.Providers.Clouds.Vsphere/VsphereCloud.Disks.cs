using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// First-class disks: what vcsim lacks of them (growing, renaming, refusing while attached), and the identifiers by which guests tell disks apart,
/// which vCenter shows for every file and vcsim for none.
/// </summary>
public sealed partial class VsphereCloud
{
    private static readonly MoRef DiskManager = new("VcenterVStorageObjectManager", "VStorageObjectManager");

    // Members that stand before the identifier, the last first.
    private static readonly string[] BeforeUuid = ["eagerlyScrub", "thinProvisioned", "writeThrough", "split", "diskMode"];

    private readonly Dictionary<string, long> _grown = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _renamed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _diskBirths = new(StringComparer.Ordinal);

    /// <summary>Every first-class disk.</summary>
    public IReadOnlyList<VsphereDisk> Disks
    {
        get
        {
            lock (_gate)
            {
                Settle();
                return [.. _vcsim.List("Datastore").SelectMany(store => IdsOf(store).Select(id => ReadDisk(store, id)).OfType<VsphereDisk>())];
            }
        }
    }

    /// <summary>A datastore of the standard inventory.</summary>
    public MoRef FindDatastore(string name)
    {
        lock (_gate)
            return _vcsim.Find($"{Inventory.Datacenter}/datastore/{name}")!;
    }

    /// <summary>Takes a disk away; false when it isn't there.</summary>
    public bool VanishDisk(MoRef datastore, string id) => Try(() => DeleteDisk(datastore, id));

    /// <summary>Gives a disk another name.</summary>
    public bool RenameDisk(string id, string name)
    {
        lock (_gate)
            _renamed[id] = name;
        return true;
    }

    /// <summary>Gives a disk another size in MiB, as a person does.</summary>
    public bool ResizeDisk(string id, long megabytes)
    {
        lock (_gate)
            _grown[id] = megabytes;
        return true;
    }

    /// <summary>Makes a disk; returns its id.</summary>
    public string MakeDisk(MoRef datastore, string name, long megabytes)
    {
        lock (_gate)
            return _vcsim.Run(Soap.Element("CreateDisk_Task", DiskManager.As("_this"), DiskSpec(datastore, name, megabytes)))!.Get("config")!.Get("id")!.Text("id")!;
    }

    private static XElement DiskSpec(MoRef datastore, string name, long megabytes) => Soap.Element("spec", Soap.Element("name", name), Soap.Element("keepAfterDeleteVm", "true"),
        Soap.Element("backingSpec", Soap.Type("VslmCreateSpecDiskFileBackingSpec"), datastore.As("datastore"), Soap.Element("provisioningType", "thin")),
        Soap.Element("capacityInMB", megabytes.ToString(CultureInfo.InvariantCulture)));

    private void AddDisks()
    {
        _handlers["CreateDisk_Task"] = CreateDisk;
        _handlers["ExtendDisk_Task"] = ExtendDisk;
        _handlers["DeleteVStorageObject_Task"] = call => Start(call, () =>
        {
            DeleteDisk(MoRef.Of(call.Need("datastore")), call.Need("id").Text("id")!);
            return null;
        }, exclusive: false);
        _handlers["ListVStorageObject"] = call =>
        {
            var answer = Pass(call);
            foreach (var late in answer.All("returnval").Where(r => _diskBirths.TryGetValue(r.Text("id")!, out var born) && born + Knobs.ListLag > Now).ToList())
                late.Remove();
            return answer;
        };
        _handlers["RetrieveVStorageObject"] = call =>
        {
            var id = call.Need("id").Text("id")!;
            if (_diskBirths.TryGetValue(id, out var born) && born + Knobs.ListLag > Now)
                throw Fault("NotFound");
            var answer = Pass(call);
            Overlay(answer.Get("returnval")!.Get("config")!);
            return answer;
        };
    }

    private XElement CreateDisk(SoapCall call) => Start(call, () =>
    {
        if (Knobs.Full)
            throw Fault("NoDiskSpace", Soap.Element("file", ""), Soap.Element("datastore", "LocalDS_0"));
        if (Knobs.MostDisks is { } most && _vcsim.List("Datastore").Sum(s => IdsOf(s).Length) >= most)
            throw Fault("LimitExceeded", Soap.Element("property", "vStorageObject"), Soap.Element("limit", most.ToString(CultureInfo.InvariantCulture)));
        var made = _vcsim.Run(call.Body)!;
        _diskBirths[made.Get("config")!.Get("id")!.Text("id")!] = Now;
        return made;
    }, exclusive: false);

    private XElement ExtendDisk(SoapCall call)
    {
        var (store, id) = (MoRef.Of(call.Need("datastore")), call.Need("id").Text("id")!);
        return Start(call, () =>
        {
            var disk = ReadDisk(store, id) ?? throw Fault("NotFound");
            var wanted = long.Parse(call.Need("newCapacityInMB").Value, CultureInfo.InvariantCulture);
            if (wanted <= disk.Megabytes)
                throw Invalid("newCapacityInMB");
            _grown[id] = wanted;
            return null;
        }, exclusive: false);
    }

    private void DeleteDisk(MoRef store, string id)
    {
        var disk = ReadDisk(store, id) ?? throw Fault("NotFound");
        if (HoldersOf(disk.File).Length > 0)
            throw new VimFault("InvalidState", "The virtual disk is attached to a virtual machine.");
        _vcsim.Run(Soap.Element("DeleteVStorageObject_Task", DiskManager.As("_this"), Soap.Element("id", Soap.Element("id", id)), store.As("datastore")));
        _grown.Remove(id);
        _renamed.Remove(id);
        _diskBirths.Remove(id);
    }

    private string[] IdsOf(MoRef store) => [.. _vcsim.Call("ListVStorageObject", DiskManager, store.As("datastore")).All("returnval").Select(r => r.Text("id")!)];

    private VsphereDisk? ReadDisk(MoRef store, string id)
    {
        try
        {
            var config = new XElement(_vcsim.Call("RetrieveVStorageObject", DiskManager, Soap.Element("id", Soap.Element("id", id)), store.As("datastore")).Get("returnval")!.Get("config")!);
            Overlay(config);
            return new VsphereDisk
            {
                Datastore = store,
                Id = id,
                Name = config.Text("name")!,
                Megabytes = long.Parse(config.Text("capacityInMB")!, CultureInfo.InvariantCulture),
                File = config.Get("backing")!.Text("filePath")!,
                KeptAfterMachine = config.Text("keepAfterDeleteVm") == "true",
            };
        }
        catch (VimFault fault) when (fault.Type == "NotFound")
        {
            return null;
        }
    }

    private void Overlay(XElement config)
    {
        var id = config.Get("id")!.Text("id")!;
        if (_grown.TryGetValue(id, out var megabytes))
            config.Get("capacityInMB")!.Value = megabytes.ToString(CultureInfo.InvariantCulture);
        if (_renamed.TryGetValue(id, out var name))
            config.Get("name")!.Value = name;
        if (config.Get("consumerId") is null && config.Get("backing")?.Text("filePath") is { } file)
            config.Get("capacityInMB")!.AddAfterSelf(HoldersOf(file).Select(h => Soap.Element("consumerId", Soap.Element("id", h.Value))));
    }

    private ImmutableArray<MoRef> HoldersOf(string file) =>
        [.. _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine"), "config.hardware.device").Where(m => Files(m.Value).Contains(file)).Select(m => m.Key)];

    // A file's identifier, as its descriptor holds it.
    private static void Identify(XElement item)
    {
        foreach (var backing in item.Descendants(Soap.Vim + "backing").Where(b => Soap.TypeOf(b) == "VirtualDiskFlatVer2BackingInfo" && b.Get("uuid") is null).ToList())
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(backing.Text("fileName") ?? "")));
            var before = BeforeUuid.Select(backing.Get).First(e => e is not null)!;
            before.AddAfterSelf(Soap.Element("uuid", $"6000c29{hash[0]}-{hash[1..5]}-{hash[5..9]}-{hash[9..13]}-{hash[13..25]}"));
        }
    }
}

/// <summary>A first-class disk.</summary>
public sealed record VsphereDisk
{
    /// <summary>The datastore that it is on.</summary>
    public required MoRef Datastore { get; init; }

    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its size in MiB.</summary>
    public required long Megabytes { get; init; }

    /// <summary>Its file, <c>[datastore] path</c>.</summary>
    public required string File { get; init; }

    /// <summary>Whether it outlives the machine that it is attached to.</summary>
    public required bool KeptAfterMachine { get; init; }
}
