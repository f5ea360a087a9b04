using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Sdk;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Faults in looking, in drift and updates, in taking down and in listing.</summary>
internal static class LookMutants
{
    public static IEnumerable<Mutant> All => [.. Looks, .. Updates, .. Deletes, .. Lists];

    private static IEnumerable<Mutant> Looks =>
    [
        new() { Name = "says Absent when a read failed", Rule = "DC-21", Case = 300, Kind = ResourceKind.Network, Says = "an error is right", Session = _ => Networks(new() { Observe = AbsentOn(_ => true) }) },
        new() { Name = "throws what broke a look", Rule = "DC-11", Case = 300, Kind = ResourceKind.Network, Says = "observe threw HttpRequestException", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is { Error: { } error } ? throw new HttpRequestException(error.Message) : await clean.ObserveAsync(call, id, desired, handle),
        }) },
        new() { Name = "says Absent from an incomplete list", Rule = "DC-21", Case = 307, Kind = ResourceKind.Disk, Says = "from an incomplete search nothing follows", Session = _ => new Seed { Wire = async (request, send) => await Edit.AnswerAsync(await send(request), b =>
        {
            if (b.ContainsKey("unreachable"))
                b["unreachable"] = new JsonArray();
        }) } },
        new() { Name = "takes what rights hide for absent", Rule = "DC-21", Case = 172, Kind = ResourceKind.Network, Says = "what rights hide isn't absent", Session = _ => Networks(new() { Observe = AbsentOn(e => e.Code == ErrorCode.Forbidden) }) },
        new() { Name = "takes a look that was cancelled for absent", Rule = "DC-13", Case = 191, Kind = ResourceKind.Network, Says = "not Timeout", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) =>
            {
                try
                {
                    return await clean.ObserveAsync(call, id, desired, handle) is var answer && answer.Error is { Code: ErrorCode.Timeout } ? new Absent<NetworkFacts>() : answer;
                }
                catch (OperationCanceledException)
                {
                    return new Absent<NetworkFacts>();
                }
            },
        }) },
        new() { Name = "mends drift in a look", Rule = "DC-20", Case = 308, Kind = ResourceKind.Network, Says = "changed the platform", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) =>
            {
                var seen = await clean.ObserveAsync(call, id, desired, handle);
                if (seen.Value is Present<NetworkFacts> { Next: { Verb: StepVerb.Update } step })
                    await clean.UpdateAsync(new Operation { Call = call, Step = step, Token = Edit.Token(3) }, id, desired!);
                return seen;
            },
        }) },
        new() { Name = "ignores the recorded id", Rule = "DC-24", Case = 90, Kind = ResourceKind.Network, Says = "beside copies of them the look finds", Session = _ => Networks(new() { Observe = (clean, call, id, desired, handle) => clean.ObserveAsync(call, id with { Parts = [] }, desired, handle) }) },
        new() { Name = "picks one of two candidates", Rule = "DC-24", Case = 91, Kind = ResourceKind.Network, Says = "a driver never picks one", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is var seen && seen.Value is Ambiguous<NetworkFacts> { Candidates: [var first, ..] }
                ? await clean.ObserveAsync(call, id with { Parts = [first] }, desired, handle) : seen,
        }) },
        new() { Name = "reports an object without a mark as ours", Rule = "DC-25", Case = 92, Kind = ResourceKind.Network, Says = "mark Missing is right", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { Mark = MarkState.Ours }) }) },
        new() { Name = "reports a foreign mark as ours", Rule = "L3", Case = 93, Kind = ResourceKind.Network, Says = "mark Foreign is right", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { Mark = MarkState.Ours }) }) },
        new() { Name = "names a step for what isn't ours", Rule = "L3", Case = 93, Kind = ResourceKind.Network, Says = "whose mark isn't ours", Session = _ => Networks(new() { Seen = There((p, _, desired) => p.Mark == MarkState.Ours || desired is not null ? p : p with { Next = new Step { Part = p.Parts[0].Name, Verb = StepVerb.Delete, Class = CreateClass.Repeatable } }) }) },
        new() { Name = "calls a create done when the name is taken", Rule = "DC-47", Case = 95, Kind = ResourceKind.Network, Says = "but the create is Done", Session = _ => Networks(new() { Made = made => made is Failed<NetworkFacts> { Error.Code: ErrorCode.Conflict } ? new Done<NetworkFacts>() : made }) },
        new() { Name = "names no delete step for what is there", Rule = "DC-27", Case = 96, Kind = ResourceKind.Network, Says = "no delete step is named", Session = _ => Networks(new() { Seen = There((p, _, desired) => desired is null ? p with { Next = null } : p) }) },
        new() { Name = "believes a handle that isn't its own", Rule = "DC-80", Case = 97, Kind = ResourceKind.Network, Says = "With handle", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is var seen && handle is not null && !handle.Data.StartsWith("sim1", StringComparison.Ordinal) && seen.Value is Present<NetworkFacts> p
                ? p with { InProgress = new Progress { LookAgainAfter = TimeSpan.FromSeconds(1), Handle = handle } } : seen,
        }) },
        new() { Name = "throws at a handle that it can't read", Rule = "DC-11", Case = 157, Kind = ResourceKind.Network, Says = "observe threw FormatException", Session = _ => Networks(new()
        {
            Observe = (clean, call, id, desired, handle) => handle is null || handle.Data.StartsWith("sim1", StringComparison.Ordinal) ? clean.ObserveAsync(call, id, desired, handle) : throw new FormatException("The handle isn't one of this driver's."),
        }) },
        new() { Name = "tells a failure for ever", Rule = "DC-28", Case = 98, Kind = ResourceKind.Network, Says = "but it is told again", Session = _ =>
        {
            var failures = new Dictionary<string, DriverError>(StringComparer.Ordinal);
            return Networks(new()
            {
                Seen = (seen, id, _) =>
                {
                    if (seen.Failure is { } failure)
                        failures[id.Name] = failure;
                    return seen is Absent<NetworkFacts> a && failures.TryGetValue(id.Name, out var old) ? a with { Failure = old } : seen;
                },
            });
        } },
        new() { Name = "mixes power up with health", Rule = "DC-29", Case = 99, Kind = ResourceKind.Instance, Says = "its power is told as Stopped", Session = _ => Instances(new() { Seen = Edit.There<InstanceSpec, InstanceFacts>((p, _, _) => p.Facts.Guest == GuestHealth.NotReady ? p with { Facts = p.Facts with { Power = PowerState.Stopped } } : p) }) },
        new() { Name = "tells a tombstone of what never was", Rule = "DC-22", Case = 126, Kind = ResourceKind.Network, Says = "is told to have ended", Session = _ => Networks(new() { Seen = (seen, _, _) => seen is Absent<NetworkFacts> a ? a with { Terminal = true } : seen }) },
    ];

    private static IEnumerable<Mutant> Updates =>
    [
        new() { Name = "sees drift in a field that nobody set", Rule = "DC-75", Case = 100, Kind = ResourceKind.Subnet, Says = "makes drift or a step", Session = _ =>
        {
            var first = new Dictionary<string, string?>(StringComparer.Ordinal);
            return new Seed { Subnets = new() { Seen = Edit.There<SubnetSpec, SubnetFacts>((p, id, desired) =>
            {
                first.TryAdd(id.Name, p.Facts.Gateway);
                return desired is null || first[id.Name] == p.Facts.Gateway ? p : p with { Drift = [new Drift { Path = "gateway", Remedy = Remedy.Unknown }] };
            }) } };
        } },
        new() { Name = "does nothing in an update and calls it done", Rule = "DC-77", Case = 101, Kind = ResourceKind.Network, Says = "isn't built after", Session = _ => Networks(new() { Update = (_, _, _, _) => new(new Done<NetworkFacts>()) }) },
        new() { Name = "declares a path updatable that isn't", Rule = "DC-76", Case = 101, Kind = ResourceKind.Network, Says = "an updatable path", Describe = d => d with { Kinds = [.. d.Kinds.Select(k => k.Kind == ResourceKind.Network ? k with { UpdatablePaths = ["mtu", "ipFamilies"] } : k)] } },
        new() { Name = "says that it can mend in place what it can't", Rule = "DC-76", Case = 102, Kind = ResourceKind.Network, Says = "remedy Replace is right", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { Drift = [.. p.Drift.Select(d => d with { Remedy = Remedy.InPlace })] }) }) },
        new() { Name = "resolves again what is recorded", Rule = "DC-41", Case = 103, Kind = ResourceKind.Disk, Says = "names mean something newer now", Session = _ => new Seed { Disks = new() { Id = id => id with { Resolved = ImmutableDictionary<string, string>.Empty } } } },
        new() { Name = "doesn't tell what it resolved", Rule = "DC-41", Case = 103, Kind = ResourceKind.Disk, Says = "nothing was given to be recorded", Session = _ => new Seed { Disks = new() { Made = made => made with { Resolved = ImmutableDictionary<string, string>.Empty } } } },
        new() { Name = "sees no drift", Rule = "DC-75", Case = 104, Kind = ResourceKind.Network, Says = "was changed at the platform, the look finds", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { Drift = [], Next = p.Next is { Verb: StepVerb.Update } ? null : p.Next }) }) },
        new() { Name = "sees drift and never mends it", Rule = "DC-77", Case = 104, Kind = ResourceKind.Network, Says = "no step left, but drift stays", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { Next = p.Next is { Verb: StepVerb.Update } ? null : p.Next }) }) },
        new() { Name = "doesn't heed suspended", Rule = "DC-78", Case = 106, Kind = ResourceKind.Instance, Says = "but no step was named", Session = _ => Instances(new() { Seen = Edit.There<InstanceSpec, InstanceFacts>((p, _, _) => p with { Drift = [.. p.Drift.Where(d => d.Path != "suspended")], Next = p.Next is { Part: "power" } ? null : p.Next }) }) },
        new() { Name = "shows a secret as the wish in drift", Rule = "DC-79", Case = 107, Kind = ResourceKind.Secret, Says = "shows", Session = _ => new Seed { Secrets = new()
        {
            Observe = async (clean, call, id, desired, handle) =>
            {
                var seen = await clean.ObserveAsync(call, id, desired, handle);
                if (seen.Value is not Present<SecretFacts> { Drift.IsEmpty: false } p)
                    return seen;
                var password = await Edit.PasswordAsync(call, desired!);
                return p with { Drift = [.. p.Drift.Select(d => d with { Desired = password })] };
            },
        } } },
        new() { Name = "makes a lost part again in the same life", Rule = "DC-24", Case = 109, Kind = ResourceKind.Network, Says = "creating it ends with", Session = _ => Networks(new() { Create = (clean, op, id, desired) => clean.CreateAsync(op, id with { Parts = [] }, desired) }) },
        new() { Name = "says NotApplied when the answer to an update was lost", Rule = "DC-45", Case = 110, Kind = ResourceKind.Network, Says = "NotApplied isn't true", Session = _ => Networks(new() { Update = async (clean, op, id, desired) => Edit.Error<NetworkFacts>(e => e with { Effect = Effect.NotApplied })(await clean.UpdateAsync(op, id, desired)) }) },
    ];

    private static IEnumerable<Mutant> Deletes =>
    [
        new() { Name = "fails to delete what is absent", Rule = "DC-67", Case = 115, Kind = ResourceKind.Network, Says = "without a tombstone, is right", Session = _ => Networks(new()
        {
            Delete = async (clean, op, id) => await clean.ObserveAsync(op.Call, id, null, null) is { Value: Absent<NetworkFacts> } ? new Failed<NetworkFacts> { Error = Edit.Refusal(ErrorCode.Failed, "There is no such network.") } : await clean.DeleteAsync(op, id),
        }) },
        new() { Name = "remembers in its session what it made and searches for nothing else", Rule = "DC-4", Case = 117, Kind = ResourceKind.Network, Says = "absence was reported while", Session = _ =>
        {
            var made = new HashSet<string>(StringComparer.Ordinal);
            return Networks(new()
            {
                Create = (clean, op, id, desired) => made.Add(id.Name) ? clean.CreateAsync(op, id, desired) : clean.CreateAsync(op, id, desired),
                Seen = (seen, id, desired) => made.Contains(id.Name) || !id.Parts.IsEmpty || desired is not null ? seen : new Absent<NetworkFacts>(),
            });
        } },
        new() { Name = "reports a deletion that something blocks as a failure", Rule = "DC-68", Case = 119, Kind = ResourceKind.Network, Says = "Conflict and NotApplied is right", Session = _ => Networks(new() { Delete = async (clean, op, id) => Edit.Error<NetworkFacts>(e => e with { Code = ErrorCode.Failed })(await clean.DeleteAsync(op, id)) }) },
        new() { Name = "doesn't say what blocks a deletion", Rule = "DC-68", Case = 119, Kind = ResourceKind.Network, Says = "BlockedBy names", Session = _ => Networks(new() { Delete = async (clean, op, id) => Edit.Error<NetworkFacts>(e => e with { BlockedBy = [] })(await clean.DeleteAsync(op, id)) }) },
        new() { Name = "deletes by its id what lost its mark", Rule = "DC-16", Case = 120, Kind = ResourceKind.Network, Says = "has no mark: delete ends with done", Session = DeletesBlindly },
        new() { Name = "deletes another installation's object", Rule = "L3", Case = 121, Kind = ResourceKind.Network, Says = "another installation's mark: delete ends with done", Session = DeletesBlindly },
        new() { Name = "deletes the first of several that answer", Rule = "DC-24", Case = 122, Kind = ResourceKind.Network, Says = "none is recorded: delete ends with", Session = _ => Networks(new()
        {
            Delete = async (clean, op, id) => await clean.ObserveAsync(op.Call, id, null, null) is { Value: Ambiguous<NetworkFacts> { Candidates: [var first, ..] } } ? await clean.DeleteAsync(op, id with { Parts = [first] }) : await clean.DeleteAsync(op, id),
        }) },
        new() { Name = "sees nothing to delete in what is half-built", Rule = "DC-66", Case = 123, Kind = ResourceKind.Instance, Says = "absence was reported while", Session = _ => Instances(new() { Seen = Edit.There<InstanceSpec, InstanceFacts>((p, _, desired) => desired is null && p.Parts.All(x => x.Name != "server") ? new Absent<InstanceFacts>() : p) }) },
        new() { Name = "deletes what something depends on first", Rule = "DC-66", Case = 125, Kind = ResourceKind.Instance, Says = "has to go first", Session = _ => Instances(new() { Seen = Edit.There<InstanceSpec, InstanceFacts>((p, _, desired) => desired is null && p.Next is { Part: "server" } step ? p with { Next = step with { Part = "nic-0" } } : p) }) },
    ];

    private static IEnumerable<Mutant> Lists =>
    [
        new() { Name = "lists the first page alone", Rule = "DC-56", Case = 131, Kind = ResourceKind.Network, Says = "With pages of 1", Session = _ => Networks(new() { Page = page => page with { Next = null } }) },
        new() { Name = "gives out cursors that only its session knows", Rule = "DC-59", Case = 132, Kind = ResourceKind.Network, Says = "of a healthy platform", Session = _ =>
        {
            var cursors = new List<string>();
            return Networks(new()
            {
                List = async (clean, call, query, cursor) =>
                {
                    if (cursor is not null && (!int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number >= cursors.Count))
                        return Edit.Refusal(ErrorCode.PreconditionFailed, "The cursor isn't known; begin again.");
                    var answer = await clean.ListAsync(call, query, cursor is null ? null : cursors[int.Parse(cursor, CultureInfo.InvariantCulture)]);
                    if (answer.Value is not { Next: { } next } page)
                        return answer;
                    cursors.Add(next);
                    return page with { Next = (cursors.Count - 1).ToString(CultureInfo.InvariantCulture) };
                },
            });
        } },
        new() { Name = "takes a cursor that it can't read for the end", Rule = "DC-59", Case = 133, Kind = ResourceKind.Network, Says = "isn't one of this listing", Session = _ => Networks(new() { List = EmptyOn(e => e.Code == ErrorCode.PreconditionFailed) }) },
        new() { Name = "lists other installations' objects", Rule = "DC-56", Case = 135, Kind = ResourceKind.Network, Says = "is listed as ours", Session = _ => Networks(new()
        {
            List = async (clean, call, query, cursor) => await clean.ListAsync(call, query, cursor) is { Value: { } page } && await clean.ListAsync(call, query with { Installation = "conf2" }, null) is { Value: { } other }
                ? page with { Items = [.. page.Items, .. other.Items] } : await clean.ListAsync(call, query, cursor),
        }) },
        new() { Name = "hides what is half-built from its listing", Rule = "DC-56", Case = 136, Kind = ResourceKind.Instance, Says = "the listing shows parts ()", Session = _ => Instances(new() { Page = page => page with { Items = [.. page.Items.Where(i => i.Parts[0].Name == "server")] } }) },
        new() { Name = "calls every page complete", Rule = "DC-58", Case = 137, Kind = ResourceKind.Disk, Says = "every page of the listing calls itself complete", Session = _ => new Seed { Disks = new() { Page = page => page with { Complete = true } } } },
        new() { Name = "has a revision that never changes", Rule = "DC-60", Case = 139, Kind = ResourceKind.Network, Says = "but the revision is", Session = _ => Networks(new() { Page = page => page with { Items = [.. page.Items.Select(i => i with { Revision = "1" })] } }) },
        new() { Name = "has a revision that changes with each listing", Rule = "DC-60", Case = 139, Kind = ResourceKind.Network, Says = "but the revision went from", Session = _ =>
        {
            var listings = 0;
            return Networks(new() { Page = page => page with { Items = [.. page.Items.Select(i => i with { Revision = $"{i.Revision}-{listings++}" })] } });
        } },
        new() { Name = "lists other facts than a look shows", Rule = "DC-60", Case = 140, Kind = ResourceKind.Network, Says = "The listing has facts", Session = _ => Networks(new() { Page = page => page with { Items = [.. page.Items.Select(i => i with { Facts = i.Facts! with { Mtu = null } })] } }) },
        new() { Name = "hides a copy from its listing", Rule = "DC-57", Case = 141, Kind = ResourceKind.Network, Says = "both under one name is right", Session = _ => Networks(new() { Page = page => page with { Items = [.. page.Items.DistinctBy(i => i.Name)] } }) },
        new() { Name = "takes a page that broke for an empty one", Rule = "DC-58", Case = 144, Kind = ResourceKind.Network, Says = "an error is right", Session = _ => Networks(new() { List = EmptyOn(_ => true) }) },
    ];

    /// <summary>The driver looks at marks, but in a delete it is shown its own on whatever it reads.</summary>
    private static Seed DeletesBlindly(MutantContext context)
    {
        Identity? deleting = null;
        return new Seed
        {
            Networks = new()
            {
                Delete = async (clean, op, id) =>
                {
                    deleting = id;
                    try
                    {
                        return await clean.DeleteAsync(op, id);
                    }
                    finally
                    {
                        deleting = null;
                    }
                },
            },
            Wire = async (request, send) =>
            {
                var answer = await send(request);
                return deleting is not { } id || request.Method != HttpMethod.Get ? answer : await Edit.AnswerAsync(answer, b =>
                {
                    if (b.ContainsKey("labels"))
                        b["labels"] = new JsonObject(Marks.ToPairs(Marks.For(id)).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value)));
                });
            },
        };
    }

    private static Func<IResourceDriver<NetworkSpec, NetworkFacts>, Call, Identity, NetworkSpec?, Handle?, ValueTask<Answer<Observation<NetworkFacts>>>> AbsentOn(Func<DriverError, bool> which) =>
        async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is var answer && answer.Error is { } error && which(error) ? new Absent<NetworkFacts>() : answer;

    private static Func<IResourceDriver<NetworkSpec, NetworkFacts>, Call, ListQuery, string?, ValueTask<Answer<ListPage<NetworkFacts>>>> EmptyOn(Func<DriverError, bool> which) =>
        async (clean, call, query, cursor) => await clean.ListAsync(call, query, cursor) is var answer && answer.Error is { } error && which(error) ? new ListPage<NetworkFacts> { Items = [], Complete = true } : answer;

    private static Func<Observation<NetworkFacts>, Identity, NetworkSpec?, Observation<NetworkFacts>> There(Func<Present<NetworkFacts>, Identity, NetworkSpec?, Observation<NetworkFacts>> change) => Edit.There(change);

    private static Seed Networks(Seams<NetworkSpec, NetworkFacts> seams) => new() { Networks = seams };

    private static Seed Instances(Seams<InstanceSpec, InstanceFacts> seams) => new() { Instances = seams };
}
