using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// A rule set as a security group of the data centre, whose comment has the mark; machines refer to it. Its name has 18 characters, so that it is
/// chosen first and recorded. Parts: <c>group</c>, and <c>set-0</c> and so on for lists of sources that are too long for a rule.
/// </summary>
internal sealed partial class FirewallKind(ProxmoxContext context) : IResourceDriver<FirewallSpec, FirewallFacts>
{
    public const string GroupPart = "group";
    private const string NameStep = "name";
    private const string RulesStep = "rules";
    private const string SetsStep = "sets";

    public static NameRules GroupNames { get; } = new() { MaxLength = 18, Separator = "" };

    private PveApi Api => context.Api;

    public static string GroupIdOf(string name) => "group/" + name;

    /// <summary>The group's name in a part's id; null when it is none.</summary>
    public static string? GroupOf(string? id) =>
        id?.StartsWith("group/", StringComparison.Ordinal) == true && id.Length is > 7 and <= 24 && id[6..].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? id[6..] : null;

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, FirewallSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        for (var i = 0; i < desired.Ingress.Length; i++)
        {
            var rule = desired.Ingress[i];
            var path = string.Create(CultureInfo.InvariantCulture, $"ingress[{i}]");
            if (!Cidr.TryParse(rule.Source, out _))
                findings.Add(new Finding { Path = path + ".source", Message = $"'{rule.Source}' is no prefix with zero host bits." });
            if (rule.Protocol is not (null or "TCP" or "UDP" or "SCTP"))
                findings.Add(new Finding { Path = path + ".protocol", Message = $"{rule.Protocol} isn't TCP, UDP or SCTP." });
            if (rule.Port is < 1 or > 65535 || rule.EndPort is < 1 or > 65535 || rule.EndPort < rule.Port || (rule.EndPort is not null && rule.Port is null))
                findings.Add(new Finding { Path = path + ".port", Message = "Ports are 1 to 65535, the first not after the last." });
            if (rule.Protocol is null && rule.Port is not null)
                findings.Add(new Finding { Path = path + ".protocol", Message = "Ports need a protocol." });
        }

        if (findings.Count == 0 && FirewallRules.Plan(desired.Ingress, Anybody).Error is { } error)
            findings.Add(new Finding { Path = "ingress", Capability = "firewall", Message = error.Message });
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<FirewallFacts>>> ObserveAsync(Call call, Identity id, FirewallSpec? desired, Handle? handle)
    {
        var (look, error) = await LookAsync(call, id);
        if (error is not null)
            return error;
        if (look.Candidates.Length > 0)
            return new Ambiguous<FirewallFacts> { Candidates = [.. look.Candidates.Select(c => new Part { Name = GroupPart, Id = c })] };
        if (look.Group is null && look.Sets.Length == 0)
            return new Absent<FirewallFacts> { Next = desired is null ? null : FirstStep(id, look) };
        return await SeenAsync(call, id, desired, look);
    }

    public async ValueTask<Outcome<FirewallFacts>> CreateAsync(Operation operation, Identity id, FirewallSpec desired) => operation.Step.Part switch
    {
        NameStep => await ChooseAsync(operation.Call, id),
        GroupPart => await MakeAsync(operation.Call, id),
        SetsStep => await WriteSetsAsync(operation.Call, id, desired),
        RulesStep => await WriteRulesAsync(operation.Call, id, desired),
        _ => Failure(PveErrors.NoSuchStep(operation.Step)),
    };

    public async ValueTask<Outcome<FirewallFacts>> UpdateAsync(Operation operation, Identity id, FirewallSpec desired) => operation.Step.Part switch
    {
        SetsStep => await WriteSetsAsync(operation.Call, id, desired),
        RulesStep => await WriteRulesAsync(operation.Call, id, desired),
        _ => Failure(PveErrors.NoSuchStep(operation.Step)),
    };

