using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>An instance is several platform objects: each nic, the boot disk, the server. One step makes or removes one of them.</summary>
internal sealed partial class InstanceDriver(SimulatorContext context) : IResourceDriver<InstanceSpec, InstanceFacts>
{
    private readonly PartAccess _parts = new(context, ResourceKind.Instance);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        InstanceMapping.Validate(context, desired, findings);
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<InstanceFacts>>> ObserveAsync(Call call, Identity id, InstanceSpec? desired, Handle? handle)
    {
        var (seen, error, candidates) = await LookAsync(call, id, desired);
        if (error is not null)
            return error;
        if (candidates.Length > 0)
            return new Ambiguous<InstanceFacts> { Candidates = candidates };
        var (running, failure, problem) = await _parts.AskAsync(call, handle);
        if (problem is not null)
            return problem;
        if (seen.Count == 0)
        {
            return new Absent<InstanceFacts>
            {
                Next = desired is null ? null : CreatePlan(desired).Next(seen),
                Terminal = false,
                InProgress = running,
                Failure = failure,
            };
        }

        return Seen(seen, id, desired, running, handle, failure);
    }

    public async ValueTask<Outcome<InstanceFacts>> CreateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        var part = operation.Step.Part;
        if (WishOf(part, id, desired) is not { } wish)
            return Failure(PartAccess.NoSuchStep(operation.Step));
        if (part == InstanceMapping.Server)
        {
            if (wish.BootDiskId is null || wish.NicIds!.Value.Length < desired.Interfaces.Length)
                return Failure(PartAccess.Refused(ErrorCode.PreconditionFailed, "The server's nics and boot disk aren't recorded yet."));
            var (content, missing) = await Check.PayloadsAsync(operation.Call, GuestPayloads.References(desired));
            if (missing is not null)
                return Failure(missing);
            wish = wish with { Content = content };
        }

