using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>The steps of a vnet.</summary>
internal sealed partial class NetworkKind
{
    /// <summary>Names that are tried before somebody is told that all of them are others'.</summary>
    private const int MostNames = 64;

    private async ValueTask ValidateZoneAsync(Call call, NetworkSpec desired, string name, ImmutableArray<Finding>.Builder findings)
    {
        var (zones, error) = await SdnReads.ZonesAsync(Api, call);
        // What can't be found out now is left to the step that needs it (DC-14).
        if (error is not null)
            return;
        if (zones.FirstOrDefault(z => z.Name == name) is not { } zone)
            findings.Add(new Finding { Path = "location.zone", Message = $"The cluster has no zone '{name}' that the credentials may use." });
        else if (desired.Mtu > zone.LargestMtu)
            findings.Add(new Finding { Path = "mtu", Capability = "mtu", Message = $"{zone.LargestMtu} bytes fit through zone {name}; ask for less, or raise the zone's MTU." });
        else if (zone.NeedsTag && context.Settings.Sdn.Tags is null)
            findings.Add(new Finding { Path = "location.zone", Capability = "sdn.tags", Message = $"Networks of the {zone.Type} zone {name} need a tag each: set sdn.tags in the ProviderConfig's settings." });
    }

    /// <summary>A name, and a tag where the zone needs one, that nobody has; both are recorded before they are used (DC-37).</summary>
    private async ValueTask<Outcome<NetworkFacts>> ChooseAsync(Call call, Identity id, string zoneName)
    {
        var (all, error) = await SdnReads.VnetsAsync(Api, call);
        if (error is not null)
            return Failure(error);
        var (zones, failed) = await SdnReads.ZonesAsync(Api, call);
        if (failed is not null)
            return Failure(failed);
        if (zones.FirstOrDefault(z => z.Name == zoneName) is not { } zone)
            return Failure(PveErrors.Refused(ErrorCode.Invalid, $"The cluster has no zone '{zoneName}' that the credentials may use.") with { Field = "location.zone" });
        // What is recorded stays as long as nobody else has it (DC-41).
        bool IsFree(string candidate) => all.All(v => v.Name != candidate || Marks.Compare(id, v.Mark) == MarkState.Ours);
        var name = id.Resolved.GetValueOrDefault("vnet") is { } chosen && IsFree(chosen) ? chosen : Enumerable.Range(0, MostNames).Select(n => ResourceNames.Candidate(id, VnetNames, n)).FirstOrDefault(IsFree);
        if (name is null)
            return Failure(PveErrors.Refused(ErrorCode.Conflict, "All names that this network could have are taken."));
        var resolved = ImmutableDictionary<string, string>.Empty.Add("vnet", name);
        if (!zone.NeedsTag)
            return new Done<NetworkFacts> { Resolved = resolved };
        if (context.Settings.Sdn.Tags is not { } range)
            return Failure(PveErrors.Refused(ErrorCode.Unsupported, $"Networks of zone {zoneName} need a tag: set sdn.tags in the ProviderConfig's settings.") with { Field = "settings.sdn.tags" });
        var taken = all.Where(v => v.Zone == zoneName && Marks.Compare(id, v.Mark) != MarkState.Ours).Select(v => v.Tag).ToHashSet();
        int? tag = int.TryParse(id.Resolved.GetValueOrDefault("tag"), NumberStyles.None, CultureInfo.InvariantCulture, out var before) && !taken.Contains(before) ? before : null;
        foreach (var candidate in ResourceNames.NumberCandidates(id, range.First, range.Last))
        {
            if (tag is not null)
                break;
            if (!taken.Contains(candidate))
                tag = candidate;
        }

        return tag is { } free ? new Done<NetworkFacts> { Resolved = resolved.Add("tag", free.ToString(CultureInfo.InvariantCulture)) }
            : Failure(PveErrors.Refused(ErrorCode.QuotaExceeded, $"All tags from {range.First} to {range.Last} are taken in zone {zoneName}; widen sdn.tags in the ProviderConfig's settings."));
    }

