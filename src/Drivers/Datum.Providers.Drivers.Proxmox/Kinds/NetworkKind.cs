using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// A virtual network (vnet) of a zone with its ranges. Changes to it are pending until they are applied, which is a step of its own: it applies
/// what others have pending too. Part: <c>vnet</c>. Where there is no zone, <see cref="BridgeClaims"/> stands for it (part <c>claim</c>).
/// </summary>
internal sealed partial class NetworkKind(ProxmoxContext context) : IResourceDriver<NetworkSpec, NetworkFacts>
{
    public const string VnetPart = "vnet";
    private const string NameStep = "name";
    private const string SubnetsStep = "subnets";
    private const string AliasStep = "alias";
    private const string ApplyStep = "apply";

    /// <summary>Eight lower-case letters and digits.</summary>
    public static NameRules VnetNames { get; } = new() { MaxLength = 8, Separator = "" };

    private readonly BridgeClaims _claims = new(context);

    private PveApi Api => context.Api;

    public static string VnetIdOf(string name) => "vnet/" + name;

    /// <summary>The name in a part's id; null when it is no vnet's.</summary>
    public static string? VnetOf(string? id) =>
        id?.StartsWith("vnet/", StringComparison.Ordinal) == true && id.Length is > 5 and <= 13 && id.Skip(5).All(char.IsAsciiLetterOrDigit) ? id[5..] : null;

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var location = ProxmoxLocation.Parse(desired.LocationJson);
        if (location.Zone is null == location.Bridge is null)
            findings.Add(new Finding { Path = "location.zone", Message = "The Location's proxmox block needs an SDN zone, or a bridge where there is none, and not both." });
        foreach (var family in desired.IpFamilies)
            if (family is not ("IPv4" or "IPv6"))
                findings.Add(new Finding { Path = "ipFamilies", Message = $"{family} is neither IPv4 nor IPv6." });
        if (desired.Mtu is < 1280 or > 65520)
            findings.Add(new Finding { Path = "mtu", Message = "The MTU is 1280 to 65520." });
        if (desired.Ranges.IsEmpty)
            findings.Add(new Finding { Path = "ranges", Capability = "rangeOrder", Message = "Networks of this platform hold their ranges; one is needed at least." });
        foreach (var range in desired.Ranges)
            if (!Cidr.TryParse(range, out var cidr))
                findings.Add(new Finding { Path = "ranges", Message = $"'{range}' is no prefix with zero host bits." });
            else if (cidr.AddressBits - cidr.PrefixLength < 2)
                findings.Add(new Finding { Path = "ranges", Message = $"{range} has no room for a gateway and a guest." });
        if (findings.Count == 0 && location.Zone is not null)
            await ValidateZoneAsync(call, desired, location.Zone, findings);
        return findings.ToImmutable();
    }

    public async ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle)
    {
        var work = await Api.LookAsync(call, handle);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var found = await FindAsync(call, id);
        if (found.Error is not null)
            return found.Error;
        if (found.Candidates.Length > 0)
            return new Ambiguous<NetworkFacts> { Candidates = [.. found.Candidates.Select(c => new Part { Name = VnetPart, Id = c })] };
        if (found.Item is { } vnet)
            return await SeenAsync(call, id, desired, vnet, work);
        if (await _claims.ObserveAsync(call, id, desired) is { } claim)
            return claim;
        return new Absent<NetworkFacts>
        {
            Next = desired is null ? null : FirstStep(id, desired, found.All),
            InProgress = work?.Progress,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        var location = ProxmoxLocation.Parse(desired.LocationJson);
        switch (operation.Step.Part)
        {
            case BridgeClaims.Part or BridgeClaims.RangesStep:
                return await _claims.CreateAsync(operation, id, desired);
            case NameStep when location.Zone is { } zone:
                return await ChooseAsync(operation.Call, id, zone);
            case VnetPart when location.Zone is { } zone:
                return await MakeAsync(operation.Call, id, desired, zone);
            case SubnetsStep or ApplyStep:
                return await ChangeAsync(operation, id, desired);
            default:
                return Failure(PveErrors.NoSuchStep(operation.Step));
        }
    }

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) => operation.Step.Part switch
    {
        SubnetsStep or ApplyStep or AliasStep => ChangeAsync(operation, id, desired),
        BridgeClaims.RangesStep or BridgeClaims.CommentStep => _claims.UpdateAsync(operation, id, desired),
        _ => new(Failure(PveErrors.NoSuchStep(operation.Step))),
    };

    public async ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part == BridgeClaims.Part)
            return await _claims.DeleteAsync(operation, id);
        if (operation.Step.Part != VnetPart)
            return Failure(PveErrors.NoSuchStep(operation.Step));
        var found = await FindAsync(operation.Call, id);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Candidates.Length > 0)
            return Failure(PveErrors.Several(found.Candidates));
        if (found.Item is not { } vnet)
            return new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() };
        if (Marks.Compare(id, vnet.Mark) != MarkState.Ours)
            return Failure(PveErrors.NotOurs(vnet.Id));
        // Ranges, the vnet, and what makes it true on the nodes; whoever dies in between begins again where the look says.
        if (vnet.State != "deleted" && await RemoveAsync(operation.Call, vnet) is { } stuck)
            return Failure(stuck);
        return await ApplyAsync(operation.Call, id, vnet);
    }

    public async ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var (vnets, error) = await SdnReads.VnetsAsync(Api, call);
        if (error is not null)
            return error;
        var items = vnets.Where(v => v.Mark is { Kind: ResourceKind.Network, Part: null } m && m.Installation == query.Installation).Select(v => new Listed<NetworkFacts>
        {
            Name = v.Mark!.Name,
            Incarnation = v.Mark.Incarnation,
            Parts = [new Part { Name = VnetPart, Id = v.Id }],
            State = v.State switch { null => Lifecycle.Ready, "deleted" => Lifecycle.Deleting, "new" => Lifecycle.Creating, _ => Lifecycle.Updating },
        });
        var (claims, failed) = await _claims.ListAsync(call, query);
        return failed is not null ? failed : Slices.Of(items.Concat(claims), query, ResourceKind.Network, cursor);
    }

    // ---- looking

    private sealed record FoundVnet
    {
        public Vnet? Item { get; init; }
        public ImmutableArray<string> Candidates { get; init; } = [];
        public ImmutableArray<Vnet> All { get; init; } = [];
        public DriverError? Error { get; init; }
    }

    /// <summary>By recorded id, else by our mark in all of them.</summary>
    private async ValueTask<FoundVnet> FindAsync(Call call, Identity id)
    {
        // Another backing is recorded: nothing of ours is here.
        if (id.PartId(BridgeClaims.Part) is not null)
            return new FoundVnet();
        var (all, error) = await SdnReads.VnetsAsync(Api, call);
        if (error is not null)
            return new FoundVnet { Error = error };
        if (id.PartId(VnetPart) is { } recorded)
            return new FoundVnet { Item = all.FirstOrDefault(v => v.Id == recorded), All = all };
        var ours = all.Where(v => Marks.Compare(id, v.Mark) == MarkState.Ours).ToList();
        return ours.Count > 1 ? new FoundVnet { Candidates = [.. ours.Select(v => v.Id)], All = all } : new FoundVnet { Item = ours.FirstOrDefault(), All = all };
    }

    private static Step FirstStep(Identity id, NetworkSpec desired, ImmutableArray<Vnet> all)
    {
        if (ProxmoxLocation.Parse(desired.LocationJson) is { Zone: null, Bridge: not null })
            return BridgeClaims.CreateStep;
        // What was chosen may have been taken by somebody since (DC-38).
        var name = id.Resolved.GetValueOrDefault("vnet");
        var tag = id.Resolved.GetValueOrDefault("tag");
        var zone = ProxmoxLocation.Parse(desired.LocationJson).Zone;
        var taken = all.Any(v => v.Name == name || (tag is not null && v.Zone == zone && v.Tag?.ToString(CultureInfo.InvariantCulture) == tag));
        return name is null || taken ? Create(NameStep, CreateClass.Repeatable, "choose a name") : Create(VnetPart, CreateClass.Named, "create vnet " + name);
    }

    private async ValueTask<Answer<Observation<NetworkFacts>>> SeenAsync(Call call, Identity id, NetworkSpec? desired, Vnet vnet, OperationLook? work)
    {
        // What is to be gone has no ranges that could be asked for any more.
        var (subnets, error) = vnet.State == "deleted" ? ([], null) : await SdnReads.SubnetsAsync(Api, call, vnet.Name);
        if (error is not null)
            return error;
        var mark = Marks.Compare(id, vnet.Mark);
        var pending = vnet.State is not null || subnets.Any(s => s.State is not null);
        var ranges = subnets.Where(s => !s.Deleted && s.Cidr is not null).Select(s => s.Cidr!).Order(StringComparer.Ordinal).ToImmutableArray();
        var going = vnet.State == "deleted";
        var fresh = vnet.State == "new";
        var diff = new SpecDiff();
        if (desired is not null && !going && !fresh)
        {
            var missing = Missing(desired, ranges);
            if (missing.Count > 0)
                diff.Add("ranges", Remedy.InPlace, string.Join(", ", missing), string.Join(", ", ranges));
            diff.Number("mtu", desired.Mtu, vnet.Mtu, Remedy.InPlace);
        }

        Step? next = null;
        if (mark == MarkState.Ours && work?.Status != OperationStatus.Running)
            next = desired is null ? DeleteStep(vnet)
                : going ? null
                : fresh ? Missing(desired, ranges).Count > 0 ? Create(SubnetsStep, CreateClass.Repeatable, "create ranges") : Create(ApplyStep, CreateClass.Repeatable, "apply")
                : diff.ToDrift().Any(d => d.Path == "ranges") ? Update(SubnetsStep) : diff.CanUpdate ? Update(AliasStep) : pending ? Update(ApplyStep) : null;
        return new Present<NetworkFacts>
        {
            Facts = new NetworkFacts { Ranges = ranges, Mtu = vnet.Mtu, PlatformState = vnet.State ?? "applied" },
            Parts = [new Part { Name = VnetPart, Id = vnet.Id }],
            State = going ? Lifecycle.Deleting : fresh ? Lifecycle.Creating : pending ? Lifecycle.Updating : Lifecycle.Ready,
            Mark = mark,
            Incarnation = vnet.Mark?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = next,
            InProgress = desired is null && next is not null ? null : work?.Progress,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private static List<string> Missing(NetworkSpec desired, ImmutableArray<string> ranges) =>
        [.. desired.Ranges.Where(r => Cidr.TryParse(r, out _)).Select(r => Cidr.Parse(r).ToString()).Where(r => !ranges.Contains(r)).Distinct(StringComparer.Ordinal)];

    private static Step DeleteStep(Vnet vnet) =>
        new() { Part = VnetPart, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"{(vnet.State == "deleted" ? "apply the removal of" : "delete")} {vnet.Id}" };

    private static Step Create(string part, CreateClass createClass, string words) => new() { Part = part, Verb = StepVerb.Create, Class = createClass, Description = words };

    private static Step Update(string part) => new() { Part = part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = part };

    private static Failed<NetworkFacts> Failure(DriverError error) => new() { Error = error };
}
