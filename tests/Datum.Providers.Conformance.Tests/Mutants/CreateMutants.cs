using Datum.Providers.Drivers.Simulator;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Faults in building, in what is said of lost answers, and in parts and steps.</summary>
internal static class CreateMutants
{
    private static SimulatorKnobs Slow => new() { OperationDurations = Enum.GetValues<ResourceKind>().ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(20)) };

    public static IEnumerable<Mutant> All =>
    [
        new() { Name = "makes every object twice", Rule = "L1", Case = 40, Kind = ResourceKind.Disk, Says = "objects that nobody recorded", Session = Disks(n => new()
        {
            Create = async (clean, op, id, desired) =>
            {
                await clean.CreateAsync(op.With(token: Edit.Token(n())), id, desired);
                return await clean.CreateAsync(op, id, desired);
            },
        }) },
        new() { Name = "treats what isn't finished as a failed look", Rule = "DC-15", Case = 40, Kind = ResourceKind.Network, Says = "isn't built after", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is { Value: Absent<NetworkFacts> }
                ? Edit.Refusal(ErrorCode.NotReadyYet, "The network isn't there yet.") : await clean.ObserveAsync(call, id, desired, handle),
        }) },
        new() { Name = "reports a state that the contract doesn't know", Rule = "DC-94", Case = 40, Kind = ResourceKind.Network, Says = "isn't one of the contract", Session = _ => Networks(new() { Seen = There((p, _, _) => p with { State = (Lifecycle)99 }) }) },
        new() { Name = "wants to be asked again at once", Rule = "DC-82", Case = 40, Kind = ResourceKind.Network, Knobs = Slow, Says = "LookAgainAfter isn't positive", Session = _ => Networks(new() { Made = made => made is Running<NetworkFacts> r ? r with { Progress = r.Progress with { LookAgainAfter = TimeSpan.Zero } } : made }) },
        new() { Name = "gives out handles of any length", Rule = "DC-80", Case = 40, Kind = ResourceKind.Network, Knobs = Slow, Says = "A handle has 2000 characters", Session = _ => Networks(new() { Made = made => made is Running<NetworkFacts> r ? r with { Progress = r.Progress with { Handle = new Handle { Data = new string('h', 2000) } } } : made }) },
        new() { Name = "finds something else at each look", Rule = "DC-12", Case = 41, Kind = ResourceKind.Network, Says = "finds something else", Session = _ =>
        {
            var looks = 0;
            return Networks(new() { Seen = There((p, _, _) => p with { Facts = p.Facts with { PlatformState = $"seen {looks++} times" } }) });
        } },
        new() { Name = "names no first step", Rule = "DC-26", Case = 42, Kind = ResourceKind.Network, Says = "No first step", Session = _ => Networks(new() { Seen = (seen, _, _) => seen is Absent<NetworkFacts> a ? a with { Next = null } : seen }) },
        new() { Name = "does another step than the one that was named", Rule = "DC-15", Case = 43, Kind = ResourceKind.Instance, Says = "isn't built after", Session = _ => Instances(new()
        {
            Create = (clean, op, id, desired) => clean.CreateAsync(op.Step.Part == "nic-0" ? op.With(part: "boot") : op, id, desired),
        }) },
        new() { Name = "waits within a verb until the platform is ready", Rule = "DC-10", Case = 43, Kind = ResourceKind.Network, Patience = TimeSpan.FromSeconds(2), Says = "didn't end within", Session = c => Networks(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var made = await clean.CreateAsync(op, id, desired);
                await Task.Delay(TimeSpan.FromSeconds(1), c.Host.Time, op.Call.Cancellation);
                return made;
            },
        }) },
        new() { Name = "does steps of a weaker class than it declares", Rule = "DC-33", Case = 44, Kind = ResourceKind.Network, Says = "weaker than", Session = _ => Networks(new() { Seen = (seen, _, _) => seen is Absent<NetworkFacts> { Next: { } step } a ? a with { Next = step with { Class = CreateClass.Manual } } : seen }) },
        new() { Name = "makes up a token for every call", Rule = "DC-40", Case = 45, Kind = ResourceKind.Disk, Says = "The repetition names another dsk", Session = Disks(n => new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(token: Edit.Token(n())), id, desired) }) },
        new() { Name = "claims names of its own choice and adds a random ending to them", Rule = "L1", Case = 45, Kind = ResourceKind.Network, Says = "The repetition names another", Session = _ =>
        {
            var made = 0;
            return new Seed
            {
                Wire = async (request, send) =>
                {
                    if (request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath == "/v1/networks")
                        await Edit.BodyAsync(request, b => b["name"] = $"{b["name"]}-{made++}");
                    return await send(request);
                },
            };
        } },
        new() { Name = "makes a part that is recorded once more", Rule = "DC-16", Case = 46, Kind = ResourceKind.Disk, Says = "objects that nobody recorded", Session = Disks(n => new()
        {
            Create = (clean, op, id, desired) => id.Parts.IsEmpty ? clean.CreateAsync(op, id, desired) : clean.CreateAsync(op.With(token: Edit.Token(n())), id with { Parts = [] }, desired),
        }) },
        new() { Name = "makes its token from the wish", Rule = "DC-34", Case = 47, Kind = ResourceKind.Disk, Says = "isn't built after", Session = Disks(_ => new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(token: Edit.Hash($"{desired.SizeGiB}/{desired.Type}")), id, desired) }) },
        new() { Name = "keeps the identity at hand in a field of the session", Rule = "DC-5", Case = 48, Kind = ResourceKind.Network, Says = "The mark of what was just built is Foreign", Session = _ =>
        {
            Identity? current = null;
            var both = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var arrived = 0;
            return Networks(new()
            {
                Create = async (clean, op, id, desired) =>
                {
                    current = id;
                    if (Interlocked.Increment(ref arrived) == 2)
                        both.SetResult();
                    await both.Task.WaitAsync(TimeSpan.FromSeconds(20), op.Call.Cancellation);
                    return await clean.CreateAsync(op, current, desired);
                },
            });
        } },
        new() { Name = "changes its token with the parameters", Rule = "DC-40", Case = 50, Kind = ResourceKind.Disk, Says = "objects that nobody recorded", Session = Disks(_ => new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(token: Edit.Hash($"{op.Token}/{desired}")), id, desired) }) },
        new() { Name = "doesn't send the token", Rule = "DC-40", Case = 51, Kind = ResourceKind.Disk, Says = "carries the token", Session = _ => new Seed
        {
            Wire = (request, send) =>
            {
                request.Headers.Remove("Idempotency-Key");
                return send(request);
            },
        } },
        new() { Name = "makes names from the hint", Rule = "DC-34", Case = 52, Kind = ResourceKind.Network, Says = "With another hint", Session = _ => Networks(new() { Id = id => id with { Name = Edit.Hash(id.Hint ?? "") } }) },
        new() { Name = "marks with an incarnation of its own", Rule = "DC-35", Case = 53, Kind = ResourceKind.Network, Says = "Incarnation in the mark is 7", Session = _ => Networks(new() { Id = id => id with { Incarnation = 7 } }) },
        new() { Name = "makes objects without a mark", Rule = "DC-35", Case = 53, Kind = ResourceKind.Network, Says = "The mark of what was just built is Missing", Session = _ => new Seed
        {
            Wire = async (request, send) =>
            {
                if (request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath == "/v1/networks")
                    await Edit.BodyAsync(request, b => b.Remove("labels"));
                return await send(request);
            },
        } },
        new() { Name = "does two steps at once", Rule = "DC-30", Case = 54, Kind = ResourceKind.Instance, Says = "The first step made 2 objects", Session = _ => Instances(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var first = await clean.CreateAsync(op, id, desired);
                return op.Step.Part == "nic-0" && await clean.CreateAsync(op.With(part: "boot"), id, desired) is { } second ? first with { Parts = [.. first.Parts, .. second.Parts] } : first;
            },
        }) },
        new() { Name = "cuts the identity's name down", Rule = "DC-34", Case = 205, Kind = ResourceKind.Network, Says = "Beside identities that differ in one digit", Session = _ => Networks(new() { Id = id => id with { Name = id.Name[..31] + "0" } }) },
        new() { Name = "names what it makes by the hint", Rule = "DC-34", Case = 207, Kind = ResourceKind.Network, Says = "he hint", Session = _ => Networks(new() { Id = id => id with { Name = Edit.Hash(id.Name + id.Hint) } }) },
        new() { Name = "cuts host names without a word", Rule = "DC-75", Case = 209, Kind = ResourceKind.Instance, Says = "accepted, built, and it drifts", Session = _ => Instances(new() { Create = (clean, op, id, desired) => clean.CreateAsync(op, id, desired with { Hostname = desired.Hostname.Length > 20 ? desired.Hostname[..20] : desired.Hostname }) }) },
        new() { Name = "uses the last life's token again", Rule = "DC-40", Case = 230, Kind = ResourceKind.Disk, Says = "isn't built after", Session = Disks(_ => new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(token: Edit.Hash($"{id.Name}/{op.Step.Part}")), id, desired) }) },
        new() { Name = "marks every life as the first", Rule = "DC-35", Case = 230, Kind = ResourceKind.Network, Says = "Incarnation in the mark is 1", Session = _ => Networks(new() { Id = id => id with { Incarnation = 1 } }) },
        new() { Name = "takes what is left of an earlier life for this one", Rule = "DC-25", Case = 231, Kind = ResourceKind.Network, Says = "the second incarnation is told 2", Session = _ => Networks(new() { Seen = There((p, id, _) => p with { Incarnation = id.Incarnation }) }) },

        new() { Name = "says NotApplied after an answer was lost", Rule = "DC-45", Case = 62, Kind = ResourceKind.Network, Says = "NotApplied isn't true", Session = _ => Errors(e => e with { Effect = Effect.NotApplied }) },
        new() { Name = "says Unknown of a request that never left", Rule = "DC-45", Case = 60, Kind = ResourceKind.Network, Says = "the effect is NotApplied", Session = _ => Errors(e => e with { Effect = Effect.Unknown }) },
        new() { Name = "reports errors without a code", Rule = "DC-45", Case = 65, Kind = ResourceKind.Network, Says = "An error has no code", Session = _ => Errors(e => e with { Code = ErrorCode.Unknown }) },
        new() { Name = "reports errors without a message", Rule = "DC-50", Case = 65, Kind = ResourceKind.Network, Says = "An error has no message", Session = _ => Errors(e => e with { Message = "" }) },
        new() { Name = "tells a deadline that passed as a failure", Rule = "DC-13", Case = 63, Kind = ResourceKind.Network, Says = "it is Timeout", Session = _ => Errors(e => e with { Code = ErrorCode.Failed }) },
        new() { Name = "makes it again itself when an answer was lost", Rule = "L1", Case = 62, Kind = ResourceKind.Disk, Says = "objects that nobody recorded", Session = Disks(n => new()
        {
            Create = async (clean, op, id, desired) => await clean.CreateAsync(op, id, desired) is { } made and not Failed<DiskFacts> { Error.Effect: Effect.Unknown }
                ? made : await clean.CreateAsync(op.With(token: Edit.Token(n())), id, desired),
        }) },
        new() { Name = "follows a redirect to another host", Rule = "DC-8", Case = 75, Kind = ResourceKind.Network, Says = "went to the host of the redirect", Session = _ => new Seed
        {
            Wire = async (request, send) =>
            {
                var answer = await send(request);
                if (answer.Headers.Location is not { } location)
                    return answer;
                request.RequestUri = location;
                return await send(request);
            },
        } },
        new() { Name = "loses the platform's Retry-After", Rule = "DC-48", Case = 76, Kind = ResourceKind.Network, Says = "belongs into RetryAfter", Session = _ => Errors(e => e with { RetryAfter = null }) },
        new() { Name = "reports throttling as a failure", Rule = "DC-48", Case = 76, Kind = ResourceKind.Network, Says = "429 is Throttled", Session = _ => Errors(e => e with { Code = ErrorCode.Failed }) },
        new() { Name = "takes a delete without an answer for done", Rule = "DC-67", Case = 78, Kind = ResourceKind.Network, Says = "the platform didn't act, but the driver says done", Session = _ => Networks(new()
        {
            Delete = async (clean, op, id) => await clean.DeleteAsync(op, id) is { } outcome and not Failed<NetworkFacts> ? outcome : new Done<NetworkFacts>(),
        }) },

        new() { Name = "calls a step done whose parts aren't there", Rule = "DC-15", Case = 82, Kind = ResourceKind.Instance, Says = "PreconditionFailed and NotApplied is right", Session = _ => Instances(new() { Made = made => made is Failed<InstanceFacts> { Error.Code: ErrorCode.PreconditionFailed } ? new Done<InstanceFacts>() : made }) },
        new() { Name = "calls a step done that it doesn't know", Rule = "DC-15", Case = 83, Kind = ResourceKind.Network, Says = "PreconditionFailed and NotApplied is right", Session = _ => Networks(new() { Made = made => made is Failed<NetworkFacts> { Error.Code: ErrorCode.PreconditionFailed } ? new Done<NetworkFacts>() : made }) },
        new() { Name = "forgets the new id when a read behind it fails", Rule = "DC-36", Case = 84, Kind = ResourceKind.Network, Says = "doesn't tell that id", Session = c => Networks(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var made = await clean.CreateAsync(op, id, desired);
                if (made.Parts is not [var part])
                    return made;
                var look = await clean.ObserveAsync(op.Call, id with { Parts = [part] }, desired, null);
                return look.Error is { } error ? new Failed<NetworkFacts> { Error = error with { Effect = Effect.Applied } } : made;
            },
        }) },
        new() { Name = "declares a class by which it can't find what it made", Rule = "DC-33", Case = 85, Kind = ResourceKind.Network, Says = "isn't found again", Session = _ => Networks(new() { Observe = OnlyById }) },
        new() { Name = "names another next step at every second look", Rule = "DC-26", Case = 87, Kind = ResourceKind.Network, Says = "a further look at the same state", Session = _ =>
        {
            var looks = 0;
            return Networks(new() { Seen = (seen, _, _) => seen is Absent<NetworkFacts> { Next: { } step } a && looks++ % 2 == 0 ? a with { Next = step with { Class = CreateClass.Marked } } : seen });
        } },
        new() { Name = "knows only networks that its session has seen", Rule = "DC-4", Case = 88, Kind = ResourceKind.Subnet, Says = "isn't built after", Session = _ =>
        {
            var known = new HashSet<string>(StringComparer.Ordinal);
            return new Seed
            {
                Networks = new() { Seen = There((p, id, _) => known.Add(id.Name) ? p : p) },
                Subnets = new()
                {
                    Create = async (clean, op, id, desired) => known.Contains(desired.Network.Name) ? await clean.CreateAsync(op, id, desired)
                        : new Failed<SubnetFacts> { Error = Edit.Refusal(ErrorCode.NotReadyYet, "The network isn't known.") },
                },
            };
        } },
        new() { Name = "deletes its neighbours too", Rule = "L3", Case = 89, Kind = ResourceKind.Network, Says = "removed", Session = _ => Networks(new()
        {
            Delete = async (clean, op, id) =>
            {
                var page = await clean.ListAsync(op.Call, new ListQuery { Installation = id.Installation }, null);
                foreach (var item in page.Value?.Items ?? [])
                    await clean.DeleteAsync(op, id with { Name = item.Name, Incarnation = item.Incarnation, Parts = item.Parts });
                return await clean.DeleteAsync(op, id);
            },
        }) },
    ];

    /// <summary>Searches for nothing.</summary>
    private static async ValueTask<Answer<Observation<NetworkFacts>>> OnlyById(IResourceDriver<NetworkSpec, NetworkFacts> clean, Call call, Identity id, NetworkSpec? desired, Handle? handle)
    {
        var answer = await clean.ObserveAsync(call, id, desired, handle);
        return answer.Value is Present<NetworkFacts> && id.Parts.IsEmpty
            ? new Absent<NetworkFacts> { Next = desired is null ? null : new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named } }
            : answer;
    }

    private static Func<Observation<NetworkFacts>, Identity, NetworkSpec?, Observation<NetworkFacts>> There(Func<Present<NetworkFacts>, Identity, NetworkSpec?, Observation<NetworkFacts>> change) => Edit.There(change);

    private static Seed Networks(Seams<NetworkSpec, NetworkFacts> seams) => new() { Networks = seams };

    private static Seed Instances(Seams<InstanceSpec, InstanceFacts> seams) => new() { Instances = seams };

    private static Seed Errors(Func<DriverError, DriverError> change) => Networks(new() { Made = Edit.Error<NetworkFacts>(change) });

    /// <summary>Changes disks with a counter of the session.</summary>
    private static Func<MutantContext, Seed> Disks(Func<Func<int>, Seams<DiskSpec, DiskFacts>> seams) => _ =>
    {
        var count = 0;
        return new Seed { Disks = seams(() => Interlocked.Increment(ref count)) };
    };
}