    private async ValueTask<Outcome<NetworkFacts>> MakeAsync(Call call, Identity id, NetworkSpec desired, string zone)
    {
        if (id.PartId(VnetPart) is { } recorded)
        {
            var there = await FindAsync(call, id);
            return there.Item is not { } known ? Failure(there.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : Marks.Compare(id, known.Mark) == MarkState.Ours ? Made(known.Name) : Failure(PveErrors.NotOurs(recorded));
        }

        if (id.Resolved.GetValueOrDefault("vnet") is not { } name || VnetOf(VnetIdOf(name)) is null)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "No name was chosen yet; look again."));
        var look = await Api.ChangeAsync(call, new PveForm().Set("vnet", name).Set("zone", zone).Set("tag", id.Resolved.GetValueOrDefault("tag")).Set("alias", NetworkWords.Write(id, desired)).Post("cluster/sdn/vnets"));
        if (look.Status != OperationStatus.Failed)
            return Made(name);
        if (look.Error is not { Code: ErrorCode.Conflict } taken || IsLocked(taken))
            return Failure(Held(look.Error!));
        var (all, error) = await SdnReads.VnetsAsync(Api, call);
        if (error is not null)
            return Failure(error);
        var holder = all.FirstOrDefault(v => v.Name == name);
        return holder is not null && Marks.Compare(id, holder.Mark) == MarkState.Ours && holder.Mark!.Incarnation == id.Incarnation && holder.State != "deleted"
            ? Made(name) : Failure(taken with { BlockedBy = [holder?.Id ?? VnetIdOf(name)] });
    }

    /// <summary>Changes to a vnet that is there: ranges, alias, apply.</summary>
    private async ValueTask<Outcome<NetworkFacts>> ChangeAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        var call = operation.Call;
        if (operation.Step.Part == ApplyStep)
            return await ApplyAsync(call, id, null);
        var found = await FindAsync(call, id);
        if (found.Item is not { } vnet)
            return Failure(found.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, "The vnet isn't there to be changed."));
        if (Marks.Compare(id, vnet.Mark) != MarkState.Ours)
            return Failure(PveErrors.NotOurs(vnet.Id));
        if (operation.Step.Part == SubnetsStep)
            return await AddSubnetsAsync(call, desired, vnet);
        var look = await Api.ChangeAsync(call, new PveForm().Set("alias", NetworkWords.Write(id, desired)).Put($"cluster/sdn/vnets/{vnet.Name}"));
        return look.Error is { } refused ? Failure(Held(refused)) : new Done<NetworkFacts>();
    }

    private async ValueTask<Outcome<NetworkFacts>> AddSubnetsAsync(Call call, NetworkSpec desired, Vnet vnet)
    {
        var (subnets, error) = await SdnReads.SubnetsAsync(Api, call, vnet.Name);
        if (error is not null)
            return Failure(error);
        var (zones, failed) = await SdnReads.ZonesAsync(Api, call);
        if (failed is not null)
            return Failure(failed);
        var zone = zones.FirstOrDefault(z => z.Name == vnet.Zone);
        foreach (var range in Missing(desired, [.. subnets.Where(s => !s.Deleted).Select(s => s.Cidr ?? "")]))
        {
            var cidr = Cidr.Parse(range);
            var form = new PveForm().Set("subnet", range).Set("type", "subnet").Set("gateway", cidr.Gateway.ToString());
            if (context.Settings.Sdn.Snat == true && zone?.Routes == true)
                form.Set("snat", true);
            var look = await Api.ChangeAsync(call, form.Post($"cluster/sdn/vnets/{vnet.Name}/subnets"));
            if (look.Error is not { } refused)
                continue;
            // A repetition of what was answered into nothing; what it is of the next look tells.
            if (refused is { Code: ErrorCode.Conflict } && refused.Message.Contains("already", StringComparison.OrdinalIgnoreCase))
            {
                var (again, lost) = await SdnReads.SubnetsAsync(Api, call, vnet.Name);
                if (lost is null && again.Any(s => s.Cidr == range))
                    continue;
            }

            return Failure(Held(refused));
        }

        return new Done<NetworkFacts>();
    }

    /// <summary>Null when ranges and vnet are gone, or wait for it.</summary>
    private async ValueTask<DriverError?> RemoveAsync(Call call, Vnet vnet)
    {
        var (subnets, error) = await SdnReads.SubnetsAsync(Api, call, vnet.Name);
        if (error is not null)
            return error;
        foreach (var subnet in subnets.Where(s => !s.Deleted))
        {
            var look = await Api.ChangeAsync(call, RestRequest.Delete($"cluster/sdn/vnets/{vnet.Name}/subnets/{Uri.EscapeDataString(subnet.Id)}"));
            if (look.Error is { } refused && !IpSets.IsGone(refused))
                return refused.Code == ErrorCode.Conflict && !IsLocked(refused) ? refused with { BlockedBy = [subnet.Id] } : Held(refused);
        }

        var removed = await Api.ChangeAsync(call, RestRequest.Delete($"cluster/sdn/vnets/{vnet.Name}"));
        return removed.Error is not { } held || IpSets.IsGone(held) ? null : held.Code == ErrorCode.Conflict && !IsLocked(held) ? held with { BlockedBy = [vnet.Id] } : Held(held);
    }

    private static Done<NetworkFacts> Made(string name) => new() { Parts = [new Part { Name = VnetPart, Id = VnetIdOf(name) }] };
}
