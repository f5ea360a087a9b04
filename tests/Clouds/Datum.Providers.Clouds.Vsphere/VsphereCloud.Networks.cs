using System.Globalization;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>Distributed portgroups.</summary>
public sealed partial class VsphereCloud
{
    private static readonly string[] Kept = ["name", "numPorts", "portNameFormat", "defaultPortConfig", "description", "type", "policy", "scope", "autoExpand"];

    private XElement CreatePortgroup(SoapCall call) => Start(call, () =>
    {
        var name = call.Need("spec").Text("name") ?? throw Invalid("spec.name");
        if (Knobs.MostPortgroups is { } most && _vcsim.List("DistributedVirtualPortgroup").Count(p => !_standard.Contains(p)) >= most)
            throw Fault("LimitExceeded", Soap.Element("property", "maxDvPortgroups"), Soap.Element("limit", most.ToString(CultureInfo.InvariantCulture)));
        var spec = new XElement(call.Need("spec"));
        foreach (var policy in spec.All("defaultPortConfig").Elements().Where(p => p.Get("inherited") is null && p.Name.LocalName is "vlan" or "uplinkTeamingPolicy" or "macManagementPolicy"))
            policy.AddFirst(Soap.Element("inherited", "false"));
        _vcsim.Run(Soap.Element("AddDVPortgroup_Task", call.This.As("_this"), spec));
        var parent = MoRef.Of(_vcsim.Read(call.This, "parent")["parent"]);
        var made = _vcsim.FindChild(parent, name) ?? throw Fault("SystemError");
        _born[made] = Now;
        var result = made.As("result");
        result.Add(Soap.Type("ManagedObjectReference"));
        return result;
    }, exclusive: false);

    // What isn't sent stays as it is; vcsim would take it for empty.
    private XElement ReconfigurePortgroup(SoapCall call) => Start(call, () =>
    {
        var (config, wish) = (_vcsim.Read(call.This, "config")["config"], call.Need("spec"));
        if (wish.Text("configVersion") is { } seen && seen != Version(call.This))
            throw Fault("ConcurrentAccess");
        if (wish.Text("name") is { } name && name != config.Text("name"))
            throw new VimFault("NotSupported", "The simulator can't rename a portgroup.");
        var spec = Soap.Element("spec");
        foreach (var member in Kept)
            if (wish.All(member).Any())
                spec.Add(wish.All(member).Select(m => member == "defaultPortConfig" && config.Get(member) is { } old ? Merged(old, m) : new XElement(m)));
            else
                spec.Add(config.All(member).Select(m => new XElement(m)));
        _vcsim.Run(Soap.Element("ReconfigureDVPortgroup_Task", call.This.As("_this"), spec));
        _versions[call.This] = _versions.GetValueOrDefault(call.This, 1) + 1;
        return null;
    });

    private static XElement Merged(XElement old, XElement wish)
    {
        var merged = new XElement(old);
        foreach (var member in wish.Elements())
            SetMember(merged, new XElement(member));
        return merged;
    }

    private ImmutableArray<MoRef> UsersOf(MoRef portgroup) =>
        [.. _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine"), "network").Where(m => m.Value.TryGetValue("network", out var all) && all.Elements().Any(n => MoRef.Of(n).Value == portgroup.Value)).Select(m => m.Key)];
}
