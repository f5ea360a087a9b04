using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// Networks where there is no zone: a bridge of the nodes, with a VLAN or without, which is others' and stays as it is. What is made is the claim
/// to it: an IP set whose comment has the mark and the bridge, and whose members are the network's ranges. Of one bridge and VLAN there is one
/// claim, since two networks there would be one.
/// </summary>
internal sealed class BridgeClaims(ProxmoxContext context)
{
    public const string Part = "claim";
    public const string RangesStep = "ranges";
    public const string CommentStep = "comment";

    public static Step CreateStep { get; } = new() { Part = Part, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "claim the bridge" };

    private static readonly NameRules Names = new() { MaxLength = 64 };

    private PveApi Api => context.Api;

    /// <summary>The bridge and VLAN of a claim's comment.</summary>
    public static (string? Bridge, int? Vlan, int? Mtu) Read(string? comment) =>
        (NetworkWords.Text(comment, "bridge"), NetworkWords.Number(comment, "vlan"), NetworkWords.Number(comment, "mtu"));

    public static bool IsClaim(string? id) => id?.StartsWith("ipset/net-", StringComparison.Ordinal) == true && IpSets.IsName(id[6..]);

    /// <summary>Null when there is no claim of this identity.</summary>
    public async ValueTask<Answer<Observation<NetworkFacts>>?> ObserveAsync(Call call, Identity id, NetworkSpec? desired)
    {
        if (desired is not null && id.PartId(Part) is null && ProxmoxLocation.Parse(desired.LocationJson).Bridge is null)
            return null;
        var (all, error) = await IpSets.AllAsync(Api, call);
        if (error is not null)
            return error;
        if (Find(id, all) is not { } set)
            return null;
        var (members, failed) = await IpSets.MembersAsync(Api, call, set.Name);
        if (failed is not null)
            return failed;
        var mark = Marks.Compare(id, set.Mark);
        // What carries no mark isn't ours, whatever its name.
        if (mark == MarkState.Missing && id.PartId(Part) is null)
            return null;
        var diff = new SpecDiff();
        List<string> missing = [];
        if (desired is not null)
        {
            missing = [.. desired.Ranges.Where(r => !members.Contains(r))];
            if (missing.Count > 0)
                diff.Add("ranges", Remedy.InPlace, string.Join(", ", missing), string.Join(", ", members));
            diff.Number("mtu", desired.Mtu, Read(set.Comment).Mtu, Remedy.InPlace);
        }

        Step? next = null;
        if (mark == MarkState.Ours)
            next = desired is null ? Step(Part, StepVerb.Delete, "give the bridge back")
                : members.Length == 0 && missing.Count > 0 ? Step(RangesStep, StepVerb.Create, "write the ranges")
                : missing.Count > 0 ? Step(RangesStep, StepVerb.Update, "write the ranges")
                : diff.CanUpdate ? Step(CommentStep, StepVerb.Update, "write the comment") : null;
        return new Present<NetworkFacts>
        {
            Facts = new NetworkFacts { Ranges = members, Mtu = Read(set.Comment).Mtu, PlatformState = Read(set.Comment).Bridge },
            Parts = [new Part { Name = Part, Id = set.Id }],
            State = next is { Verb: StepVerb.Create } ? Lifecycle.Creating : Lifecycle.Ready,
            Mark = mark,
            Incarnation = set.Mark?.Incarnation ?? 0,
            Drift = next is { Verb: StepVerb.Create } ? [] : diff.ToDrift(),
            Next = next,
        };
    }

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        if (operation.Step.Part == RangesStep)
            return await UpdateAsync(operation, id, desired);
        if (ProxmoxLocation.Parse(desired.LocationJson) is not { Bridge: { } bridge } location)
            return Failure(PveErrors.Refused(ErrorCode.Invalid, "The Location's proxmox block names no bridge.") with { Field = "location.bridge" });
        var call = operation.Call;
        var (all, error) = await IpSets.AllAsync(Api, call);
        if (error is not null)
            return Failure(error);
        if (all.FirstOrDefault(s => s.Mark is { Kind: ResourceKind.Network } m && m.Name != id.Name && Read(s.Comment) is var other && other.Bridge == bridge && other.Vlan == location.Vlan) is { } holder)
            return Failure(PveErrors.Refused(ErrorCode.Conflict, $"Bridge {bridge}{(location.Vlan is { } v ? $" with VLAN {v}" : "")} is another network's ({holder.Id}); each network needs a VLAN of its own.") with { BlockedBy = [holder.Id] });
        if (id.PartId(Part) is { } recorded)
            return Find(id, all) is not { } known ? Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : Marks.Compare(id, known.Mark) == MarkState.Ours ? Made(known.Name) : Failure(PveErrors.NotOurs(recorded));
        var name = ResourceNames.For(id, Names);
        var look = await Api.ChangeAsync(call, new PveForm().Set("name", name).Set("comment", Comment(id, desired, location)).Post("cluster/firewall/ipset"));
        if (look.Error is not { } refused)
            return Made(name);
        if (refused.Code != ErrorCode.Conflict)
            return Failure(refused);
        (all, error) = await IpSets.AllAsync(Api, call);
        if (error is not null)
            return Failure(error);
        var there = all.FirstOrDefault(s => s.Name == name);
        return there is not null && Marks.Compare(id, there.Mark) == MarkState.Ours && there.Mark!.Incarnation == id.Incarnation ? Made(name) : Failure(refused with { BlockedBy = ["ipset/" + name] });
    }

    public async ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        var call = operation.Call;
        var (all, error) = await IpSets.AllAsync(Api, call);
        if (error is not null)
            return Failure(error);
        if (Find(id, all) is not { } set)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "The claim isn't there to be changed."));
        if (Marks.Compare(id, set.Mark) != MarkState.Ours)
            return Failure(PveErrors.NotOurs(set.Id));
        if (operation.Step.Part == CommentStep)
        {
            var (bridge, vlan, _) = Read(set.Comment);
            var look = await Api.ChangeAsync(call, new PveForm().Set("name", set.Name).Set("rename", set.Name).Set("comment", Comment(id, desired, new ProxmoxLocation { Bridge = bridge, Vlan = vlan })).Post("cluster/firewall/ipset"));
            return look.Error is { } failed ? Failure(failed) : new Done<NetworkFacts>();
        }

        var (members, lost) = await IpSets.MembersAsync(Api, call, set.Name);
        if (lost is not null)
            return Failure(lost);
        return await IpSets.AddAsync(Api, call, set.Name, desired.Ranges.Where(r => !members.Contains(r))) is { } refused ? Failure(refused) : new Done<NetworkFacts>();
    }

    public async ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        var (all, error) = await IpSets.AllAsync(Api, operation.Call);
        if (error is not null)
            return Failure(error);
        if (Find(id, all) is not { } set)
            return new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() };
        if (Marks.Compare(id, set.Mark) != MarkState.Ours)
            return set.Mark is null && id.PartId(Part) is null ? new Done<NetworkFacts>() : Failure(PveErrors.NotOurs(set.Id));
        return await IpSets.RemoveAsync(Api, operation.Call, set.Name) is { } refused ? Failure(refused) : new Done<NetworkFacts>();
    }

    public async ValueTask<(ImmutableArray<Listed<NetworkFacts>> Items, DriverError? Error)> ListAsync(Call call, ListQuery query)
    {
        var (all, error) = await IpSets.AllAsync(Api, call);
        return error is not null ? ([], error) : ([.. all.Where(s => s.Mark is { Kind: ResourceKind.Network, Part: null } m && m.Installation == query.Installation).Select(s => new Listed<NetworkFacts>
        {
            Name = s.Mark!.Name,
            Incarnation = s.Mark.Incarnation,
            Parts = [new Part { Name = Part, Id = s.Id }],
            State = Lifecycle.Ready,
        })], null);
    }

    private static IpSet? Find(Identity id, ImmutableArray<IpSet> all) =>
        id.PartId(Part) is { } recorded ? all.FirstOrDefault(s => s.Id == recorded) : all.FirstOrDefault(s => s.Name == ResourceNames.For(id, Names));

    private static string Comment(Identity id, NetworkSpec desired, ProxmoxLocation location) =>
        NetworkWords.Write(id, desired, $"bridge={location.Bridge}{(location.Vlan is { } vlan ? string.Create(CultureInfo.InvariantCulture, $" vlan={vlan}") : "")}");

    private static Step Step(string part, StepVerb verb, string words) => new() { Part = part, Verb = verb, Class = CreateClass.Repeatable, Description = words };

    private static Done<NetworkFacts> Made(string name) => new() { Parts = [new Part { Name = Part, Id = "ipset/" + name }] };

    private static Failed<NetworkFacts> Failure(DriverError error) => new() { Error = error };
}

