using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>What tests see and do behind the API's back, as another user of the vCenter would. Nothing of it takes time.</summary>
public sealed partial class VsphereCloud
{
    /// <summary>Every machine and template.</summary>
    public IReadOnlyList<VsphereMachine> Machines
    {
        get
        {
            lock (_gate)
            {
                Settle();
                var tags = TagNames();
                return
                [
                    .. _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine"), "config", "name", "parent", "runtime.powerState", "runtime.host", "guest").Select(m =>
                    {
                        var config = m.Value["config"];
                        Fold(config, "extraConfig");
                        var own = TagsOf(m.Key, tags);
                        return new VsphereMachine
                        {
                            Reference = m.Key,
                            Name = m.Value["name"].Value,
                            Folder = MoRef.Of(m.Value["parent"]),
                            PowerState = m.Value["runtime.powerState"].Value,
                            Host = m.Value.TryGetValue("runtime.host", out var host) ? MoRef.Of(host) : null,
                            Template = config.Text("template") == "true",
                            Config = config,
                            Options = Options(config).ToImmutableSortedDictionary(StringComparer.Ordinal),
                            Tags = own,
                            Revision = Hash($"{config}{m.Value["name"]}{m.Value["parent"]}{m.Value["runtime.powerState"]}{string.Join(',', own)}"),
                        };
                    }),
                ];
            }
        }
    }

    /// <summary>Every distributed portgroup.</summary>
    public IReadOnlyList<VspherePortgroup> Portgroups
    {
        get
        {
            lock (_gate)
            {
                Settle();
                var tags = TagNames();
                return
                [
                    .. _vcsim.ReadMany("DistributedVirtualPortgroup", _vcsim.List("DistributedVirtualPortgroup"), "config", "name").Select(p => new VspherePortgroup
                    {
                        Reference = p.Key,
                        Name = p.Value["name"].Value,
                        Description = p.Value["config"].Text("description") ?? "",
                        Config = p.Value["config"],
                        Tags = TagsOf(p.Key, tags),
                        Revision = Hash($"{p.Value["config"]}{string.Join(',', TagsOf(p.Key, tags))}"),
                    }),
                ];
            }
        }
    }

    /// <summary>Names of all folders below the datacenter's own, with their references.</summary>
    public IReadOnlyDictionary<string, MoRef> Folders
    {
        get
        {
            lock (_gate)
                return _vcsim.ReadMany("Folder", _vcsim.List("Folder"), "name").GroupBy(f => f.Value["name"].Value, f => f.Key, StringComparer.Ordinal).ToDictionary(f => f.Key, f => f.First(), StringComparer.Ordinal);
        }
    }

    /// <summary>Takes an object away, running or not; false when it isn't there.</summary>
    public bool Vanish(MoRef target) => Try(() =>
    {
        if (target.Type == "VirtualMachine" && IsOn(target))
            _vcsim.Run(Soap.Element("PowerOffVM_Task", target.As("_this")));
        Remove(target);
    });

    /// <summary>Switches a machine on or off, as a person does; its guest follows.</summary>
    public bool SetPower(MoRef machine, bool on) => Try(() =>
    {
        if (IsOn(machine) == on)
            return;
        if (on)
        {
            SwitchOn(machine);
            Settle();
            return;
        }

        _vcsim.Run(Soap.Element("PowerOffVM_Task", machine.As("_this")));
        GuestGone(machine);
    });

    /// <summary>Suspends a machine.</summary>
    public bool Suspend(MoRef machine) => Try(() =>
    {
        _vcsim.Run(Soap.Element("SuspendVM_Task", machine.As("_this")));
        GuestGone(machine);
    });

    /// <summary>Changes a machine by a configuration's members.</summary>
    public bool Edit(MoRef machine, params XElement[] members) => Try(() => Apply(machine, Soap.Element("spec", members.Select(m => new XElement(m)))));

    /// <summary>Sets a value of extraConfig; empty removes it. So a guest does with guestinfo, too.</summary>
    public bool SetOption(MoRef machine, string key, string value) => Edit(machine, Soap.Option(key, value));

    /// <summary>Changes a portgroup by a configuration's members.</summary>
    public bool EditPortgroup(MoRef portgroup, params XElement[] members) => Try(() =>
    {
        var call = new SoapCall(new CloudRequest { Method = "POST", Path = "/sdk" }, Soap.Element("ReconfigureDVPortgroup_Task", portgroup.As("_this"), Soap.Element("spec", members.Select(m => new XElement(m)))));
        AtOnce(() => ReconfigurePortgroup(call));
    });

    /// <summary>Clones a machine into its folder with all of its extraConfig, as a user does; returns the copy.</summary>
    public MoRef Copy(MoRef machine, string name)
    {
        lock (_gate)
        {
            var folder = MoRef.Of(_vcsim.Read(machine, "parent")["parent"]);
            var made = MoRef.Of(MakeClone(machine, folder, name, Soap.Element("spec", Soap.Element("location"))));
            // A person clones tags by hand.
            foreach (var tag in _rest.TagsOf(machine).ToList())
                _rest.Attach(tag, made);
            return made;
        }
    }

    /// <summary>Makes a portgroup on the standard switch; returns it.</summary>
    public MoRef MakePortgroup(string name, string description = "", int vlan = 0)
    {
        lock (_gate)
        {
            var network = _vcsim.Find($"{Inventory.Datacenter}/network")!;
            _vcsim.Run(Soap.Element("AddDVPortgroup_Task", _vcsim.FindChild(network, Inventory.Switch)!.As("_this"), Soap.Element("spec", Soap.Element("name", name), Soap.Element("numPorts", "8"),
                Soap.Element("defaultPortConfig", Soap.Type("VMwareDVSPortSetting"), Soap.Element("vlan", Soap.Type("VmwareDistributedVirtualSwitchVlanIdSpec"), Soap.Element("inherited", "false"), Soap.Element("vlanId", vlan.ToString(CultureInfo.InvariantCulture)))),
                Soap.Element("description", description), Soap.Element("type", "earlyBinding"))));
            return _vcsim.FindChild(network, name)!;
        }
    }

    /// <summary>Makes a machine of a template's in a folder (null: the datacenter's own), on a network of the first interface where one is named; returns it.</summary>
    public MoRef MakeMachine(string name, MoRef? folder = null, MoRef? portgroup = null)
    {
        lock (_gate)
        {
            var root = _vcsim.Find($"{Inventory.Datacenter}/vm")!;
            var template = _vcsim.Find($"{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[0]}")!;
            var spec = Soap.Element("spec", Soap.Element("location", _vcsim.Find($"{Inventory.Datacenter}/host/{Inventory.Pool}")!.As("pool")));
            if (portgroup is not null)
                spec.Add(Soap.Element("config", Soap.Element("deviceChange", Soap.Element("operation", "edit"), Soap.Element("device", Soap.Type("VirtualVmxnet3"), Soap.Element("key", "4000"),
                    Soap.Element("backing", Soap.Type("VirtualEthernetCardDistributedVirtualPortBackingInfo"), Soap.Element("port", Soap.Element("switchUuid", SwitchUuid()), Soap.Element("portgroupKey", portgroup.Value)))))));
            return MoRef.Of(MakeClone(template, folder ?? root, name, spec));
        }
    }

    /// <summary>Moves an object into another folder below the datacenter's machine folder, which is made where it is missing.</summary>
    public bool MoveTo(MoRef target, string folder) => Try(() =>
    {
        var root = _vcsim.Find($"{Inventory.Datacenter}/vm")!;
        var place = _vcsim.FindChild(root, folder) ?? MoRef.Of(_vcsim.Call("CreateFolder", root, Soap.Element("name", folder)).Get("returnval")!);
        _vcsim.Run(Soap.Element("MoveIntoFolder_Task", place.As("_this"), target.As("list")));
    });

    /// <summary>Moves a machine to another host, as DRS does; returns the host.</summary>
    public MoRef Migrate(MoRef machine)
    {
        lock (_gate)
        {
            var now = MoRef.Of(_vcsim.Read(machine, "runtime.host")["runtime.host"]);
            var other = _vcsim.List("HostSystem").First(h => h != now);
            _vcsim.Run(Soap.Element("RelocateVM_Task", machine.As("_this"), Soap.Element("spec", other.As("host"))));
            return other;
        }
    }

    /// <summary>Takes all tags off an object.</summary>
    public bool StripTags(MoRef target) => Try(() => _rest.Detach(target));

    /// <summary>Lets a guest's tools run, with addresses, or stop; power stays as it is.</summary>
    public bool SetTools(MoRef machine, bool run) => Try(() =>
    {
        if (run)
            GuestRuns(machine);
        else
            GuestGone(machine);
    });

    private string SwitchUuid() => _vcsim.Read(_vcsim.Find($"{Inventory.Datacenter}/network/{Inventory.Switch}")!, "uuid")["uuid"].Value;

    private void AtOnce(Action work)
    {
        var knobs = Knobs;
        Knobs = knobs with { DefaultDuration = TimeSpan.Zero, Durations = ImmutableDictionary<string, TimeSpan>.Empty };
        try
        {
            work();
        }
        finally
        {
            Knobs = knobs;
        }
    }

    private bool Try(Action work)
    {
        lock (_gate)
        {
            Settle();
            try
            {
                work();
                return true;
            }
            catch (VimFault fault) when (fault.Type == "ManagedObjectNotFound")
            {
                return false;
            }
        }
    }

    private Dictionary<string, string> TagNames() => _rest.Tags().ToDictionary(t => t, t => _rest.Tag(t)["name"]!.ToString(), StringComparer.Ordinal);

    private ImmutableArray<string> TagsOf(MoRef target, Dictionary<string, string> names) => names.Count == 0 ? [] : [.. _rest.TagsOf(target).Select(t => names[t]).Order(StringComparer.Ordinal)];

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}

