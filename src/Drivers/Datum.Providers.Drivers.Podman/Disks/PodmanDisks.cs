using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Disks;

/// <summary>A data disk is a named volume: a directory on the machine, without a size of its own.</summary>
internal sealed class PodmanDisks(Session session) : IResourceDriver<DiskSpec, DiskFacts>
{
    public const string PartName = "volume";

    private static readonly Step CreateStep = new() { Part = PartName, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create volume" };
    private static readonly Step DeleteStep = new() { Part = PartName, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "remove volume" };

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, DiskSpec desired) => new(Validate(desired, session.Connection));

    public async ValueTask<Answer<Observation<DiskFacts>>> ObserveAsync(Call call, Identity id, DiskSpec? desired, Handle? handle)
    {
        var found = await session.Podman.VolumeAsync(call, Name(id));
        if (found.Error is { } error)
            return error;
        if (found.Value is not { } volume)
            return new Absent<DiskFacts> { Next = desired is null ? null : CreateStep };
        var users = await session.Podman.ContainersAsync(call, "volume", volume.Name);
        if (users.Error is { } usersError)
            return usersError;
        return Observe(id, desired, volume, Users(users.Value!));
    }

    public async ValueTask<Outcome<DiskFacts>> CreateAsync(Operation operation, Identity id, DiskSpec desired)
    {
        if (operation.Step.Part != PartName)
            return Failed(Session.UnknownStep(operation.Step));
        if (Validate(desired, session.Connection).FirstOrDefault(f => !f.Tolerated) is { } finding)
            return Failed(new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = finding.Message, Field = finding.Path });
        if (id.PartId(PartName) is { } recorded)
        {
            var known = await session.Podman.VolumeAsync(operation.Call, recorded);
            if (known.Value is null)
                return Failed(known.Error ?? Session.Gone(recorded));
        }

