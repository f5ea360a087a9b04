using System.Globalization;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>Making and changing machines.</summary>
public sealed partial class VsphereCloud
{
    // Every machine has these; vcsim gives them to a new one by itself.
    private static readonly HashSet<string> Inborn = new(StringComparer.Ordinal)
    {
        "VirtualIDEController", "VirtualPS2Controller", "VirtualPCIController", "VirtualSIOController", "VirtualKeyboard", "VirtualPointingDevice",
        "VirtualMachineVideoCard", "VirtualMachineVMCIDevice",
    };

    private XElement Clone(SoapCall call)
    {
        var (folder, name, spec) = (MoRef.Of(call.Need("folder")), call.Need("name").Value, call.Need("spec"));
        CheckThere(folder);
        return StartNamed(call, folder, name, () => MakeClone(call.This, folder, name, spec));
    }

    private XElement CreateMachine(SoapCall call)
    {
        var name = call.Need("config").Text("name") ?? "";
        return StartNamed(call, call.This, name, () =>
        {
            RefuseTaken(call.This, name, null);
            RefuseMore();
            var config = call.Need("config");
            foreach (var change in config.All("deviceChange"))
                Capacity(change.Get("device")!);
            SetMember(config, Soap.Element("instanceUuid", FreshUuid(config.Text("instanceUuid"), null)));
            if (config.Text("uuid") is null)
                SetMember(config, Soap.Element("uuid", Guid.NewGuid().ToString()));
            return Made(_vcsim.Run(call.Body)!);
        });
    }

    // The name is taken from the start: what comes later for it fails at once, not when its time is up.
    private XElement StartNamed(SoapCall call, MoRef folder, string name, Func<XElement?> effect)
    {
        if (Taken(folder, name) is { } holder)
            return Start(call, () => throw Fault("DuplicateName", Soap.Element("name", name), holder.As("object")), exclusive: false, quick: true);
        return Start(call, effect, (folder, name), exclusive: false);
    }

    private MoRef? Taken(MoRef folder, string name) => _vcsim.FindChild(folder, name)
        ?? _tasks.Values.Where(t => t.Ended is null && t.Takes == (folder, name)).Select(t => new MoRef("VirtualMachine", "vm-" + t.Id)).FirstOrDefault();

    private void RefuseTaken(MoRef folder, string name, MoRef? self)
    {
        if (_vcsim.FindChild(folder, name) is { } holder && holder != self)
            throw new VimFault("DuplicateName", $"The name '{name}' already exists.", Soap.Element("name", name), holder.As("object"));
    }

    private void RefuseMore()
    {
        if (Knobs.Full)
            throw Fault("InsufficientMemoryResourcesFault", Soap.Element("unreserved", "0"), Soap.Element("requested", "8589934592"));
        if (Knobs.MostMachines is { } most && _vcsim.List("VirtualMachine").Count(m => !_standard.Contains(m)) >= most)
            throw Fault("LimitExceeded", Soap.Element("property", "vm"), Soap.Element("limit", most.ToString(CultureInfo.InvariantCulture)));
    }

    // On a conflict vCenter gives the newcomer another one (VirtualMachineConfigSpec.instanceUuid in its reference).
    private string FreshUuid(string? wanted, MoRef? self)
    {
        if (string.IsNullOrEmpty(wanted))
            return Guid.NewGuid().ToString();
        var holder = _vcsim.Call("FindByUuid", new MoRef("SearchIndex", "SearchIndex"), Soap.Element("uuid", wanted), Soap.Element("vmSearch", "true"), Soap.Element("instanceUuid", "true")).Get("returnval");
        return holder is null || MoRef.Of(holder) == self ? wanted : Guid.NewGuid().ToString();
    }

    private XElement Made(XElement result)
    {
        _born[MoRef.Of(result)] = Now;
        return result;
    }