/// <summary>A set of addresses of the data centre's firewall.</summary>
internal sealed record IpSet(string Name, string? Comment)
{
    public string Id => "ipset/" + Name;

    public Mark? Mark => TextMarks.Read(Comment);
}

/// <summary>Requests to the data centre's sets.</summary>
internal static class IpSets
{
    public static bool IsName(string name) => name.Length is > 1 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    public static async ValueTask<(ImmutableArray<IpSet> Items, DriverError? Error)> AllAsync(PveApi api, Call call)
    {
        var list = await api.ListAsync(call, "cluster/firewall/ipset");
        return list.Value is { } items ? ([.. items.Items.Where(i => i.Text("name") is not null).Select(i => new IpSet(i.Text("name")!, i.Text("comment")))], null) : ([], list.Error);
    }

    /// <summary>Members as prefixes in one spelling; those that are excepted are left out.</summary>
    public static async ValueTask<(ImmutableArray<string> Members, DriverError? Error)> MembersAsync(PveApi api, Call call, string name)
    {
        var list = await api.ListAsync(call, $"cluster/firewall/ipset/{name}");
        return list.Value is { } items ? ([.. items.Items.Where(i => !i.Flag("nomatch")).Select(i => Normal(i.Text("cidr") ?? "")).Order(StringComparer.Ordinal)], null) : ([], list.Error);
    }

