using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Kinds;

/// <summary>Finding, making and claiming portgroups.</summary>
internal sealed partial class NetworkKind
{
    /// <summary>By recorded id, else everything that carries the mark.</summary>
    private async ValueTask<(ImmutableArray<Portgroup> Found, DriverError? Error)> FindAsync(Call call, Identity id, TaskLook? work = null)
    {
        // What the create's own task made is there before searches show it.
        var made = work?.Result?.AsRef() is { Type: Type } result ? result.Value : null;
        if ((id.PartId(Portgroup.Made) ?? id.PartId(Portgroup.Claimed) ?? made) is { } recorded)
        {
            if (!MoRef.IsValue(recorded))
                return ([], null);
            var (item, failed) = await context.Properties.ReadAsync(call, new MoRef(Type, recorded), Portgroup.Paths);
            return failed is not null ? ([], failed) : item is not null && Portgroup.Read(item) is { } portgroup ? ([portgroup], null) : ([], null);
        }

        var (all, complete, error) = await context.Properties.AllAsync(call, Type, Portgroup.Paths);
        if (error is not null)
            return ([], error);
        ImmutableArray<Portgroup> found = [.. all.Select(Portgroup.Read).OfType<Portgroup>().Where(p => p.Compare(id) == MarkState.Ours)];
        return found.IsEmpty && !complete ? ([], Properties.Unread("all portgroups", all.First(p => p.Hidden).Withheld!)) : (found, null);
    }

    private async ValueTask<(Portgroup? Item, DriverError? Error)> OursAsync(Call call, Identity id)
    {
        var (found, error) = await FindAsync(call, id);
        if (error is not null || found.IsEmpty)
            return (null, error);
        if (found.Length > 1)
            return (null, VimErrors.Refused(ErrorCode.Conflict, $"Several portgroups answer: {string.Join(", ", found.Select(f => f.Ref.Value))}; none is touched.") with { BlockedBy = [.. found.Select(f => f.Ref.Value)] });
        return found[0].Compare(id) == MarkState.Ours ? (found[0], null)
            : id.PartId(Portgroup.Claimed) is not null ? (null, null) : (null, VimErrors.NotOurs(found[0].Ref.Value));
    }

    private async ValueTask<Outcome<NetworkFacts>> MakeAsync(Call call, Identity id, NetworkSpec desired)
    {
        var at = VsphereLocation.Parse(desired.LocationJson);
        if (at.Switch is null)
            return Failure(VimErrors.Refused(ErrorCode.Invalid, "The Location's vsphere block names no switch.") with { Field = "location.switch" });
        if (id.PartId(Portgroup.Made) is { } recorded)
            return await RecordedAsync(call, id, recorded, Portgroup.Made);
        if (await context.Tags.CheckAsync(call) is { } untagged)
            return Failure(untagged);
        var (target, error) = await context.Places.SwitchAsync(call, at);
        if (error is not null)
            return Failure(error);
        var (others, failed) = await OnSwitchAsync(call, target!.Value);
        if (failed is not null)
            return Failure(failed);
        var name = ResourceNames.For(id, VsphereContext.Names);
        if (others.FirstOrDefault(o => o.Name == name) is { } taken)
            return taken.Compare(id) == MarkState.Ours && taken.Mark?.Incarnation == id.Incarnation
                ? new Done<NetworkFacts> { Parts = [new Part { Name = Portgroup.Made, Id = taken.Ref.Value }] }
                : Failure(VimErrors.Refused(ErrorCode.Conflict, $"The switch has a portgroup {name} that isn't this one's.") with { BlockedBy = [taken.Ref.Value] });
        if (ChooseVlan(id, others) is not { } vlan)
            return Failure(NoVlan());
        var look = await context.Tasks.MakeAsync(call, "CreateDVPortgroup_Task", target.Value, w =>
        {
            w.Open("spec").Text("name", name).Number("numPorts", 8);
            WriteVlan(w, vlan);
            w.Text("description", Portgroup.Describe(id, desired)).Text("type", "earlyBinding").Flag("autoExpand", true).Close();
        });
        // A name that is taken may be our own, of a portgroup that searches don't show yet (DC-47).
        if (look.Error is { PlatformCode: "DuplicateName", BlockedBy: [var holder, ..] } duplicate && MoRef.IsValue(holder))
        {
            var (read, lost) = await context.Properties.ReadAsync(call, new MoRef(Type, holder), Portgroup.Paths);
            return read is not null && Portgroup.Read(read) is { } own && own.Compare(id) == MarkState.Ours && own.Mark?.Incarnation == id.Incarnation
                ? new Done<NetworkFacts> { Parts = [new Part { Name = Portgroup.Made, Id = holder }] } : Failure(lost ?? duplicate);
        }

        return look is { Status: OperationStatus.Succeeded, Result: { } made } && made.AsRef() is { } portgroup
            ? new Done<NetworkFacts> { Parts = [new Part { Name = Portgroup.Made, Id = portgroup.Value }] } : ToOutcome(look);
    }

