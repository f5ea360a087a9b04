namespace Datum.Providers.Clouds.Vsphere;

/// <summary>What a traversal leads to where vcsim keeps no list: machines of a portgroup, and tasks, which are the proxy's own.</summary>
public sealed partial class VsphereCloud
{
    private void Expand(SoapCall call)
    {
        foreach (var set in call.Body.All("specSet").SelectMany(s => s.All("objectSet")).ToList())
        {
            if (set.Get("selectSet") is not { } select || set.Get("obj") is not { } from)
                continue;
            ImmutableArray<MoRef>? found = (MoRef.Of(from).Type, select.Text("path")) switch
            {
                ("DistributedVirtualPortgroup", "vm") => UsersOf(MoRef.Of(from)),
                ("TaskManager", "recentTask") => [.. _tasks.Values.Where(t => !t.Forgotten).Select(t => t.Ref)],
                _ => null,
            };
            if (found is not { } targets)
                continue;
            set.AddAfterSelf(targets.Select(t => Soap.Element("objectSet", t.As("obj"))));
            set.Remove();
        }
    }
}
