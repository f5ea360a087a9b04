using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>
/// A rule set: a main firewall (the part), and further ones beside it where the rules have several sets of sources. How many there are stands
/// in the main one's description, so that a look knows what to read.
/// </summary>
internal sealed class FirewallKind(GcpContext context) : ComputeKind<FirewallSpec, FirewallFacts, GcpFirewall>(context, ResourceKind.Firewall, "firewalls", Place.Global)
{
    private const string CountWord = "firewalls=";
    private const string ExtraPrefix = "rule-";

    protected override JsonTypeInfo<GcpFirewall> Type => GcpJson.Default.GcpFirewall;

    protected override void Validate(FirewallSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        var wrong = findings.Count;
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

        if (findings.Count == wrong && FirewallRules.Plan(desired.Ingress, "t").Error is { } error)
            findings.Add(new Finding { Path = "ingress", Capability = "firewall", Message = error.Message });
    }

    protected override GcpFirewall ToWish(FirewallSpec desired, Identity id) => WishesOf(desired, id)[0];

    protected override GcpFirewall Marked(GcpFirewall wish, Identity id, FirewallSpec desired, string name) => wish with { Name = name, Description = MainDescription(id, WishesOf(desired, id).Length) };

    protected override Mark? ReadMark(GcpFirewall item) => TextMarks.Read(item.Description);

    protected override string ListFilter(string installation) => DescriptionFilter.Of(installation, Kind);

    protected override FirewallFacts ToFacts(GcpFirewall item) => new() { PlatformState = item.Disabled == true ? "disabled" : null };

    protected override ImmutableArray<Drift> Compare(FirewallSpec desired, GcpFirewall item, Identity id) => throw new InvalidOperationException("A rule set is compared as a whole.");

    protected override RestRequest? ToChange(Operation operation, FirewallSpec desired, GcpFirewall item, string path) => throw new InvalidOperationException("A rule set is changed as a whole.");

    public override async ValueTask<Answer<Observation<FirewallFacts>>> ObserveAsync(Call call, Identity id, FirewallSpec? desired, Handle? handle)
    {
        var answer = await base.ObserveAsync(call, id, desired, handle);
        if (desired is not null || answer.Value is not Absent<FirewallFacts> { InProgress: null })
            return answer;
        // Somebody took the main one away and left others.
        var first = RestRequest.Get(RestRequest.WithQuery($"global/{Collection}", new KeyValuePair<string, string?>("filter", DescriptionFilter.Of(id))));
        var pages = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, Collection, id.Name).AllAsync(Api.Compute, call, first);
        if (pages.Error is { } error)
            return error;
        foreach (var listed in pages.Value!.Pages)
        {
            var page = GcpApi.ReadPage(listed, Collection, Type);
            if (page.Value is not { } read)
                return page.Error!;
            foreach (var item in read.Items)
            {
                // A list may be late: what counts is the read.
                if (ReadMark(item)?.Part is not { } part || NumberOf(part) is not { } n || await ExtraAsync(call, id, n) is not { } extra || (extra.Item is null && extra.Error is null))
                    continue;
                if (extra.Error is not null)
                    return extra.Error;
                return new Present<FirewallFacts>
                {
                    Facts = new FirewallFacts(),
                    Parts = [new Part { Name = part, Id = extra.Path }],
                    State = Lifecycle.Deleting,
                    Mark = extra.Mark,
                    Incarnation = ReadMark(extra.Item!)?.Incarnation ?? 0,
                    Next = extra.Mark == MarkState.Ours ? DeleteExtra(n) : null,
                };
            }
        }