    /// <summary>Claims the portgroup that the Location names: its version guards against a claim at the same time.</summary>
    private async ValueTask<Outcome<NetworkFacts>> ClaimAsync(Call call, Identity id, NetworkSpec desired)
    {
        var at = VsphereLocation.Parse(desired.LocationJson);
        if (at.Network is null)
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The Location names no portgroup any more."));
        if (id.PartId(Portgroup.Claimed) is { } recorded)
            return await RecordedAsync(call, id, recorded, Portgroup.Claimed);
        var (target, error) = await context.Places.PortgroupAsync(call, at);
        if (error is not null)
            return Failure(error);
        var (read, failed) = await context.Properties.ReadAsync(call, target!.Value, Portgroup.Paths);
        if (read is null || Portgroup.Read(read) is not { } item)
            return Failure(failed ?? VimErrors.Refused(ErrorCode.NotReadyYet, $"The portgroup {at.Network} went away."));
        if (item.Compare(id) == MarkState.Ours)
            return new Done<NetworkFacts> { Parts = [new Part { Name = Portgroup.Claimed, Id = item.Ref.Value }] };
        if (item.Description.Contains("datum:", StringComparison.Ordinal))
            return Failure(VimErrors.Refused(ErrorCode.Conflict, $"The portgroup {at.Network} serves another Network: its description says which. A Location with a portgroup of its own has room for one Network.") with { BlockedBy = [item.Description] });
        return ToOutcome(await ReconfigureAsync(call, item, Portgroup.Claim(id, desired, item.Description), null));
    }

    /// <summary>Looks who else has the VLAN, and moves away from whoever does: nothing is connected yet.</summary>
    private async ValueTask<Outcome<NetworkFacts>> SettleAsync(Call call, Identity id)
    {
        var (item, error) = await OursAsync(call, id);
        if (item is not { Switch: { } home })
            return Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, "The portgroup isn't there."));
        var (others, failed) = await OnSwitchAsync(call, home);
        if (failed is not null)
            return Failure(failed);
        others = others.RemoveAll(o => o.Ref == item.Ref);
        if (item.Vlan is { } vlan && others.All(o => o.Vlan != vlan))
            return new Done<NetworkFacts> { Resolved = ImmutableDictionary<string, string>.Empty.Add(VlanKey, vlan.ToString(CultureInfo.InvariantCulture)) };
        return ChooseVlan(id, others) is { } free ? ToOutcome(await ReconfigureAsync(call, item, item.Description, free)) : Failure(NoVlan());
    }

    private async ValueTask<Outcome<NetworkFacts>> RecordedAsync(Call call, Identity id, string recorded, string part)
    {
        var (found, error) = await FindAsync(call, id);
        return found.IsEmpty ? Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
            : found[0].Compare(id) == MarkState.Ours ? new Done<NetworkFacts> { Parts = [new Part { Name = part, Id = recorded }] } : Failure(VimErrors.NotOurs(recorded));
    }

    private ValueTask<TaskLook> ReconfigureAsync(Call call, Portgroup item, string description, int? vlan) =>
        context.Tasks.BeginAsync(call, "ReconfigureDVPortgroup_Task", item.Ref, w =>
        {
            w.Open("spec").Text("configVersion", item.ConfigVersion);
            if (vlan is { } number)
                WriteVlan(w, number);
            w.Text("description", description).Close();
        });

    private static void WriteVlan(VimWriter writer, int vlan) =>
        writer.Open("defaultPortConfig", "VMwareDVSPortSetting").Open("vlan", "VmwareDistributedVirtualSwitchVlanIdSpec").Flag("inherited", false).Number("vlanId", vlan).Close().Close();

    private async ValueTask<(ImmutableArray<Portgroup> Items, DriverError? Error)> OnSwitchAsync(Call call, MoRef home)
    {
        var (objects, error) = await context.Properties.ReadThroughAsync(call, home, "portgroup", Type, Portgroup.Paths);
        return ([.. objects.Select(Portgroup.Read).OfType<Portgroup>()], error);
    }

    private async ValueTask<(ImmutableArray<string> Names, DriverError? Error)> UsersAsync(Call call, Portgroup item)
    {
        var (machines, error) = await context.Properties.ReadThroughAsync(call, item.Ref, "vm", "VirtualMachine", "name");
        return ([.. machines.Select(m => m.String("name") ?? m.Ref.Value)], error);
    }

    /// <summary>The first free VLAN in an order of the identity's own: two that choose at once rarely choose alike.</summary>
    private int? ChooseVlan(Identity id, ImmutableArray<Portgroup> others)
    {
        if (context.Settings.Vlans is not { } range)
            return null;
        var taken = others.Select(o => o.Vlan).OfType<int>().ToHashSet();
        foreach (var candidate in ResourceNames.NumberCandidates(id, range.First, range.Last))
            if (!taken.Contains(candidate))
                return candidate;
        return null;
    }

    private DriverError NoVlan() => context.Settings.Vlans is { } range
        ? VimErrors.Refused(ErrorCode.QuotaExceeded, $"Every VLAN from {range.First} to {range.Last} is taken on the switch. Widen settings.vlans of the ProviderConfig.") with { Field = "settings.vlans" }
        : VimErrors.Refused(ErrorCode.Invalid, "The ProviderConfig's settings name no VLANs.") with { Field = "settings.vlans" };

    /// <summary>What the switch lets through; null where that can't be found out now.</summary>
    private async ValueTask<int?> MaxMtuAsync(Call call, VsphereLocation at)
    {
        var (home, _) = await context.Places.SwitchAsync(call, at);
        if (home is not { } target)
            return null;
        var (read, _) = await context.Properties.ReadAsync(call, target, "config.maxMtu");
        return int.TryParse(read?.String("config.maxMtu"), NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most > 0 ? most : null;
    }
}