    public static async ValueTask<DriverError?> AddAsync(PveApi api, Call call, string name, IEnumerable<string> members)
    {
        foreach (var member in members)
        {
            var look = await api.ChangeAsync(call, new PveForm().Set("cidr", member).Post($"cluster/firewall/ipset/{name}"));
            if (look.Error is { Code: not ErrorCode.Conflict } error)
                return error;
        }

        return null;
    }

    public static async ValueTask<DriverError?> TakeAsync(PveApi api, Call call, string name, IEnumerable<string> members)
    {
        foreach (var member in members)
        {
            var look = await api.ChangeAsync(call, RestRequest.Delete($"cluster/firewall/ipset/{name}/{Uri.EscapeDataString(member)}"));
            if (look.Error is { } error && !IsGone(error))
                return error;
        }

        return null;
    }

    public static async ValueTask<DriverError?> RemoveAsync(PveApi api, Call call, string name)
    {
        // A set that has members isn't removed otherwise.
        var look = await api.ChangeAsync(call, RestRequest.Delete($"cluster/firewall/ipset/{name}?force=1"));
        return look.Error is { } error && !IsGone(error) ? error : null;
    }

    /// <summary>Whether what was to be removed isn't there. A lock that couldn't be had has the same code.</summary>
    public static bool IsGone(DriverError error) => error.Code == ErrorCode.NotReadyYet
        && (error.Message.Contains("no such", StringComparison.OrdinalIgnoreCase) || error.Message.Contains("does not exist", StringComparison.OrdinalIgnoreCase));

    private static string Normal(string member)
    {
        // A single address is written without its length.
        var text = member.Contains('/', StringComparison.Ordinal) ? member : member + (member.Contains(':', StringComparison.Ordinal) ? "/128" : "/32");
        return Cidr.TryParse(text, out var cidr) ? cidr.ToString() : member;
    }
}