        wish = wish with { Labels = desired.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal) };
        var (_, itemId, running, error) = await _parts.CreateAsync(operation, id, InstanceMapping.CollectionOf(part), part, InstanceMapping.MarkPart(part), wish);
        ImmutableArray<Part> made = itemId is null ? [] : [new Part { Name = part, Id = itemId }];
        if (error is not null)
            return new Failed<InstanceFacts> { Error = error, Parts = made };
        var resolved = Resolve(part, wish);
        // The other parts aren't in the answer: the host looks.
        return running is not null
            ? new Running<InstanceFacts> { Progress = running, Parts = made, Resolved = resolved }
            : new Done<InstanceFacts> { Parts = made, Resolved = resolved };
    }

    public async ValueTask<Outcome<InstanceFacts>> UpdateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        var part = operation.Step.Part;
        var target = part is "power" or "restart" ? InstanceMapping.Server : part;
        var look = await _parts.FindAsync(operation.Call, id, InstanceMapping.CollectionOf(target), target, InstanceMapping.MarkPart(target));
        if (look.Item is not { } item)
            return Failure(look.Error ?? PartAccess.Refused(ErrorCode.PreconditionFailed, $"The {target} isn't there to be changed."));
        if (look.Mark != MarkState.Ours)
            return Failure(PartAccess.NotOurs(item));
        Answer<CloudObject> answer;
        if (part == "power")
        {
            if (desired.Suspended == InstanceMapping.IsSuspended(item, desired.Suspended))
                return new Done<InstanceFacts>();
            answer = await context.Api.ActAsync(operation.Call, item.Id, desired.Suspended ? "stop" : "start", new CloudObject { PowerOn = !desired.Suspended });
        }
        else if (part == "restart")
        {
            if (item.RestartedAt == desired.RestartedAt)
                return new Done<InstanceFacts>();
            // A step that was done has the same token the next time: the wish tells one restart from the next.
            answer = await context.Api.ActAsync(operation.Call, item.Id, "restart", new CloudObject { RestartedAt = desired.RestartedAt }, $"{operation.Token}-{desired.RestartedAt}");
        }
        else if (part == InstanceMapping.Server)
        {
            answer = await context.Api.PatchAsync(operation.Call, Collections.Servers, item.Id, new CloudObject { StopGraceSeconds = desired.TerminationGraceSeconds });
        }
        else if (InstanceMapping.IndexOfNic(part) is { } index && index < desired.Interfaces.Length)
        {
            answer = await context.Api.PatchAsync(operation.Call, Collections.Nics, item.Id, new CloudObject { FirewallIds = InstanceMapping.NicWish(desired.Interfaces[index]).FirewallIds });
        }
        else
        {
            return Failure(PartAccess.NoSuchStep(operation.Step));
        }

        return answer.Value is not { } changed ? Failure(answer.Error!)
            : changed.State == CloudStates.Stopping ? new Running<InstanceFacts> { Progress = PartAccess.ToProgress(changed, null)! }
            : new Done<InstanceFacts>();
    }

    public async ValueTask<Outcome<InstanceFacts>> DeleteAsync(Operation operation, Identity id)
    {
        var part = operation.Step.Part;
        if (!InstanceMapping.IsPart(part))
            return Failure(PartAccess.NoSuchStep(operation.Step));
        var (running, _, error) = await _parts.DeleteAsync(operation, id, InstanceMapping.CollectionOf(part), part, InstanceMapping.MarkPart(part));
        if (error is not null)
            return Failure(error);
        // Whether other parts are left is for the next look.
        return running is not null ? new Running<InstanceFacts> { Progress = running } : new Done<InstanceFacts>();
    }

    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        // Servers name their parts; what isn't attached to one comes after them, so that nothing of ours stays unseen (law L2).
        ImmutableArray<string> order = [Collections.Servers, Collections.BootDisks, Collections.Nics];
        var colon = cursor?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var collection = cursor is null ? order[0] : colon < 0 ? "" : cursor[..colon];
        var after = colon < 0 || colon == cursor!.Length - 1 ? null : cursor[(colon + 1)..];
        if (!order.Contains(collection))
            return PartAccess.NotOurCursor();
        var answer = await context.Api.ListAsync(call, collection, query.PageSize, after,
            [new(Marks.InstallKey, query.Installation), new(Marks.KindKey, ResourceNames.Prefix(ResourceKind.Instance))],
            unattached: collection != Collections.Servers);
        if (answer.Value is not { } page)
            return answer.Error!;
        var next = order.IndexOf(collection) + 1;
        return new ListPage<InstanceFacts>
        {
            Items = [.. page.Items.Select(ToListed).OfType<Listed<InstanceFacts>>()],
            Next = page.Next is { } more ? $"{collection}:{more}" : next < order.Length ? order[next] + ":" : null,
            Complete = page.Unreachable.Length == 0,
        };
    }

    private static Listed<InstanceFacts>? ToListed(CloudObject item)
    {
        if (PartAccess.ReadMark(item) is not { } mark)
            return null;
        var server = item.Collection == Collections.Servers;
        var parts = ImmutableArray.CreateBuilder<Part>();
        parts.Add(new Part { Name = server ? InstanceMapping.Server : mark.Part ?? item.Collection, Id = item.Id });
        if (server)
        {
            if (item.BootDiskId is { } boot)
                parts.Add(new Part { Name = InstanceMapping.Boot, Id = boot });
            var nics = item.NicIds ?? [];
            for (var i = 0; i < nics.Length; i++)
                parts.Add(new Part { Name = InstanceMapping.Nic(i), Id = nics[i] });
        }

        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = parts.ToImmutable(),
            State = server ? InstanceMapping.ToLifecycle(item) : Lifecycle.Creating,
            Facts = server ? InstanceMapping.ToFacts(item) : new InstanceFacts { Power = PowerState.Unknown, PlatformState = item.State },
            Revision = item.Revision,
            CreatedAt = item.CreatedAt,
        };
    }

    /// <summary>Every part that is there, by name: the wished ones, the recorded ones and, for a deletion, all that carry the mark.</summary>
    private async ValueTask<(SortedDictionary<string, PartLook> Seen, DriverError? Error, ImmutableArray<Part> Candidates)> LookAsync(Call call, Identity id, InstanceSpec? desired)
    {
        var names = new SortedSet<string>(id.Parts.Select(p => p.Name), StringComparer.Ordinal) { InstanceMapping.Boot };
        for (var i = 0; i < (desired?.Interfaces.Length ?? SimulatorDescriptor.MaxInterfaces); i++)
            names.Add(InstanceMapping.Nic(i));
        names.Remove(InstanceMapping.Server);
        // Without recorded ids a deletion can't know how many nics there were: the platform's limit bounds the look.
        var seen = new SortedDictionary<string, PartLook>(StringComparer.Ordinal);
        CloudObject? server = null;
        foreach (var name in names.Prepend(InstanceMapping.Server))
        {
            var (collection, markPart) = (InstanceMapping.CollectionOf(name), InstanceMapping.MarkPart(name));
            // What its server holds is a part, whatever its mark: one that lacks the mark must show (DC-25).
            var look = id.PartId(name) is null && InstanceMapping.HeldAs(server, name) is { } held
                ? await _parts.ReadAsync(call, id, collection, held, markPart)
                : await _parts.FindAsync(call, id, collection, name, markPart);
            if (look.Error is not null)
                return (seen, look.Error, []);
            if (look.Candidates.Length > 0)
                return (seen, null, [.. look.Candidates.Select(c => new Part { Name = name, Id = c.Id })]);
            if (look.Item is null)
                continue;
            seen[name] = look;
            if (name == InstanceMapping.Server && look.Mark == MarkState.Ours)
                server = look.Item;
        }

        return (seen, null, []);
    }

    private Present<InstanceFacts> Seen(SortedDictionary<string, PartLook> seen, Identity id, InstanceSpec? desired, Progress? running, Handle? handle, DriverError? failure)
    {
        var server = seen.GetValueOrDefault(InstanceMapping.Server)?.Item;
        var mark = Adoption.Worst(seen.Values.Select(l => l.Mark));
        var main = (server ?? seen.Values.First().Item)!;
        var broken = seen.Values.Select(l => l.Item!).FirstOrDefault(i => i.Error is not null);
        var busy = seen.Values.Select(l => PartAccess.ToProgress(l.Item!, running is null ? null : handle)).FirstOrDefault(p => p is not null);
        var withParts = id with { Parts = [.. seen.Select(p => new Part { Name = p.Key, Id = p.Value.Item!.Id })] };

        var diff = server is not null && desired is not null ? InstanceMapping.CompareServer(desired, server, id) : new SpecDiff();
        for (var i = 0; i < (desired?.Interfaces.Length ?? 0); i++)
            if (seen.TryGetValue(InstanceMapping.Nic(i), out var nic))
                InstanceMapping.CompareNic(diff, desired!.Interfaces[i], nic.Item!);
        // A recorded part that is gone isn't made again in this life: whatever used it can't be mended piece by piece.
        var lost = desired is null ? [] : id.Parts.Where(p => !seen.ContainsKey(p.Name)).ToList();
        var unseen = lost.Count > 0 && running is not null;
        foreach (var part in unseen ? [] : lost)
            diff.Add($"parts[{part.Name}]", Remedy.Replace, part.Id);
        var drift = diff.ToDrift();

        Step? next = null;
        if (mark == MarkState.Ours && (desired is null || lost.Count == 0))
            next = desired is null ? DeleteStep(seen, server) : CreatePlan(desired).Next(seen) ?? (diff.CanUpdate ? UpdateStep(drift, desired) : null);
        return new Present<InstanceFacts>
        {
            Facts = server is not null ? InstanceMapping.ToFacts(server) : new InstanceFacts { Power = PowerState.Unknown, PlatformState = main.State },
            Parts = [.. withParts.Parts.OrderBy(p => p.Name == InstanceMapping.Server ? 0 : 1)],
            State = server is not null ? InstanceMapping.ToLifecycle(server) : broken is not null ? Lifecycle.Failed : Lifecycle.Creating,
            Mark = mark,
            Incarnation = PartAccess.ReadMark(main)?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds (DC-27).
            InProgress = desired is null && next is not null ? null : busy ?? (server is null || unseen ? running : null),
            Failure = broken is not null ? context.Api.ToError(broken.Error!, Effect.Applied) : failure,
        };
    }

    private StepPlan<SortedDictionary<string, PartLook>> CreatePlan(InstanceSpec desired)
    {
        var plan = new StepPlan<SortedDictionary<string, PartLook>>();
        for (var i = 0; i < desired.Interfaces.Length; i++)
            plan.Then(InstanceMapping.Nic(i), StepVerb.Create, _parts.Class, Has(InstanceMapping.Nic(i)), "create nic");
        return plan
            .Then(InstanceMapping.Boot, StepVerb.Create, _parts.Class, Has(InstanceMapping.Boot), "create boot disk")
            .Then(InstanceMapping.Server, StepVerb.Create, _parts.Class, Has(InstanceMapping.Server), "create server");

        // A server keeps what it was made with: nothing is made for it afterwards.
        static Func<SortedDictionary<string, PartLook>, bool> Has(string part) => seen => seen.ContainsKey(part) || seen.ContainsKey(InstanceMapping.Server);
    }

    // What holds the others goes first; they can't go before it is gone.
    private static Step? DeleteStep(SortedDictionary<string, PartLook> seen, CloudObject? server)
    {
        foreach (var part in seen.Keys.OrderBy(p => p switch { InstanceMapping.Server => 0, InstanceMapping.Boot => 1, _ => 2 }).ThenByDescending(p => p, StringComparer.Ordinal))
        {
            var item = seen[part].Item!;
            if (item.State != CloudStates.Deleting && (server is not { State: CloudStates.Deleting } || item.AttachedTo != server.Id))
                return new Step { Part = part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {part}" };
        }

        return null;
    }

    private static Step? UpdateStep(ImmutableArray<Drift> drift, InstanceSpec desired)
    {
        string? part = null;
        if (drift.Any(d => d.Path == "suspended"))
            part = "power";
        else if (drift.Any(d => d.Path == "restartedAt") && !desired.Suspended)
            part = "restart";
        else if (drift.Any(d => d.Path == "terminationGraceSeconds"))
            part = InstanceMapping.Server;
        for (var i = 0; part is null && i < desired.Interfaces.Length; i++)
            if (drift.Any(d => d.Path == $"interfaces[{desired.Interfaces[i].Name}].firewalls"))
                part = InstanceMapping.Nic(i);
        return part is null ? null : new Step { Part = part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"update {part}" };
    }

    private CloudObject? WishOf(string part, Identity id, InstanceSpec desired) => part switch
    {
        InstanceMapping.Boot => InstanceMapping.BootWish(context, desired, id),
        InstanceMapping.Server => InstanceMapping.ServerWish(desired, id),
        _ => InstanceMapping.IndexOfNic(part) is { } index && index < desired.Interfaces.Length ? InstanceMapping.NicWish(desired.Interfaces[index]) : null,
    };

    private static ImmutableDictionary<string, string> Resolve(string part, CloudObject wish)
    {
        var resolved = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if (wish.Zone is { } zone)
            resolved["zone"] = zone;
        if (part == InstanceMapping.Boot && wish.Image is { } image)
            resolved["image"] = image;
        if (part == InstanceMapping.Boot && wish.Type is { } type)
            resolved["bootDiskType"] = type;
        if (part == InstanceMapping.Server && wish.Size is { } size)
            resolved["size"] = size;
        return resolved.ToImmutable();
    }

    private static Failed<InstanceFacts> Failure(DriverError error) => new() { Error = error };
}
