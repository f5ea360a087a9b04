using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>A disk is adopted by its labels.</summary>
internal sealed partial class DiskKind : IAdoption<DiskFacts>
{
    protected override bool IsAdopted(GcpDisk item) => Adoption.Is(item.Id, item.Labels);

    public async ValueTask<Answer<Candidate<DiskFacts>>> InspectAsync(Call call, Identity id, string providerId)
    {
        var (found, error) = await CandidateAsync(call, id, providerId);
        if (error is not null)
            return error;
        return new Candidate<DiskFacts>
        {
            Parts = [new Part { Name = Part, Id = found!.Path }],
            Mark = found.Mark,
            Owner = Adoption.OwnerOf(id, ReadMark(found.Item!)),
            State = ToLifecycle(found.Item!),
            Facts = ToFacts(found.Item!),
        };
    }

    public async ValueTask<Outcome<DiskFacts>> AdoptAsync(Operation operation, Identity id, string providerId)
    {
        if (operation.Step.Part != Adoption.Adopt)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var (found, error) = await CandidateAsync(operation.Call, id, providerId);
        if (error is not null)
            return Failure(error);
        var disk = found!.Item!;
        if (Adoption.OwnerOf(id, ReadMark(disk)) is { } owner)
            return Failure(Adoption.Owned(found.Path, owner));
        // One identity, one object (law L1).
        var known = await FindAsync(operation.Call, id, null);
        if (known.Error is not null)
            return Failure(known.Error);
        if (known is { Item: not null, Mark: MarkState.Ours } && known.Path != found.Path)
            return Failure(Adoption.Other(known.Path, found.Path));
        ImmutableArray<Part> parts = [new Part { Name = Part, Id = found.Path }];
        if (ReadMark(disk) == Marks.For(id) && IsAdopted(disk))
            return new Done<DiskFacts> { Parts = parts };
        return ToOutcome(await Adoption.RelabelAsync(Api, operation.Call, found.Path, Adoption.Marked(disk.Labels, id, disk.Id), disk.LabelFingerprint), parts);
    }

    public async ValueTask<Outcome<DiskFacts>> ReleaseAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Adoption.Release)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        if (id.PartId(Part) is not { } recorded)
            return new Done<DiskFacts>();
        var found = await ReadAsync(operation.Call, id, recorded);
        if (found.Error is not null)
            return Failure(found.Error);
        return found is { Item: { } disk, Mark: MarkState.Ours }
            ? ToOutcome(await Adoption.RelabelAsync(Api, operation.Call, recorded, Adoption.Bare(disk.Labels), disk.LabelFingerprint), [])
            : new Done<DiskFacts>();
    }

    private async ValueTask<(Found<GcpDisk>? Found, DriverError? Error)> CandidateAsync(Call call, Identity id, string providerId)
    {
        var (path, error) = await Adoption.PathAsync(Api, call, Collection, providerId, Type);
        if (path is null)
            return (null, error);
        var found = await ReadAsync(call, id, path);
        return (found, found.Error ?? (found.Item is null ? Adoption.Unknown($"There is no {path} in the project.") : null));
    }
}