    // By CreateVM_Task from the source's configuration: vcsim's own clone shares the source's devices and forgets most of the wish.
    private XElement MakeClone(MoRef source, MoRef folder, string name, XElement spec)
    {
        RefuseTaken(folder, name, null);
        RefuseMore();
        var known = _vcsim.Read(source, "config", "resourcePool");
        var (config, location, wish) = (known["config"], spec.Get("location"), spec.Get("config"));
        var pool = location?.Get("pool") ?? (known.TryGetValue("resourcePool", out var own) && own.Value.Length > 0 ? own : throw Invalid("spec.location.pool"));
        var path = config.Get("files")!.Text("vmPathName")!;
        var datastore = location?.Get("datastore") is { } chosen ? $"[{_vcsim.Read(MoRef.Of(chosen), "name")["name"].Value}]" : path[..(path.IndexOf(']', StringComparison.Ordinal) + 1)];
        var hardware = config.Get("hardware")!;
        var create = Soap.Element("config", Soap.Element("name", name), Soap.Element("uuid", Guid.NewGuid().ToString()),
            Soap.Element("instanceUuid", FreshUuid(wish?.Text("instanceUuid"), null)), Soap.Element("guestId", config.Text("guestId")), Soap.Element("annotation", config.Text("annotation")),
            Soap.Element("files", Soap.Element("vmPathName", datastore)), Soap.Element("numCPUs", hardware.Text("numCPU")),
            Soap.Element("numCoresPerSocket", hardware.Text("numCoresPerSocket")), Soap.Element("memoryMB", hardware.Text("memoryMB")), Soap.Element("version", config.Text("version")),
            Soap.Element("firmware", config.Text("firmware")));
        foreach (var member in wish?.Elements() ?? [])
            if (member.Name.LocalName is not ("name" or "files" or "deviceChange" or "extraConfig" or "instanceUuid" or "changeVersion"))
                SetMember(create, new XElement(member));
        foreach (var device in hardware.All("device").Where(d => !Inborn.Contains(Soap.TypeOf(d) ?? "")))
            create.Add(CopyOf(device, datastore));
        var options = Options(config);
        options.Remove("govcsim");
        foreach (var option in wish?.All("extraConfig") ?? [])
            options[option.Text("key")!] = option.Text("value") ?? "";
        create.Add(options.Where(o => o.Value.Length > 0).Select(o => Soap.Option(o.Key, o.Value)));
        var host = location?.Get("host");
        var made = Made(_vcsim.Run(Soap.Element("CreateVM_Task", folder.As("_this"), create, MoRef.Of(pool).As("pool"), host is null ? null : MoRef.Of(host).As("host")))!);
        var machine = MoRef.Of(made);
        try
        {
            XElement[] changes = [.. location?.All("deviceChange") ?? [], .. wish?.All("deviceChange") ?? []];
            if (changes.Length > 0)
                Apply(machine, Soap.Element("spec", changes.Select(c => new XElement(c))));
            _versions.Remove(machine);
            if (spec.Text("template") == "true")
                _vcsim.Call("MarkAsTemplate", machine);
            else if (spec.Text("powerOn") == "true")
                SwitchOn(machine);
        }
        catch (VimFault)
        {
            // A clone that can't be made as wished leaves nothing.
            _vcsim.Destroy(machine);
            throw;
        }

        return made;
    }

    private static XElement CopyOf(XElement device, string datastore)
    {
        var copy = new XElement(device);
        var isDisk = Soap.TypeOf(copy) == "VirtualDisk";
        if (isDisk && copy.Get("backing") is { } backing)
        {
            backing.Get("datastore")?.Remove();
            backing.Get("parent")?.Remove();
            SetMember(backing, Soap.Element("fileName", datastore));
        }

        copy.Get("macAddress")?.Remove();
        return Soap.Element("deviceChange", Soap.Element("operation", "add"), isDisk ? Soap.Element("fileOperation", "create") : null, copy);
    }

    private XElement Reconfigure(SoapCall call) => Start(call, () =>
    {
        Apply(call.This, call.Need("spec"));
        return null;
    });