    public async ValueTask<Outcome<FirewallFacts>> DeleteAsync(Operation operation, Identity id)
    {
        var part = operation.Step.Part;
        if (part != GroupPart && !part.StartsWith("set-", StringComparison.Ordinal))
            return Failure(PveErrors.NoSuchStep(operation.Step));
        var (look, error) = await LookAsync(operation.Call, id);
        if (error is not null)
            return Failure(error);
        if (look.Candidates.Length > 0)
            return Failure(PveErrors.Several(look.Candidates));
        if (part != GroupPart)
        {
            if (look.Sets.FirstOrDefault(s => PartOf(id, s) == part) is not { } set)
                return new Done<FirewallFacts>();
            return !IsOurs(id, set) ? Failure(PveErrors.NotOurs(set.Id)) : await IpSets.RemoveAsync(Api, operation.Call, set.Name) is { } stuck ? Failure(stuck) : new Done<FirewallFacts>();
        }

        if (look.Group is not { } group)
            return new Done<FirewallFacts> { Observation = look.Sets.Length == 0 ? new Absent<FirewallFacts>() : null };
        if (Marks.Compare(id, group.Mark) != MarkState.Ours)
            return Failure(PveErrors.NotOurs(group.Id));
        // A group that has rules isn't deleted.
        if (await SyncRulesAsync(operation.Call, group.Name, []) is { } refused)
            return Failure(refused);
        var answer = await Api.ChangeAsync(operation.Call, RestRequest.Delete($"cluster/firewall/groups/{group.Name}"));
        return answer.Error is not { } failed || IpSets.IsGone(failed) ? new Done<FirewallFacts>() : Failure(failed.Code == ErrorCode.Conflict ? failed with { BlockedBy = [group.Id] } : failed);
    }

