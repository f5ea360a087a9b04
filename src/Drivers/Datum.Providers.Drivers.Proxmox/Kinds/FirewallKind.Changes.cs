using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>The steps of a rule set: name, group, sets, rules.</summary>
internal sealed partial class FirewallKind
{
    private async ValueTask<Outcome<FirewallFacts>> ChooseAsync(Call call, Identity id)
    {
        var (groups, error) = await GroupsAsync(call);
        if (error is not null)
            return Failure(error);
        // What is recorded stays as long as nobody else has it (DC-41).
        bool IsFree(string candidate) => groups.All(g => g.Name != candidate || Marks.Compare(id, g.Mark) == MarkState.Ours);
        var name = id.Resolved.GetValueOrDefault("group") is { } chosen && IsFree(chosen) ? chosen : Enumerable.Range(0, 64).Select(n => ResourceNames.Candidate(id, GroupNames, n)).FirstOrDefault(IsFree);
        return name is null ? Failure(PveErrors.Refused(ErrorCode.Conflict, "All names that this group could have are taken."))
            : new Done<FirewallFacts> { Resolved = ImmutableDictionary<string, string>.Empty.Add("group", name) };
    }

    private async ValueTask<Outcome<FirewallFacts>> MakeAsync(Call call, Identity id)
    {
        if (id.PartId(GroupPart) is { } recorded)
        {
            var (look, lost) = await LookAsync(call, id);
            return look.Group is not { } known ? Failure(lost ?? PveErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : Marks.Compare(id, known.Mark) == MarkState.Ours ? Made(known.Name) : Failure(PveErrors.NotOurs(recorded));
        }

        if (id.Resolved.GetValueOrDefault("group") is not { } name || GroupOf(GroupIdOf(name)) is null)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "No name was chosen yet; look again."));
        var answer = await Api.ChangeAsync(call, new PveForm().Set("group", name).Set("comment", ProxmoxContext.Comments.Write(Marks.For(id))).Post("cluster/firewall/groups"));
        if (answer.Error is not { } refused)
            return Made(name);
        if (refused.Code != ErrorCode.Conflict)
            return Failure(refused);
        var (groups, error) = await GroupsAsync(call);
        if (error is not null)
            return Failure(error);
        var there = groups.FirstOrDefault(g => g.Name == name);
        return there is not null && Marks.Compare(id, there.Mark) == MarkState.Ours && there.Mark!.Incarnation == id.Incarnation ? Made(name) : Failure(refused with { BlockedBy = [GroupIdOf(name)] });
    }

    private async ValueTask<Outcome<FirewallFacts>> WriteSetsAsync(Call call, Identity id, FirewallSpec desired)
    {
        var plan = FirewallRules.Plan(desired.Ingress, id);
        if (plan.Value is not { } wanted)
            return Failure(plan.Error!);
        var (look, error) = await LookAsync(call, id);
        if (error is not null)
            return Failure(error);
        var parts = ImmutableArray.CreateBuilder<Part>();
        foreach (var set in wanted.Sets)
        {
            if (look.Sets.All(s => s.Name != set.Name))
            {
                var made = await Api.ChangeAsync(call, new PveForm().Set("name", set.Name).Set("comment", ProxmoxContext.Comments.Write(Marks.For(id, set.Part))).Post("cluster/firewall/ipset"));
                if (made.Error is { } refused)
                    return new Failed<FirewallFacts> { Error = refused.Code == ErrorCode.Conflict ? refused with { BlockedBy = ["ipset/" + set.Name] } : refused, Parts = parts.ToImmutable() };
            }
            else if (!IsOurs(id, look.Sets.First(s => s.Name == set.Name)))
            {
                return Failure(PveErrors.NotOurs("ipset/" + set.Name));
            }

            parts.Add(new Part { Name = set.Part, Id = "ipset/" + set.Name });
            var (members, failed) = await IpSets.MembersAsync(Api, call, set.Name);
            failed ??= await IpSets.AddAsync(Api, call, set.Name, set.Members.Except(members, StringComparer.Ordinal));
            failed ??= await IpSets.TakeAsync(Api, call, set.Name, members.Except(set.Members, StringComparer.Ordinal));
            if (failed is not null)
                return new Failed<FirewallFacts> { Error = failed, Parts = parts.ToImmutable() };
        }

        // Those that no rule names any more go once the rules are as wished: the look before this step saw to that.
        if (look.Group is not null)
        {
            var (rules, failed) = await RulesAsync(call, look.Group.Name);
            if (failed is not null)
                return Failure(failed);
            foreach (var set in look.Sets.Where(s => IsOurs(id, s) && wanted.Sets.All(w => w.Name != s.Name) && rules.All(r => r.Source != "+" + s.Name)))
                if (await IpSets.RemoveAsync(Api, call, set.Name) is { } stuck)
                    return Failure(stuck);
        }

        return new Done<FirewallFacts> { Parts = parts.ToImmutable() };
    }

    private async ValueTask<Outcome<FirewallFacts>> WriteRulesAsync(Call call, Identity id, FirewallSpec desired)
    {
        var plan = FirewallRules.Plan(desired.Ingress, id);
        if (plan.Value is not { } wanted)
            return Failure(plan.Error!);
        var (look, error) = await LookAsync(call, id);
        if (error is not null)
            return Failure(error);
        if (look.Group is not { } group)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "The group isn't there to be changed."));
        if (Marks.Compare(id, group.Mark) != MarkState.Ours)
            return Failure(PveErrors.NotOurs(group.Id));
        return await SyncRulesAsync(call, group.Name, wanted.Rules) is { } refused ? Failure(refused) : new Done<FirewallFacts>();
    }
}