        return answer;
    }

    protected override async ValueTask<Answer<Observation<FirewallFacts>>> SeenAsync(Call call, GcpFirewall item, Found<GcpFirewall> found, Identity id, FirewallSpec? desired, OperationLook? work)
    {
        var wishes = desired is null ? [] : WishesOf(desired, id);
        var (extras, error) = await ExtrasAsync(call, id, Math.Max(wishes.Length, CountOf(item)));
        if (error is not null)
            return error;
        var drift = desired is null ? [] : Compare(desired, wishes, item, extras);
        var seen = Seen(item, found, id, desired, work, drift);
        var state = seen.State == Lifecycle.Ready && Enumerable.Range(1, CountOf(item) - 1).Any(n => !extras.ContainsKey(n)) ? Lifecycle.Creating : seen.State;
        var next = seen.Next;
        if (desired is null && next is not null && extras.Count > 0)
            next = DeleteExtra(extras.Keys.Max());
        // What is missing is made first, one a step; then what is there is changed.
        if (desired is not null && next is not null && Enumerable.Range(1, wishes.Length - 1).FirstOrDefault(n => !extras.ContainsKey(n)) is > 0 and var missing)
            next = new Step { Part = ExtraPart(missing), Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = "create further firewall" };
        return seen with { State = state, Next = next };
    }

    private async ValueTask<Outcome<FirewallFacts>> CreateExtraAsync(Operation operation, Identity id, FirewallSpec desired, int n)
    {
        var wishes = WishesOf(desired, id);
        if (n >= wishes.Length)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var main = await FindAsync(operation.Call, id, desired);
        if (main.Item is null)
            return Failure(main.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The main firewall isn't there yet."));
        if (main.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(main.Path));
        var there = await ExtraAsync(operation.Call, id, n);
        if (there.Error is not null)
            return Failure(there.Error);
        if (there.Item is not null)
            return there.Mark == MarkState.Ours ? new Done<FirewallFacts>() : Failure(GcpErrors.NotOurs(there.Path));
        var wish = wishes[n] with { Name = ExtraName(id, n), Description = GcpContext.Descriptions.Write(Marks.For(id, ExtraPart(n))) };
        var look = await Api.ChangeAsync(operation.Call, RestRequest.Post(WithRequestId(operation, $"global/{Collection}"), wish, Type));
        return look.Error is { PlatformCode: "alreadyExists" or "RESOURCE_ALREADY_EXISTS", Code: ErrorCode.Conflict }
            ? new Running<FirewallFacts> { Progress = new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform } }
            : ToOutcome(look, []);
    }

    public override ValueTask<Outcome<FirewallFacts>> CreateAsync(Operation operation, Identity id, FirewallSpec desired) =>
        NumberOf(operation.Step.Part) is { } n ? CreateExtraAsync(operation, id, desired, n) : base.CreateAsync(operation, id, desired);

    public override async ValueTask<Outcome<FirewallFacts>> UpdateAsync(Operation operation, Identity id, FirewallSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        var found = await FindAsync(call, id, desired);
        if (found.Item is not { } main)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The firewall isn't there to be changed."));
        if (found.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(found.Path));
        var wishes = WishesOf(desired, id);
        var (extras, error) = await ExtrasAsync(call, id, Math.Max(wishes.Length, CountOf(main)));
        if (error is not null)
            return Failure(error);
        OperationLook? last = null;
        // The main one last: while its description says how many there are, none is forgotten.
        foreach (var (n, extra) in extras)
        {
            if (extra.Mark != MarkState.Ours)
                return Failure(GcpErrors.NotOurs(extra.Path));
            if (n >= wishes.Length)
                last = await Api.ChangeAsync(call, RestRequest.Delete(extra.Path));
            else if (FirewallRules.Show(wishes[n]) != FirewallRules.Show(extra.Item!))
                last = await Api.ChangeAsync(call, RestRequest.Patch(extra.Path, ToPatch(wishes[n]), Type));
            if (last is { Error: { } refused, Answer.NotFound: false })
                return Failure(refused);
        }

        if (FirewallRules.Show(wishes[0]) != FirewallRules.Show(main) || CountOf(main) != wishes.Length)
            last = await Api.ChangeAsync(call, RestRequest.Patch(found.Path, ToPatch(wishes[0]) with { Description = MainDescription(id, wishes.Length) }, Type));
        return last is null ? new Done<FirewallFacts>() : ToOutcome(last, [new Part { Name = Part, Id = found.Path }]);
    }

    public override async ValueTask<Outcome<FirewallFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (NumberOf(operation.Step.Part) is not { } n)
            return await base.DeleteAsync(operation, id);
        var extra = await ExtraAsync(operation.Call, id, n);
        if (extra.Error is not null)
            return Failure(extra.Error);
        if (extra.Item is null)
            return new Done<FirewallFacts>();
        return extra.Mark == MarkState.Ours ? await RemoveAsync(operation.Call, extra.Path) : Failure(GcpErrors.NotOurs(extra.Path));
    }

    public override async ValueTask<Answer<ListPage<FirewallFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var page = await PageAsync(call, query, cursor);
        if (page.Error is { } failed)
            return failed;
        var marked = page.Items.Select(i => (Item: i, Mark: ReadMark(i))).Where(i => i.Mark is { } m && m.Installation == query.Installation && m.Kind == Kind).ToList();
        var items = ImmutableArray.CreateBuilder<Listed<FirewallFacts>>();
        foreach (var (item, mark) in marked.Where(m => m.Mark!.Part is null))
        {
            var listed = ToListed(item);
            var extras = marked.Where(m => m.Mark!.Part is not null && m.Mark.Name == mark!.Name).ToDictionary(m => NumberOf(m.Mark!.Part!) ?? 0, m => m.Item);
            // The page may end between a main one and its others: these are read, so that the revision is of all.
            for (var n = 1; n < CountOf(item); n++)
            {
                if (extras.ContainsKey(n))
                    continue;
                var extra = await ExtraAsync(call, IdentityOf(mark!), n);
                if (extra.Error is { } error)
                    return error;
                if (extra.Item is { } found)
                    extras[n] = found;
            }

            items.Add(listed with
            {
                State = Enumerable.Range(1, CountOf(item) - 1).All(extras.ContainsKey) ? listed.State : Lifecycle.Creating,
                Revision = listed.Revision + string.Concat(extras.OrderBy(e => e.Key).Select(e => $"-{e.Key}:{Revisions.Of(e.Value, Type)}")),
            });
        }

        foreach (var (item, mark) in marked.Where(m => m.Mark!.Part is not null && marked.All(o => o.Mark!.Part is not null || o.Mark.Name != m.Mark.Name)))
        {
            // Its main one is on another page, or gone: then it is what is left over (L2).
            var main = await ReadAsync(call, IdentityOf(mark!), $"global/{Collection}/{ResourceNames.For(IdentityOf(mark!), GcpContext.Names)}");
            if (main.Error is { } error)
                return error;
            if (main.Item is null)
                items.Add(ToListed(item) with { Parts = [new Part { Name = mark!.Part!, Id = PathOf(item) }], State = Lifecycle.Deleting });
        }

        return new ListPage<FirewallFacts> { Items = items.ToImmutable(), Next = page.Next, Complete = page.Complete };
    }

    private ImmutableArray<GcpFirewall> WishesOf(FirewallSpec desired, Identity id)
    {
        var network = desired.Network.ProviderId is { } path ? Context.Reference(path) : null;
        // Validation has refused what can't be planned; without it nothing is let through.
        var plan = FirewallRules.Plan(desired.Ingress, FirewallRules.TagOf(id.Name)).Value ?? FirewallRules.Plan([], FirewallRules.TagOf(id.Name)).Value!;
        return [.. plan.Rules.Select(r => r with { Network = network })];
    }

    private ImmutableArray<Drift> Compare(FirewallSpec desired, ImmutableArray<GcpFirewall> wishes, GcpFirewall main, SortedDictionary<int, Found<GcpFirewall>> extras)
    {
        var actual = extras.Values.Select(e => FirewallRules.Show(e.Item!)).Prepend(FirewallRules.Show(main)).ToList();
        return new SpecDiff()
            .Text("network", desired.Network.ProviderId, Paths.Below(main.Network, Api.Project), Remedy.Replace)
            .Text("ingress", string.Join("; ", wishes.Select(FirewallRules.Show)), string.Join("; ", actual), Remedy.InPlace)
            .ToDrift();
    }

    private static GcpFirewall ToPatch(GcpFirewall wish) => new()
    {
        Priority = wish.Priority, Disabled = false, SourceRanges = wish.SourceRanges, TargetTags = wish.TargetTags,
        // One of the two is there; the other is emptied.
        Allowed = wish.Allowed ?? [], Denied = wish.Denied ?? [],
    };

    private async ValueTask<(SortedDictionary<int, Found<GcpFirewall>> Extras, DriverError? Error)> ExtrasAsync(Call call, Identity id, int count)
    {
        var extras = new SortedDictionary<int, Found<GcpFirewall>>();
        for (var n = 1; n < count; n++)
        {
            var found = await ExtraAsync(call, id, n);
            if (found.Error is not null)
                return (extras, found.Error);
            if (found.Item is not null)
                extras[n] = found;
        }

        return (extras, null);
    }

    private async ValueTask<Found<GcpFirewall>> ExtraAsync(Call call, Identity id, int n)
    {
        var found = await ReadAsync(call, id, $"global/{Collection}/{ExtraName(id, n)}");
        return found.Item is null ? found : found with { Mark = Marks.Compare(id, ReadMark(found.Item), ExtraPart(n)) };
    }

    private static Identity IdentityOf(Mark mark) => new() { Installation = mark.Installation, Kind = ResourceKind.Firewall, Name = mark.Name, Incarnation = Math.Max(1, mark.Incarnation) };

    private static string MainDescription(Identity id, int count) => GcpContext.Descriptions.Write(Marks.For(id), string.Create(CultureInfo.InvariantCulture, $"{CountWord}{count}"));

    private static int CountOf(GcpFirewall main)
    {
        foreach (var word in (main.Description ?? "").Split(' '))
            if (word.StartsWith(CountWord, StringComparison.Ordinal) && int.TryParse(word[CountWord.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return Math.Clamp(count, 1, FirewallRules.MaxFirewalls);
        return 1;
    }

    private static Step DeleteExtra(int n) => new() { Part = ExtraPart(n), Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "delete further firewall" };

    private static string ExtraPart(int n) => string.Create(CultureInfo.InvariantCulture, $"{ExtraPrefix}{n}");

    private static string ExtraName(Identity id, int n) => ResourceNames.For(id, GcpContext.Names, ExtraPart(n));

    private static int? NumberOf(string part) =>
        part.StartsWith(ExtraPrefix, StringComparison.Ordinal) && int.TryParse(part[ExtraPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is > 0 and < FirewallRules.MaxFirewalls ? n : null;
}
