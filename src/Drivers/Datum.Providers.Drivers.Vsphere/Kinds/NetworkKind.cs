using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Kinds;

/// <summary>
/// A network: a portgroup of the Location's switch with a VLAN of its own, or the one portgroup that the Location names, claimed by a mark.
/// The platform gives a VLAN to any number of portgroups: whoever made one looks afterwards and gives way to whom it sees, before anybody uses it.
/// </summary>
internal sealed partial class NetworkKind(VsphereContext context) : IResourceDriver<NetworkSpec, NetworkFacts>
{
    private const string VlanStep = "vlan";
    private const string VlanKey = "vlan";
    private const string TagsStep = "tags";
    private const string Type = "DistributedVirtualPortgroup";

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var at = VsphereLocation.Parse(desired.LocationJson);
        at.Validate(findings, computes: false);
        if (at.Network is null && at.Switch is null)
            findings.Add(new Finding { Path = "location.switch", Message = "The Location's vsphere block names neither a switch for Networks nor a portgroup." });
        else if (at.Network is null && context.Settings.Vlans is null)
            findings.Add(new Finding { Path = "location.switch", Message = "A Network on a switch needs a VLAN: give the ProviderConfig's settings a range (vlans), or name a portgroup in the Location (network)." });
        foreach (var family in desired.IpFamilies)
            if (family is not ("IPv4" or "IPv6"))
                findings.Add(new Finding { Path = "ipFamilies", Message = $"{family} is neither IPv4 nor IPv6." });
        foreach (var range in desired.Ranges)
            if (!Cidr.TryParse(range, out var cidr))
                findings.Add(new Finding { Path = "ranges", Message = $"'{range}' is no prefix with zero host bits." });
            else if (cidr.AddressBits - cidr.PrefixLength < 2)
                findings.Add(new Finding { Path = "ranges", Message = $"{range} has no room for guests: an IPv4 prefix has 30 bits at most, an IPv6 prefix 126." });
        if (desired.Mtu is < 1280 or > 9000)
            findings.Add(new Finding { Path = "mtu", Message = "The MTU is 1280 to 9000." });
        else if (findings.Count == 0 && at.Network is null && await MaxMtuAsync(call, at) is { } most && desired.Mtu > most)
            findings.Add(new Finding { Path = "mtu", Capability = "mtu", Message = $"The switch {at.Switch} lets {most} bytes through; ask for less, or raise its MTU." });
        return findings.ToImmutable();
    }

    public async ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle)
    {
        // The task first: what it has done is there for the read behind it.
        var waiting = VimHandle.Read(handle, context.Time.GetUtcNow());
        var work = await context.Tasks.LookAsync(call, waiting);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var (found, error) = await FindAsync(call, id, work);
        if (error is not null)
            return error;
        if (found.Length > 1)
            return new Ambiguous<NetworkFacts> { Candidates = [.. found.Select(p => new Part { Name = p.Part, Id = p.Ref.Value })] };
        if (found.Length == 1)
        {
            // A portgroup that was there before keeps the tags that it has. A REST service that doesn't answer now says nothing about them.
            var untagged = context.Tags.Any && desired is not null && found[0].Part == Portgroup.Made && found[0].Compare(id) == MarkState.Ours ? (await context.Tags.MissingAsync(call, found[0].Ref)).Missing : [];
            return Seen(found[0], id, desired, work, untagged);
        }

        var running = work.Progress;
        if (running is null && desired is null && id.Parts.IsEmpty && work.Status == OperationStatus.Unknown)
        {
            // A create whose answer was lost: any work on a switch may be it.
            (running, error) = await context.Tasks.PendingAsync(call, "task on a switch", i => i.Ref("entity")?.Type.EndsWith("DistributedVirtualSwitch", StringComparison.Ordinal) == true);
            if (error is not null)
                return error;
        }

        return new Absent<NetworkFacts>
        {
            Next = desired is null ? null : CreateStep(VsphereLocation.Parse(desired.LocationJson)),
            InProgress = running,
            Failure = work.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired) => operation.Step.Part switch
    {
        Portgroup.Made => await MakeAsync(operation.Call, id, desired),
        Portgroup.Claimed => await ClaimAsync(operation.Call, id, desired),
        _ => Failure(VimErrors.NoSuchStep(operation.Step)),
    };

    public async ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        if (operation.Step.Part == VlanStep)
            return await SettleAsync(operation.Call, id);
        if (operation.Step.Part is not (Portgroup.Made or Portgroup.Claimed or TagsStep))
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (item is null)
            return Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, "The portgroup isn't there to be changed."));
        if (operation.Step.Part == TagsStep)
            return context.Tags.Any && item.Part == Portgroup.Made && await context.Tags.AttachAsync(operation.Call, item.Ref) is { } refused ? Failure(refused) : new Done<NetworkFacts>();
        var words = item.Part == Portgroup.Claimed ? Portgroup.Claim(id, desired, item.Description) : Portgroup.Describe(id, desired);
        return item.Description == words ? new Done<NetworkFacts>() : ToOutcome(await ReconfigureAsync(operation.Call, item, words, null));
    }

    public async ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part is not (Portgroup.Made or Portgroup.Claimed))
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (error is not null)
            return Failure(error);
        if (item is null)
            return new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() };
        if (item.Part == Portgroup.Claimed)
            return ToOutcome(await ReconfigureAsync(operation.Call, item, Portgroup.Unclaimed(item.Description), null));
        var (users, failed) = await UsersAsync(operation.Call, item);
        if (failed is not null)
            return Failure(failed);
        if (users.Length > 0)
            return Failure(VimErrors.Refused(ErrorCode.Conflict, $"The portgroup {item.Name} is used by {string.Join(", ", users.Take(5))}; take them off it, or wait until they are gone.") with { BlockedBy = users });
        var look = await context.Tasks.BeginAsync(operation.Call, "Destroy_Task", item.Ref);
        return look.Error is { PlatformCode: "ManagedObjectNotFound" } ? new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() } : ToOutcome(look);
    }

    public async ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var position = "";
        if (cursor is not null && !Cursors.TryRead(ResourceKind.Network, query, cursor, out position))
            return VimErrors.NotOurCursor();
        var (page, error) = await context.Properties.ListAsync(call, Type, query.PageSize is > 0 and < 500 ? query.PageSize : 500, cursor is null ? null : position,
            o => TextMarks.Read(o.String("config.description")) is { Kind: ResourceKind.Network } m && m.Installation == query.Installation, Portgroup.Paths);
        if (error is not null)
            return error;
        return new ListPage<NetworkFacts>
        {
            Items =
            [
                .. page!.Objects.Select(Portgroup.Read).OfType<Portgroup>().Select(p => (Item: p, p.Mark)).Select(p => new Listed<NetworkFacts>
                {
                    Name = p.Mark!.Name,
                    Incarnation = p.Mark.Incarnation,
                    Parts = [new Part { Name = p.Item.Part, Id = p.Item.Ref.Value }],
                    State = Lifecycle.Ready,
                    Facts = ToFacts(p.Item),
                    Revision = p.Item.Revision,
                }),
            ],
            Next = page.Token is { } token ? Cursors.Write(ResourceKind.Network, query, token) : null,
            Complete = page.Complete,
        };
    }

    private static Step CreateStep(VsphereLocation at) => at.Network is not null
        ? new Step { Part = Portgroup.Claimed, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = $"claim portgroup {at.Network}" }
        : new Step { Part = Portgroup.Made, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create portgroup" };

    private static Answer<Observation<NetworkFacts>> Seen(Portgroup item, Identity id, NetworkSpec? desired, TaskLook work, ImmutableArray<string> untagged)
    {
        var mark = item.Compare(id);
        // A claim that was given back is over, whoever has the portgroup now (DC-70).
        if (desired is null && id.PartId(Portgroup.Claimed) is not null && mark != MarkState.Ours)
            return new Absent<NetworkFacts> { InProgress = work.Progress };
        var diff = new SpecDiff();
        if (desired is not null)
            diff.Number("mtu", desired.Mtu, item.Mtu, Remedy.InPlace).Set("ranges", desired.Ranges, item.Ranges, Remedy.InPlace)
                // Somebody moved it: guests of one network may be apart now.
                .Text("vlan", id.Resolved.GetValueOrDefault(VlanKey), item.Vlan?.ToString(CultureInfo.InvariantCulture), Remedy.Unknown);
        if (untagged.Length > 0)
            diff.Add("settings.tags", Remedy.Unknown, string.Join(", ", untagged));
        var settled = item.Part == Portgroup.Claimed || id.Resolved.ContainsKey(VlanKey);
        Step? next = null;
        if (mark == MarkState.Ours)
            next = desired is null ? new Step { Part = item.Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = item.Part == Portgroup.Claimed ? $"release portgroup {item.Name}" : $"destroy portgroup {item.Name}" }
                : !settled ? new Step { Part = VlanStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "make sure of the VLAN" }
                : diff.CanUpdate ? new Step { Part = item.Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"describe portgroup {item.Name}" }
                : !untagged.IsEmpty ? new Step { Part = TagsStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"attach {string.Join(", ", untagged)}" } : null;
        return new Present<NetworkFacts>
        {
            Facts = ToFacts(item),
            Parts = [new Part { Name = item.Part, Id = item.Ref.Value }],
            State = work.Status == OperationStatus.Running ? Lifecycle.Updating : settled || desired is null ? Lifecycle.Ready : Lifecycle.Creating,
            Mark = mark,
            Incarnation = item.Mark?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = next,
            InProgress = desired is null && work.Status == OperationStatus.Unknown ? null : work.Progress,
            Failure = work.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private static NetworkFacts ToFacts(Portgroup item) => new()
    {
        Ranges = item.Ranges,
        Mtu = item.Mtu,
        PlatformState = item.Vlan is { } vlan ? string.Create(CultureInfo.InvariantCulture, $"VLAN {vlan}") : item.Name,
    };

    private static Failed<NetworkFacts> Failure(DriverError error) => new() { Error = error };

    private static Outcome<NetworkFacts> ToOutcome(TaskLook look) =>
        (look.Progress ?? VimTasks.Busy(look.Error)) is { } progress ? new Running<NetworkFacts> { Progress = progress } : look.Error is { } error ? Failure(error) : new Done<NetworkFacts>();
}