        var labels = Marks.ToPairs(Marks.For(id));
        var result = await session.Podman.CreateVolumeAsync(operation.Call, new VolumeCreate
        {
            Name = PodmanNames.For(id),
            Driver = desired.Type is { } type ? session.Connection.DiskTypes.GetValueOrDefault(type) : null,
            Label = labels,
            Labels = labels,
        });
        if (result.Error is not { } error)
            return new Done<DiskFacts> { Parts = [new Part { Name = PartName, Id = PodmanNames.For(id) }] };
        if (error.Code != ErrorCode.Conflict)
            return Failed(error);
        // Taken: by an earlier try of ours whose answer was lost, or by somebody else.
        var found = await session.Podman.VolumeAsync(operation.Call, PodmanNames.For(id));
        if (found.Value is not { } existing)
            return Failed(error);
        return Observe(id, desired, existing, []) is { Mark: MarkState.Ours } ours && ours.Incarnation == id.Incarnation
            ? new Done<DiskFacts> { Parts = ours.Parts }
            : Failed(error with { BlockedBy = [existing.Name] });
    }

    public ValueTask<Outcome<DiskFacts>> UpdateAsync(Operation operation, Identity id, DiskSpec desired) =>
        new(Failed(Session.UnknownStep(operation.Step)));

    public async ValueTask<Outcome<DiskFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != PartName)
            return Failed(Session.UnknownStep(operation.Step));
        var found = await session.Podman.VolumeAsync(operation.Call, Name(id));
        if (found.Error is { } lookError)
            return Failed(lookError);
        if (found.Value is not { } volume)
            return new Done<DiskFacts> { Observation = new Absent<DiskFacts>() };
        if (MarkOf(id, volume) is not MarkState.Ours and var mark)
            return Failed(Session.NotOurs(volume.Name, mark));
        var result = await session.Podman.DeleteVolumeAsync(operation.Call, volume.Name);
        if (result.NotFound)
            return new Done<DiskFacts> { Observation = new Absent<DiskFacts>() };
        if (result.Error is not { } error)
            return new Done<DiskFacts>();
        if (error.Code != ErrorCode.Conflict)
            return Failed(error);
        var users = await session.Podman.ContainersAsync(operation.Call, "volume", volume.Name);
        return Failed(error with { BlockedBy = Users(users.Value ?? []) });
    }

    public async ValueTask<Answer<ListPage<DiskFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        if (Pages.Bad(ResourceKind.Disk, cursor) is { } bad)
            return bad;
        var answer = await session.Podman.VolumesAsync(call, $"{Marks.InstallKey}={query.Installation}");
        if (answer.Error is { } error)
            return error;
        var items = ImmutableArray.CreateBuilder<Listed<DiskFacts>>();
        foreach (var volume in answer.Value!)
        {
            // Podman joins several label filters of volumes by "or", so the kind is looked at here.
            if (Marks.Parse(volume.Labels ?? []) is not { Kind: ResourceKind.Disk } mark || mark.Installation != query.Installation)
                continue;
            items.Add(new Listed<DiskFacts>
            {
                Name = mark.Name,
                Incarnation = mark.Incarnation,
                Parts = [new Part { Name = PartName, Id = volume.Name }],
                State = Lifecycle.Ready,
                Revision = $"{volume.Driver}/{mark.Incarnation}",
                CreatedAt = volume.CreatedAt,
            });
        }

        return Pages.Of(ResourceKind.Disk, items, query.PageSize, cursor);
    }

    internal static ImmutableArray<Finding> Validate(DiskSpec desired, Connection connection)
    {
        var tolerated = connection.AllowUnenforcedDiskSize;
        var findings = ImmutableArray.CreateBuilder<Finding>();
        findings.Add(new Finding
        {
            Path = "sizeGiB",
            Capability = "diskSize",
            Tolerated = tolerated,
            Message = "A Podman volume shares the machine's filesystem and has no size of its own; allowUnenforcedDiskSize in the ProviderConfig accepts that.",
        });
        if (desired.SizeGiB <= 0)
            findings.Add(new Finding { Path = "sizeGiB", Message = $"{desired.SizeGiB} GiB is no size." });
        if (desired.Type is { } type && !connection.DiskTypes.ContainsKey(type))
            findings.Add(new Finding
            {
                Path = "type",
                Capability = "diskTypes",
                Tolerated = tolerated,
                Message = $"diskTypes in the ProviderConfig has no volume driver for '{type}'; the volume is an ordinary one.",
            });
        if (desired.Filesystem is { } filesystem)
            findings.Add(new Finding
            {
                Path = "filesystem",
                Capability = "filesystem",
                Tolerated = tolerated,
                Message = $"A Podman volume is a directory of the machine's own filesystem, whether or not that is {filesystem}.",
            });
        return findings.ToImmutable();
    }

    private static string Name(Identity id) => id.PartId(PartName) ?? PodmanNames.For(id);

    private static MarkState MarkOf(Identity id, VolumeInfo volume) => Marks.Compare(id, Marks.Parse(volume.Labels ?? []));

    private static ImmutableArray<string> Users(List<ContainerListItem> containers) =>
        [.. containers.Select(c => c.PodName is { Length: > 0 } pod ? pod : c.Names is [var first, ..] ? first : c.Id).Distinct(StringComparer.Ordinal)];

    private static Present<DiskFacts> Observe(Identity id, DiskSpec? desired, VolumeInfo volume, ImmutableArray<string> users)
    {
        var mark = MarkOf(id, volume);
        return new Present<DiskFacts>
        {
            Facts = new DiskFacts { PlatformState = "present", UsedBy = users },
            Parts = [new Part { Name = PartName, Id = volume.Name }],
            State = Lifecycle.Ready,
            Mark = mark,
            Incarnation = Marks.Parse(volume.Labels ?? [])?.Incarnation ?? 0,
            Next = desired is null && mark == MarkState.Ours ? DeleteStep : null,
        };
    }

    private static Outcome<DiskFacts> Failed(DriverError error) => new Failed<DiskFacts> { Error = error };
}
