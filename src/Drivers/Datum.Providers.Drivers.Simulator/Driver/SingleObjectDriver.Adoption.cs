namespace Datum.Providers.Drivers.Simulator;

internal abstract partial class SingleObjectDriver<TSpec, TFacts> : IAdoption<TFacts>
{
    public async ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId)
    {
        var (found, error) = await Adoption.FindAsync(context.Api, call, collection, providerId);
        if (found is not { } item)
            return error!;
        ImmutableArray<Takeable> objects = [new Takeable(Part, null, item)];
        return new Candidate<TFacts>
        {
            Parts = Adoption.Parts(objects),
            Mark = Adoption.MarkOf(id, objects),
            Owner = Adoption.OwnerOf(id, objects),
            State = PartAccess.ToLifecycle(item),
            Facts = ToFacts(item),
        };
    }

    public async ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId)
    {
        if (WrongStep(operation, Adoption.Adopt) is { } wrong)
            return wrong;
        var (found, error) = await Adoption.FindAsync(context.Api, operation.Call, collection, providerId);
        if (found is not { } item)
            return Failure(error!);
        ImmutableArray<Takeable> objects = [new Takeable(Part, null, item)];
        var known = await _part.FindAsync(operation.Call, id, collection, Part, markPart: null);
        if (known.Error is not null)
            return Failure(known.Error);
        if (Adoption.Refusal(id, objects, known.Mark == MarkState.Ours ? known.Item : null) is { } refusal)
            return Failure(refusal);
        return await Adoption.MarkAsync(context.Api, operation.Call, id, objects) is { } failed
            ? Failure(failed)
            : new Done<TFacts> { Parts = Adoption.Parts(objects) };
    }

    public async ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id)
    {
        if (WrongStep(operation, Adoption.Release) is { } wrong)
            return wrong;
        if (id.PartId(Part) is not { } recorded)
            return new Done<TFacts>();
        var look = await _part.ReadAsync(operation.Call, id, collection, recorded, markPart: null);
        if (look.Error is not null)
            return Failure(look.Error);
        return look.Item is { } item && await Adoption.UnmarkAsync(context.Api, operation.Call, id, [new Takeable(Part, null, item)]) is { } failed
            ? Failure(failed)
            : new Done<TFacts>();
    }
}