    private void Apply(MoRef machine, XElement wish)
    {
        var spec = new XElement(wish) { Name = Soap.Vim + "spec" };
        var now = _vcsim.Read(machine, "config", "runtime.powerState", "parent", "name");
        var config = now["config"];
        if (spec.Text("changeVersion") is { Length: > 0 } seen && seen != Version(machine))
            throw Fault("ConcurrentAccess");
        if (spec.Text("name") is { } name && name != now["name"].Value)
            RefuseTaken(MoRef.Of(now["parent"]), name, machine);
        if (spec.Get("instanceUuid") is { } id)
            id.Value = FreshUuid(id.Value, machine);
        if (now["runtime.powerState"].Value == "poweredOn")
        {
            if (spec.Text("numCPUs") is { } cpus && cpus != config.Get("hardware")!.Text("numCPU") && config.Text("cpuHotAddEnabled") != "true")
                throw Fault("CpuHotPlugNotSupported");
            if (spec.Text("memoryMB") is { } memory && memory != config.Get("hardware")!.Text("memoryMB") && config.Text("memoryHotAddEnabled") != "true")
                throw Fault("MemoryHotPlugNotSupported");
        }

        var index = 0;
        foreach (var change in spec.All("deviceChange"))
            MendDevice(change, config, index++);
        _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), spec));
        _versions[machine] = _versions.GetValueOrDefault(machine, 1) + 1;
        _mediaChanged |= spec.All("deviceChange").Any();
    }

    // What isn't sent stays as it is. vcsim takes it for empty, and a device without words ends its connection.
    private static void MendDevice(XElement change, XElement config, int index)
    {
        var device = change.Get("device")!;
        if (change.Text("operation") is not ("edit" or "remove") || device.Text("key") is not { } key)
        {
            Capacity(device);
            return;
        }

        var existing = config.Get("hardware")!.All("device").FirstOrDefault(d => d.Text("key") == key)
            ?? throw Fault("InvalidDeviceSpec", Soap.Element("property", $"deviceChange[{index}].device.key"), Soap.Element("deviceIndex", index.ToString(CultureInfo.InvariantCulture)));
        if (change.Text("operation") == "remove")
        {
            device.ReplaceWith(new XElement(existing));
            return;
        }

        // Of the two sizes the one that was changed counts: older clients know one of them.
        if (device.Text("capacityInBytes") is { } bytes && bytes == existing.Text("capacityInBytes") && KiB(device) != KiB(existing))
            device.Get("capacityInBytes")!.Remove();
        Capacity(device);
        if (KiB(device) is { } wanted && KiB(existing) is { } has && wanted < has)
            throw Fault("InvalidDeviceSpec", Soap.Element("property", $"deviceChange[{index}].device.capacityInKB"), Soap.Element("deviceIndex", index.ToString(CultureInfo.InvariantCulture)));
        foreach (var member in existing.Elements())
            if (device.Get(member.Name.LocalName) is not { } sent)
                device.Add(new XElement(member));
            else if (member.Name.LocalName == "backing")
                foreach (var part in member.Elements())
                    if (part.Name.LocalName == "fileName" ? string.IsNullOrEmpty(sent.Text("fileName")) : Soap.TypeOf(sent) == "VirtualDiskFlatVer2BackingInfo" && sent.Get(part.Name.LocalName) is null)
                        SetMember(sent, new XElement(part));
    }

    private static long? KiB(XElement device) => long.TryParse(device.Text("capacityInKB"), CultureInfo.InvariantCulture, out var kib) ? kib : null;

    // vCenter tells a disk's size both ways; vcsim tells what it was sent.
    private static void Capacity(XElement device)
    {
        if (Soap.TypeOf(device) != "VirtualDisk")
            return;
        if (long.TryParse(device.Text("capacityInBytes"), CultureInfo.InvariantCulture, out var bytes) && bytes > 0)
            SetMember(device, Soap.Element("capacityInKB", (bytes / 1024).ToString(CultureInfo.InvariantCulture)));
        else if (KiB(device) is { } kib)
            SetMember(device, Soap.Element("capacityInBytes", (kib * 1024).ToString(CultureInfo.InvariantCulture)));
    }

    private static void SetMember(XElement element, XElement member)
    {
        element.Elements(member.Name).Remove();
        element.Add(member);
    }

    private XElement Rename(SoapCall call) => Start(call, () =>
    {
        if (_vcsim.Read(call.This, "parent").TryGetValue("parent", out var parent))
            RefuseTaken(MoRef.Of(parent), call.Need("newName").Value, call.This);
        return _vcsim.Run(call.Body);
    });

    private XElement Move(SoapCall call) => Start(call, () =>
    {
        foreach (var item in call.Body.All("list").Select(MoRef.Of))
            RefuseTaken(call.This, _vcsim.Read(item, "name")["name"].Value, item);
        return _vcsim.Run(call.Body);
    });

    private XElement Destroy(SoapCall call) => Start(call, () =>
    {
        if (call.This.Type == "DistributedVirtualPortgroup" && UsersOf(call.This) is { Length: > 0 })
            throw Fault("ResourceInUse", Soap.Element("type", call.This.Type), Soap.Element("name", _vcsim.Read(call.This, "name")["name"].Value));
        Remove(call.This);
        return null;
    });

    private void Remove(MoRef target)
    {
        // vcsim drops a folder and forgets the machines in it.
        if (target.Type == "Folder" && _vcsim.Read(target, "childEntity").TryGetValue("childEntity", out var children))
            foreach (var child in children.Elements().Select(MoRef.Of))
                Remove(child);
        if (target.Type == "VirtualMachine")
            TakeOffKeptDisks(target);
        if (target.Type == "VirtualMachine")
            KeepOthers(target, () => _vcsim.Destroy(target));
        else
            _vcsim.Destroy(target);
        _rest.Detach(target);
        Forget(target);
    }

    // A first-class disk that is to be kept outlives its machine; vcsim deletes every file that is attached.
    private void TakeOffKeptDisks(MoRef machine)
    {
        var devices = _vcsim.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Where(d => Soap.TypeOf(d) == "VirtualDisk").ToList();
        var manager = new MoRef("VcenterVStorageObjectManager", "VStorageObjectManager");
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var datastore in devices.Select(d => d.Get("backing")?.Get("datastore")).OfType<XElement>().Select(MoRef.Of).Distinct())
            foreach (var id in _vcsim.Call("ListVStorageObject", manager, datastore.As("datastore")).All("returnval"))
                try
                {
                    var disk = _vcsim.Call("RetrieveVStorageObject", manager, Soap.Element("id", Soap.Element("id", id.Text("id"))), datastore.As("datastore")).Get("returnval")!.Get("config")!;
                    if (disk.Text("keepAfterDeleteVm") == "true")
                        kept.Add(disk.Get("backing")!.Text("filePath")!);
                }
                catch (VimFault fault) when (fault.Type == "NotFound")
                {
                    // Its file is gone: nothing to keep.
                }

        var taken = devices.Where(d => kept.Contains(d.Get("backing")!.Text("fileName") ?? "")).ToList();
        if (taken.Count > 0)
            _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), Soap.Element("spec", taken.Select(d => Soap.Element("deviceChange", Soap.Element("operation", "remove"), new XElement(d) { Name = Soap.Vim + "device" })))));
    }

    private static VimFault Invalid(string property) => new("InvalidArgument", "A specified parameter was not correct: " + property, Soap.Element("invalidProperty", property));
}
