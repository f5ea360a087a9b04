using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>
/// A rule set: a main firewall, and further ones (parts <c>rule-1</c> and so on) where the rules have several sets of sources. How many there are
/// stands in the main one's description, so that a look knows what to read.
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
        var work = handle is null ? null : await Api.Operations.LookAsync(call, handle);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var (parts, error) = await PartsAsync(call, id, desired);
        if (error is not null)
            return error;
        var busy = work?.Progress;
        if (!parts.ContainsKey(0) && work?.Status is null or OperationStatus.Unknown && (desired is null || id.PartId(Part) is not null))
        {
            (busy, error) = await PendingWork.FindAsync(Api, call, Collection, ResourceNames.For(id, GcpContext.Names));
            if (error is not null)
                return error;
        }

        var failure = work?.Status == OperationStatus.Failed ? work.Error : null;
        if (parts.Count == 0)
            return new Absent<FirewallFacts> { Next = desired is null ? null : CreateStep, InProgress = busy, Failure = failure };
        return Seen(parts, id, desired, work, busy, failure);
    }

    protected override async ValueTask<Answer<Observation<FirewallFacts>>> SeenAsync(Call call, GcpFirewall item, Found<GcpFirewall> found, Identity id, FirewallSpec? desired, OperationLook? work)
    {
        var (parts, error) = await PartsAsync(call, id, desired);
        if (error is not null)
            return error;
        parts[0] = found;
        return Seen(parts, id, desired, work, work?.Progress, null);
    }

    private Present<FirewallFacts> Seen(SortedDictionary<int, Found<GcpFirewall>> parts, Identity id, FirewallSpec? desired, OperationLook? work, Progress? busy, DriverError? failure)
    {
        var wishes = desired is null ? [] : WishesOf(desired, id);
        var deleting = work is { Status: OperationStatus.Running, Answer: { } answer } && JsonText.Find(answer.Body, "operationType") == "delete";
        var mark = parts.Values.Any(p => p.Mark == MarkState.Foreign) ? MarkState.Foreign : parts.Values.Any(p => p.Mark == MarkState.Missing) ? MarkState.Missing : MarkState.Ours;
        var diff = desired is null ? new SpecDiff() : Compare(desired, wishes, parts);
        // A recorded part that is gone isn't made again in this life.
        var lost = desired is null || busy is not null ? [] : id.Parts.Where(p => NumberOf(p.Name) is { } n && !parts.ContainsKey(n)).ToList();
        foreach (var part in lost)
            diff.Add($"parts[{part.Name}]", Remedy.Replace, part.Id);
        var missing = Enumerable.Range(0, wishes.Length).Where(n => !parts.ContainsKey(n)).ToList();
        Step? next = null;
        if (mark == MarkState.Ours && !deleting)
            // Further ones first: while the main one's description says how many there are, none is forgotten.
            next = desired is null ? DeleteStepOf(parts.Keys.Max()) : lost.Count > 0 ? null
                : missing.Count > 0 ? missing[0] == 0 ? CreateStep : CreateStep with { Part = PartOf(missing[0]), Description = "create further firewall" }
                : diff.CanUpdate ? new Step { Part = Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "update firewalls" } : null;
        var main = parts.GetValueOrDefault(0)?.Item;
        return new Present<FirewallFacts>
        {
            Facts = main is null ? new FirewallFacts() : ToFacts(main),
            Parts = [.. parts.Select(p => new Part { Name = PartOf(p.Key), Id = p.Value.Path })],
            State = deleting ? Lifecycle.Deleting : main is null || missing.Count > 0 ? Lifecycle.Creating : Lifecycle.Ready,
            Mark = mark,
            Incarnation = ReadMark((main ?? parts.Values.First().Item)!)?.Incarnation ?? 0,
            // What isn't built yet is no difference.
            Drift = missing.Count > 0 && lost.Count == 0 && main is not null && CountOf(main) >= wishes.Length ? [] : diff.ToDrift(),
            Next = next,
            InProgress = desired is null && next is not null ? null : busy,
            Failure = failure,
        };
    }

    public override async ValueTask<Outcome<FirewallFacts>> CreateAsync(Operation operation, Identity id, FirewallSpec desired)
    {
        if (NumberOf(operation.Step.Part) is not { } n)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        if (n == 0)
            return await base.CreateAsync(operation, id, desired);
        var (part, call) = (operation.Step.Part, operation.Call);
        var wishes = WishesOf(desired, id);
        if (n >= wishes.Length)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var there = await PartAsync(call, id, n);
        if (there.Error is not null)
            return Failure(there.Error);
        if (there.Item is not null)
            return there.Mark != MarkState.Ours ? Failure(GcpErrors.NotOurs(there.Path)) : new Done<FirewallFacts> { Parts = [new Part { Name = part, Id = there.Path }] };
        if (id.PartId(part) is { } recorded)
            return Failure(GcpErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."));
        var main = await PartAsync(call, id, 0);
        if (main.Item is null)
            return Failure(main.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The main firewall isn't there yet."));
        var path = $"global/{Collection}/{ResourceNames.For(id, GcpContext.Names, part)}";
        var wish = wishes[n] with { Name = Paths.Last(path), Description = GcpContext.Descriptions.Write(Marks.For(id, part)) };
        var look = await Api.ChangeAsync(call, RestRequest.Post(WithRequestId(operation, $"global/{Collection}"), wish, Type));
        if (look.Error is { PlatformCode: "alreadyExists" or "RESOURCE_ALREADY_EXISTS", Code: ErrorCode.Conflict } taken)
        {
            var held = await PartAsync(call, id, n);
            return Failure(held.Error ?? (held.Item is null && held.Path.Length == 0 ? taken with { BlockedBy = [path] } : taken with { Code = ErrorCode.NotReadyYet, RetryAfter = GcpContext.LookAgain }));
        }

        return ToOutcome(look, look.Status is OperationStatus.Running or OperationStatus.Succeeded ? [new Part { Name = part, Id = path }] : []);
    }

    public override async ValueTask<Outcome<FirewallFacts>> UpdateAsync(Operation operation, Identity id, FirewallSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        var (parts, error) = await PartsAsync(call, id, desired);
        if (error is not null)
            return Failure(error);
        if (!parts.TryGetValue(0, out var main))
            return Failure(GcpErrors.Refused(ErrorCode.PreconditionFailed, "The firewall isn't there to be changed."));
        if (parts.Values.FirstOrDefault(p => p.Mark != MarkState.Ours) is { } foreign)
            return Failure(GcpErrors.NotOurs(foreign.Path));
        var wishes = WishesOf(desired, id);
        OperationLook? last = null;
        // The main one last: what it lets through, and how many there are, is then true of all.
        foreach (var (n, part) in parts.Reverse())
        {
            var wish = n < wishes.Length ? wishes[n] : null;
            if (n > 0 && (wish is null ? part.Item!.Disabled == true : FirewallRules.Show(wish) == FirewallRules.Show(part.Item!)))
                continue;
            if (n == 0 && FirewallRules.Show(wishes[0]) == FirewallRules.Show(part.Item!) && CountOf(part.Item!) >= wishes.Length)
                continue;
            // What isn't needed any more is switched off and kept: a rule set that shrinks and grows stays the same objects.
            var patch = wish is null ? new GcpFirewall { Disabled = true } : ToPatch(wish);
            last = await Api.ChangeAsync(call, RestRequest.Patch(part.Path, n == 0 ? patch with { Description = MainDescription(id, Math.Max(wishes.Length, parts.Keys.Max() + 1)) } : patch, Type));
            if (last.Error is { } refused)
                return Failure(refused);
        }

        return last is null ? new Done<FirewallFacts>() : ToOutcome(last, [new Part { Name = Part, Id = main.Path }]);
    }

    public override async ValueTask<Outcome<FirewallFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (NumberOf(operation.Step.Part) is not { } n || n == 0)
            return await base.DeleteAsync(operation, id);
        var part = await PartAsync(operation.Call, id, n);
        if (part.Error is not null)
            return Failure(part.Error);
        if (part.Item is null)
            return new Done<FirewallFacts>();
        return part.Mark == MarkState.Ours ? await RemoveAsync(operation.Call, part.Path) : Failure(GcpErrors.NotOurs(part.Path));
    }

    public override async ValueTask<Answer<ListPage<FirewallFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var page = await PageAsync(call, query, cursor);
        if (page.Error is { } failed)
            return failed;
        return new ListPage<FirewallFacts>
        {
            // Each firewall of a set is an item of its own (DC-57).
            Items =
            [
                .. page.Items.Select(i => (Item: i, Mark: ReadMark(i))).Where(i => i.Mark is { } m && m.Installation == query.Installation && m.Kind == Kind)
                    .Select(i => ToListed(i.Item) with { Parts = [new Part { Name = i.Mark!.Part ?? Part, Id = PathOf(i.Item) }] }),
            ],
            Next = page.Next,
            Complete = page.Complete,
        };
    }

    /// <summary>Every firewall of the set that is there: as many as the wish needs, the main one's description says, or are recorded.</summary>
    private async ValueTask<(SortedDictionary<int, Found<GcpFirewall>> Parts, DriverError? Error)> PartsAsync(Call call, Identity id, FirewallSpec? desired)
    {
        var parts = new SortedDictionary<int, Found<GcpFirewall>>();
        var main = await PartAsync(call, id, 0);
        if (main.Error is not null)
            return (parts, main.Error);
        var numbers = id.Parts.Select(p => NumberOf(p.Name) ?? 0).ToHashSet();
        if (main.Item is not null)
            numbers.UnionWith(Enumerable.Range(0, Math.Max(CountOf(main.Item), desired is null ? 0 : WishesOf(desired, id).Length)));
        if (main.Item is not null)
            parts[0] = main;
        foreach (var n in numbers.Where(n => n > 0).Order())
        {
            var part = await PartAsync(call, id, n);
            if (part.Error is not null)
                return (parts, part.Error);
            if (part.Item is not null)
                parts[n] = part;
        }

        if (main.Item is not null || desired is not null || parts.Count > 0)
            return (parts, null);
        // Somebody took the main one away: others of the set are found by their mark.
        var first = RestRequest.Get(RestRequest.WithQuery($"global/{Collection}", new KeyValuePair<string, string?>("filter", DescriptionFilter.Of(id))));
        var pages = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, Collection, id.Name).AllAsync(Api.Compute, call, first);
        if (pages.Error is { } error)
            return (parts, error);
        foreach (var listed in pages.Value!.Pages)
        {
            var page = GcpApi.ReadPage(listed, Collection, Type);
            if (page.Value is not { } read)
                return (parts, page.Error);
            foreach (var item in read.Items)
            {
                // A list may be late: what counts is the read.
                if (ReadMark(item)?.Part is not { } name || NumberOf(name) is not { } n || n == 0)
                    continue;
                var part = await PartAsync(call, id, n);
                if (part.Error is not null)
                    return (parts, part.Error);
                if (part.Item is not null)
                    parts[n] = part;
            }
        }

        return (parts, null);
    }

    private async ValueTask<Found<GcpFirewall>> PartAsync(Call call, Identity id, int n)
    {
        var name = PartOf(n);
        var markPart = n == 0 ? null : name;
        var recorded = id.PartId(name);
        var found = await ReadAsync(call, id, recorded ?? $"global/{Collection}/{ResourceNames.For(id, GcpContext.Names, markPart)}");
        if (found.Item is null)
            return found;
        var mark = Marks.Compare(id, ReadMark(found.Item), markPart);
        // What carries no mark isn't ours, whatever its name.
        return recorded is null && mark == MarkState.Missing ? new Found<GcpFirewall>() : found with { Mark = mark };
    }

    private ImmutableArray<GcpFirewall> WishesOf(FirewallSpec desired, Identity id)
    {
        var network = desired.Network.ProviderId is { } path ? Context.Reference(path) : null;
        // Validation has refused what can't be planned; without it nothing is let through.
        var plan = FirewallRules.Plan(desired.Ingress, FirewallRules.TagOf(id.Name)).Value ?? FirewallRules.Plan([], FirewallRules.TagOf(id.Name)).Value!;
        return [.. plan.Rules.Select(r => r with { Network = network })];
    }

    private SpecDiff Compare(FirewallSpec desired, ImmutableArray<GcpFirewall> wishes, SortedDictionary<int, Found<GcpFirewall>> parts)
    {
        var actual = parts.Where(p => p.Key < wishes.Length || p.Value.Item!.Disabled != true).Select(p => FirewallRules.Show(p.Value.Item!));
        return new SpecDiff()
            .Text("network", desired.Network.ProviderId, Paths.Below(parts.Values.First().Item!.Network, Api.Project), Remedy.Replace)
            .Text("ingress", string.Join("; ", wishes.Select(FirewallRules.Show)), string.Join("; ", actual), Remedy.InPlace);
    }

    private static GcpFirewall ToPatch(GcpFirewall wish) => new()
    {
        Priority = wish.Priority, Disabled = false, SourceRanges = wish.SourceRanges, TargetTags = wish.TargetTags,
        // One of the two is there; the other is emptied.
        Allowed = wish.Allowed ?? [], Denied = wish.Denied ?? [],
    };

    private static string MainDescription(Identity id, int count) => GcpContext.Descriptions.Write(Marks.For(id), string.Create(CultureInfo.InvariantCulture, $"{CountWord}{count}"));

    private static int CountOf(GcpFirewall main)
    {
        foreach (var word in (main.Description ?? "").Split(' '))
            if (word.StartsWith(CountWord, StringComparison.Ordinal) && int.TryParse(word[CountWord.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return Math.Clamp(count, 1, FirewallRules.MaxFirewalls);
        return 1;
    }

    private Step DeleteStepOf(int n) => new() { Part = PartOf(n), Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "delete firewall" };

    private string PartOf(int n) => n == 0 ? Part : string.Create(CultureInfo.InvariantCulture, $"{ExtraPrefix}{n}");

    private int? NumberOf(string part) => part == Part ? 0
        : part.StartsWith(ExtraPrefix, StringComparison.Ordinal) && int.TryParse(part[ExtraPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is > 0 and < FirewallRules.MaxFirewalls ? n : null;
}