/// <summary>A machine or template in the inventory.</summary>
public sealed record VsphereMachine
{
    /// <summary>Its reference.</summary>
    public required MoRef Reference { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The folder that it is in.</summary>
    public required MoRef Folder { get; init; }

    /// <summary><c>poweredOn</c>, <c>poweredOff</c> or <c>suspended</c>.</summary>
    public required string PowerState { get; init; }

    /// <summary>The host that it is on.</summary>
    public MoRef? Host { get; init; }

    /// <summary>Whether it is a template.</summary>
    public required bool Template { get; init; }

    /// <summary>VirtualMachineConfigInfo.</summary>
    public required XElement Config { get; init; }

    /// <summary>extraConfig.</summary>
    public required ImmutableSortedDictionary<string, string> Options { get; init; }

    /// <summary>Names of its tags, sorted.</summary>
    public required ImmutableArray<string> Tags { get; init; }

    /// <summary>Changes with its configuration, name, place, power and tags.</summary>
    public required string Revision { get; init; }
}

/// <summary>A distributed portgroup.</summary>
public sealed record VspherePortgroup
{
    /// <summary>Its reference.</summary>
    public required MoRef Reference { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its description.</summary>
    public required string Description { get; init; }

    /// <summary>DVPortgroupConfigInfo.</summary>
    public required XElement Config { get; init; }

    /// <summary>Names of its tags, sorted.</summary>
    public required ImmutableArray<string> Tags { get; init; }

    /// <summary>Changes with its configuration and tags.</summary>
    public required string Revision { get; init; }
}
