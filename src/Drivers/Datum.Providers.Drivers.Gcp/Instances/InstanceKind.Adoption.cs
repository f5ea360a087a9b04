using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>
/// A machine is adopted by its labels. Its disks stay as they are: they go with it, or stay, as whoever made it decided. A machine that this driver made
/// and let go takes its stored secret along, which its user data names.
/// </summary>
internal sealed partial class InstanceKind : IAdoption<InstanceFacts>
{
    private sealed record Candidate(Found<GcpInstance> Server, FoundSecret Secret)
    {
        public ImmutableArray<Part> Parts => Secret.Item is null ? [ServerPart] : [ServerPart, new Part { Name = InstanceView.Secret, Id = Secret.Path }];

        private Part ServerPart => new() { Name = InstanceView.Server, Id = Server.Path };
    }

    public async ValueTask<Answer<Candidate<InstanceFacts>>> InspectAsync(Call call, Identity id, string providerId)
    {
        var (found, error) = await CandidateAsync(call, id, providerId);
        if (error is not null)
            return error;
        var server = found!.Server.Item!;
        return new Candidate<InstanceFacts>
        {
            Parts = found.Parts,
            Mark = Worst(new Look { Server = server, ServerMark = found.Server.Mark, Secret = found.Secret }),
            Owner = OwnerOf(id, found),
            State = InstanceView.ToLifecycle(server),
            Facts = InstanceView.ToFacts(server, null, null),
        };
    }

    public async ValueTask<Outcome<InstanceFacts>> AdoptAsync(Operation operation, Identity id, string providerId)
    {
        if (operation.Step.Part != Adoption.Adopt)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        var (found, error) = await CandidateAsync(call, id, providerId);
        if (error is not null)
            return Failure(error);
        var path = found!.Server.Path;
        if (OwnerOf(id, found) is { } owner)
            return Failure(Adoption.Owned(path, owner));
        // One identity, one object (law L1).
        var known = await FindServerAsync(call, id, null);
        if (known.Error is not null)
            return Failure(known.Error);
        if (known is { Item: not null, Mark: MarkState.Ours } && known.Path != path)
            return Failure(Adoption.Other(known.Path, path));
        // The secret first: once the machine carries the mark, everything of it does.
        var stored = found.Secret.Item is not null && SecretStore.ReadMark(found.Secret.Item) != Marks.For(id, InstanceView.Secret);
        if (stored && found.Secret.Item is not null
            && await _store.RelabelAsync(call, found.Secret, Adoption.Marked(found.Secret.Item.Labels, id, null, InstanceView.Secret)) is { } refused)
            return Failure(refused);
        var server = found.Server.Item!;
        if (InstanceView.ReadMark(server) == Marks.For(id) && Adoption.Is(server.Id, server.Labels))
            return new Done<InstanceFacts> { Parts = found.Parts };
        var look = await Adoption.RelabelAsync(Api, call, path, Adoption.Marked(server.Labels, id, server.Id), server.LabelFingerprint);
        return look.Error is { Effect: Effect.NotApplied } late && stored ? Failure(late with { Effect = Effect.Applied }) : ToOutcome(look, found.Parts);
    }

    public async ValueTask<Outcome<InstanceFacts>> ReleaseAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Adoption.Release)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        if (id.PartId(InstanceView.Secret) is { } stored)
        {
            var secret = await _store.ReadAsync(call, id, stored, InstanceView.Secret);
            if (secret.Error is not null)
                return Failure(secret.Error);
            if (secret is { Item: not null, Mark: MarkState.Ours } && await _store.RelabelAsync(call, secret, Adoption.Bare(secret.Item.Labels)) is { } refused)
                return Failure(refused);
        }

        var found = id.PartId(InstanceView.Server) is { } path ? await ReadServerAsync(call, id, path) : new Found<GcpInstance>();
        if (found.Error is not null)
            return Failure(found.Error);
        // Its boot disk's mark would make the disk ours again once the machine is gone. The machine comes last: the disk is found by it.
        var source = found.Item?.Disks?.FirstOrDefault(d => d.Boot == true)?.Source is { } link ? Paths.Below(link, Api.Project) : id.PartId(InstanceView.Boot);
        if (source is not null && Paths.IsPath(source))
        {
            var (disk, error) = await GcpApi.GetAsync(Api.Compute, call, source, GcpJson.Default.GcpDisk);
            if (error is not null)
                return Failure(error);
            if (disk is not null && BootMark(disk, id) == MarkState.Ours)
            {
                var look = await Adoption.RelabelAsync(Api, call, source, Adoption.Bare(disk.Labels), disk.LabelFingerprint);
                if (look.Status != OperationStatus.Succeeded)
                    return ToOutcome(look, []);
            }
        }

        return found is { Item: { } server, Mark: MarkState.Ours }
            ? ToOutcome(await Adoption.RelabelAsync(Api, call, found.Path, Adoption.Bare(server.Labels), server.LabelFingerprint), [])
            : new Done<InstanceFacts>();
    }

    private static string? OwnerOf(Identity id, Candidate found) => Adoption.OwnerOf(id, InstanceView.ReadMark(found.Server.Item!))
        ?? (found.Secret.Item is null ? null : Adoption.OwnerOf(id, SecretStore.ReadMark(found.Secret.Item), InstanceView.Secret));

    private async ValueTask<(Candidate? Found, DriverError? Error)> CandidateAsync(Call call, Identity id, string providerId)
    {
        var (path, error) = await Adoption.PathAsync(Api, call, "instances", providerId, GcpJson.Default.GcpInstance);
        if (path is null)
            return (null, error);
        var server = await ReadServerAsync(call, id, path);
        if (server.Error is not null || server.Item is null)
            return (null, server.Error ?? Adoption.Unknown($"There is no {path} in the project."));
        var secret = await SecretOfAsync(call, id, server.Item);
        return (new Candidate(server, secret), secret.Error);
    }

    /// <summary>The secret that a machine's user data names under the machine's own name.</summary>
    private async ValueTask<FoundSecret> SecretOfAsync(Call call, Identity id, GcpInstance server)
    {
        var path = $"secrets/{server.Name}-{InstanceView.Secret}";
        return _store.Enabled && InstanceView.MetadataOf(server, "user-data")?.Contains($"/{path}/versions/", StringComparison.Ordinal) == true
            ? await _store.ReadAsync(call, id, path, InstanceView.Secret) : new FoundSecret();
    }
}
