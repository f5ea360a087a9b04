namespace Datum.Providers.Drivers.Simulator;

/// <summary>An instance is adopted by its server; the boot disk and the nics that the server holds go with it.</summary>
internal sealed partial class InstanceDriver : IAdoption<InstanceFacts>
{
    public async ValueTask<Answer<Candidate<InstanceFacts>>> InspectAsync(Call call, Identity id, string providerId)
    {
        var (objects, error) = await CandidateAsync(call, providerId);
        if (error is not null)
            return error;
        return new Candidate<InstanceFacts>
        {
            Parts = Adoption.Parts(objects),
            Mark = Adoption.MarkOf(id, objects),
            Owner = Adoption.OwnerOf(id, objects),
            State = InstanceMapping.ToLifecycle(objects[0].Item),
            Facts = InstanceMapping.ToFacts(objects[0].Item),
        };
    }

    public async ValueTask<Outcome<InstanceFacts>> AdoptAsync(Operation operation, Identity id, string providerId)
    {
        if (operation.Step.Part != Adoption.Adopt)
            return Failure(PartAccess.NoSuchStep(operation.Step));
        var (objects, error) = await CandidateAsync(operation.Call, providerId);
        if (error is not null)
            return Failure(error);
        var known = await _parts.FindAsync(operation.Call, id, Collections.Servers, InstanceMapping.Server, markPart: null);
        if (known.Error is not null)
            return Failure(known.Error);
        if (Adoption.Refusal(id, objects, known.Mark == MarkState.Ours ? known.Item : null) is { } refusal)
            return Failure(refusal);
        // The server first: from then on a look finds the others by it, and sees which of them still lack the mark.
        return await Adoption.MarkAsync(context.Api, operation.Call, id, objects) is { } failed
            ? new Failed<InstanceFacts> { Error = failed, Parts = failed.Effect == Effect.Applied ? Adoption.Parts(objects) : [] }
            : new Done<InstanceFacts> { Parts = Adoption.Parts(objects) };
    }

    public async ValueTask<Outcome<InstanceFacts>> ReleaseAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Adoption.Release)
            return Failure(PartAccess.NoSuchStep(operation.Step));
        var objects = new List<Takeable>();
        CloudObject? server = null;
        foreach (var part in id.Parts.Select(p => p.Name).Where(InstanceMapping.IsPart).Append(InstanceMapping.Boot).Concat(Enumerable.Range(0, SimulatorDescriptor.MaxInterfaces).Select(InstanceMapping.Nic))
            .Distinct(StringComparer.Ordinal).OrderBy(p => p == InstanceMapping.Server ? 0 : 1))
        {
            if ((id.PartId(part) ?? InstanceMapping.HeldAs(server, part)) is not { } itemId)
                continue;
            var (item, _, error) = await context.Api.GetAsync(operation.Call, InstanceMapping.CollectionOf(part), itemId);
            if (error is not null)
                return Failure(error);
            if (item is null)
                continue;
            if (part == InstanceMapping.Server)
                server = item;
            else
                objects.Add(new Takeable(part, InstanceMapping.MarkPart(part), item));
        }

        if (await Adoption.UnmarkAsync(context.Api, operation.Call, id, objects) is { } failed)
            return Failure(failed);
        if (server is null)
            return new Done<InstanceFacts>();
        // The server last: as long as it carries the mark, the others are found by it. Its revision changed with theirs.
        var (last, _, readError) = await context.Api.GetAsync(operation.Call, Collections.Servers, server.Id);
        var left = readError ?? (last is null ? null : await Adoption.UnmarkAsync(context.Api, operation.Call, id, [new Takeable(InstanceMapping.Server, null, last)]));
        return left is null ? new Done<InstanceFacts>() : Failure(left.Effect == Effect.NotApplied && objects.Count > 0 ? left with { Effect = Effect.Applied } : left);
    }

    private async ValueTask<(ImmutableArray<Takeable> Objects, DriverError? Error)> CandidateAsync(Call call, string providerId)
    {
        var (found, error) = await Adoption.FindAsync(context.Api, call, Collections.Servers, providerId);
        if (found is not { } server)
            return ([], error);
        var objects = ImmutableArray.CreateBuilder<Takeable>();
        objects.Add(new Takeable(InstanceMapping.Server, null, server));
        var held = server.BootDiskId is { } boot ? ImmutableArray.Create((InstanceMapping.Boot, boot)) : [];
        var nics = server.NicIds ?? [];
        for (var i = 0; i < nics.Length; i++)
            held = held.Add((InstanceMapping.Nic(i), nics[i]));
        foreach (var (part, itemId) in held)
        {
            var (item, _, readError) = await context.Api.GetAsync(call, InstanceMapping.CollectionOf(part), itemId);
            if (readError is not null)
                return ([], readError);
            if (item is not null)
                objects.Add(new Takeable(part, InstanceMapping.MarkPart(part), item));
        }

        return (objects.ToImmutable(), null);
    }
}