    public async ValueTask<Answer<ListPage<FirewallFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var (groups, error) = await GroupsAsync(call);
        if (error is not null)
            return error;
        var (sets, failed) = await IpSets.AllAsync(Api, call);
        if (failed is not null)
            return failed;
        var all = groups.Select(g => (Part: GroupPart, g.Id, Mark: (Mark?)g.Mark)).Concat(sets.Where(s => s.Mark?.Part is not null).Select(s => (Part: s.Mark!.Part!, s.Id, Mark: (Mark?)s.Mark)));
        return Slices.Of(all.Where(o => o.Mark is { Kind: ResourceKind.Firewall } m && m.Installation == query.Installation).Select(o => new Listed<FirewallFacts>
        {
            Name = o.Mark!.Name,
            Incarnation = o.Mark.Incarnation,
            Parts = [new Part { Name = o.Part, Id = o.Id }],
            State = Lifecycle.Ready,
        }), query, ResourceKind.Firewall, cursor);
    }

    // ---- looking

    private sealed record Group(string Name, string? Comment)
    {
        public string Id => GroupIdOf(Name);

        public Mark? Mark => TextMarks.Read(Comment);
    }

    private sealed record Look
    {
        public Group? Group { get; init; }
        public ImmutableArray<Group> All { get; init; } = [];
        public ImmutableArray<IpSet> Sets { get; init; } = [];
        public ImmutableArray<string> Candidates { get; init; } = [];
    }

    private static Identity Anybody { get; } = new() { Installation = "x", Kind = ResourceKind.Firewall, Name = new string('0', 32), Incarnation = 1 };

    private async ValueTask<(ImmutableArray<Group> Items, DriverError? Error)> GroupsAsync(Call call)
    {
        var list = await Api.ListAsync(call, "cluster/firewall/groups");
        return list.Value is { } items ? ([.. items.Items.Where(i => i.Text("group") is not null).Select(i => new Group(i.Text("group")!, i.Text("comment")))], null) : ([], list.Error);
    }

    private async ValueTask<(Look Look, DriverError? Error)> LookAsync(Call call, Identity id)
    {
        var (groups, error) = await GroupsAsync(call);
        if (error is not null)
            return (new Look(), error);
        var (sets, failed) = await IpSets.AllAsync(Api, call);
        if (failed is not null)
            return (new Look(), failed);
        var look = new Look { All = groups, Sets = [.. sets.Where(s => id.Parts.Any(p => p.Id == s.Id) || IsOurs(id, s))] };
        if (id.PartId(GroupPart) is { } recorded)
            return (look with { Group = groups.FirstOrDefault(g => g.Id == recorded) }, null);
        var ours = groups.Where(g => Marks.Compare(id, g.Mark) == MarkState.Ours).ToList();
        return (ours.Count > 1 ? look with { Candidates = [.. ours.Select(g => g.Id)] } : look with { Group = ours.FirstOrDefault() }, null);
    }

    private static bool IsOurs(Identity id, IpSet set) => set.Mark is { Part: { } part } mark && Marks.Compare(id, mark, part) == MarkState.Ours;

    private static string PartOf(Identity id, IpSet set) => id.Parts.FirstOrDefault(p => p.Id == set.Id)?.Name ?? set.Mark?.Part ?? "set-0";

    private static Step FirstStep(Identity id, Look look) => id.Resolved.GetValueOrDefault("group") is { } name && look.All.All(g => g.Name != name)
        ? new Step { Part = GroupPart, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create security group " + name }
        : new Step { Part = NameStep, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = "choose a name" };

    private async ValueTask<Answer<Observation<FirewallFacts>>> SeenAsync(Call call, Identity id, FirewallSpec? desired, Look look)
    {
        var parts = ImmutableArray.CreateBuilder<Part>();
        var marks = new List<MarkState>();
        if (look.Group is { } group)
        {
            parts.Add(new Part { Name = GroupPart, Id = group.Id });
            marks.Add(Marks.Compare(id, group.Mark));
        }

        foreach (var set in look.Sets)
        {
            var part = PartOf(id, set);
            parts.Add(new Part { Name = part, Id = set.Id });
            marks.Add(Marks.Compare(id, set.Mark, part));
        }

        var mark = marks.Contains(MarkState.Foreign) ? MarkState.Foreign : marks.Contains(MarkState.Missing) ? MarkState.Missing : MarkState.Ours;
        ImmutableArray<PveRule> rules = [];
        if (look.Group is not null)
        {
            var read = await RulesAsync(call, look.Group.Name);
            if (read.Error is not null)
                return read.Error;
            rules = read.Rules;
        }

        var diff = new SpecDiff();
        Step? next = null;
        var building = false;
        if (desired is null)
        {
            next = Step(look.Group is not null ? GroupPart : PartOf(id, look.Sets[0]), StepVerb.Delete);
        }
        else if (look.Group is null)
        {
            // Sets alone are of a life that ended; they are written anew.
            building = true;
            next = id.PartId(GroupPart) is null ? FirstStep(id, look) : null;
        }
        else
        {
            var (step, drift, error) = await CompareAsync(call, id, desired, rules, look);
            if (error is not null)
                return error;
            // A group without rules is one that was made just now: what isn't there yet is no drift.
            building = drift is not null && rules.Length == 0;
            next = step is null ? null : Step(step, building ? StepVerb.Create : StepVerb.Update);
            if (drift is not null && !building)
                diff.Add("ingress", Remedy.InPlace, drift.Value.Desired, drift.Value.Actual);
        }

        return new Present<FirewallFacts>
        {
            Facts = new FirewallFacts(),
            Parts = parts.ToImmutable(),
            State = building ? Lifecycle.Creating : Lifecycle.Ready,
            Mark = mark,
            Incarnation = (look.Group?.Mark ?? look.Sets.Select(s => s.Mark).FirstOrDefault())?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = mark == MarkState.Ours ? next : null,
        };
    }

    /// <summary>What is to be written next, and how rules differ; nulls when nothing does.</summary>
    private async ValueTask<(string? Step, (string Desired, string Actual)? Drift, DriverError? Error)> CompareAsync(Call call, Identity id, FirewallSpec desired, ImmutableArray<PveRule> rules, Look look)
    {
        var plan = FirewallRules.Plan(desired.Ingress, id);
        if (plan.Value is not { } wanted)
            return (null, null, plan.Error);
        foreach (var set in wanted.Sets)
        {
            if (look.Sets.All(s => s.Name != set.Name))
                return (SetsStep, (string.Join(", ", set.Members), ""), null);
            var (members, error) = await IpSets.MembersAsync(Api, call, set.Name);
            if (error is not null)
                return (null, null, error);
            if (!members.SequenceEqual(set.Members.Order(StringComparer.Ordinal), StringComparer.Ordinal))
                return (SetsStep, (string.Join(", ", set.Members), string.Join(", ", members)), null);
        }

        var wish = wanted.Rules.Select(r => r.Key).Order(StringComparer.Ordinal).ToList();
        var fact = rules.Select(r => r.Key).Order(StringComparer.Ordinal).ToList();
        if (!wish.SequenceEqual(fact, StringComparer.Ordinal))
            return (RulesStep, (string.Join("; ", wish), string.Join("; ", fact)), null);
        // A set that no rule names any more.
        return look.Sets.Any(s => IsOurs(id, s) && wanted.Sets.All(w => w.Name != s.Name)) ? (SetsStep, ("", "sets that no rule names"), null) : (null, null, null);
    }

    private async ValueTask<(ImmutableArray<PveRule> Rules, DriverError? Error)> RulesAsync(Call call, string group) => await RuleLists.ReadAsync(Api, call, $"cluster/firewall/groups/{group}");

    private ValueTask<DriverError?> SyncRulesAsync(Call call, string group, ImmutableArray<PveRule> wanted) => RuleLists.SyncAsync(Api, call, $"cluster/firewall/groups/{group}", wanted, _ => true);

    private static Step Step(string part, StepVerb verb) => new() { Part = part, Verb = verb, Class = CreateClass.Repeatable, Description = $"{verb.ToString().ToLowerInvariant()} {part}" };

    private static Done<FirewallFacts> Made(string name) => new() { Parts = [new Part { Name = GroupPart, Id = GroupIdOf(name) }] };

    private static Failed<FirewallFacts> Failure(DriverError error) => new() { Error = error };
}
