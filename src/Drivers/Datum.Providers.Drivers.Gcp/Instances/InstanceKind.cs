using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>
/// An instance: the machine with its boot disk, made by one request, and before it (where there are secrets) a secret in the platform's store.
/// Parts: <c>secret</c>, <c>server</c>; <c>boot</c> only where the disk outlived its machine.
/// </summary>
internal sealed partial class InstanceKind(GcpContext context) : IResourceDriver<InstanceSpec, InstanceFacts>
{
    private const string Contents = "secret-contents";
    private const string Power = "power";
    private const string Restart = "restart";
    private const string TagsStep = "tags";
    private const string GuestHandle = "gcp-guest:";

    /// <summary>How long a new guest's first report is waited for.</summary>
    private static readonly TimeSpan GuestWait = TimeSpan.FromMinutes(15);

    private readonly SecretStore _store = new(context);
    private readonly InstanceWish _wish = new(context);

    private GcpApi Api => context.Api;

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired) => _wish.ValidateAsync(call, desired);

    public async ValueTask<Answer<Observation<InstanceFacts>>> ObserveAsync(Call call, Identity id, InstanceSpec? desired, Handle? handle)
    {
        var work = handle is null || IsGuestHandle(handle) ? null : await Api.Operations.LookAsync(call, handle);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var (look, error) = await LookAsync(call, id, desired, work);
        if (error is not null)
            return error;
        if (look.Candidates.Length > 0)
            return new Ambiguous<InstanceFacts> { Candidates = [.. look.Candidates.Select(c => new Part { Name = InstanceView.Server, Id = c })] };
        if (look.Server is null && look.Secret.Item is null && look.Boot is null)
        {
            return new Absent<InstanceFacts>
            {
                Next = desired is null ? null : FirstStep(desired),
                InProgress = work?.Progress ?? look.Pending,
                Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
            };
        }

        return Seen(look, id, desired, work, handle);
    }

    public async ValueTask<Outcome<InstanceFacts>> CreateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        switch (operation.Step.Part)
        {
            case InstanceView.Secret when _wish.UsesStore(desired):
                var (made, error) = await _store.CreateAsync(operation, id, desired, InstanceView.Secret, InstanceView.Secret);
                return error is not null ? Failure(error) : new Done<InstanceFacts> { Parts = [made!] };
            case Contents when _wish.UsesStore(desired):
                return await WriteSecretAsync(operation.Call, id, desired);
            case InstanceView.Server:
                return await InsertAsync(operation, id, desired);
            default:
                return Failure(GcpErrors.NoSuchStep(operation.Step));
        }
    }

    public async ValueTask<Outcome<InstanceFacts>> UpdateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        var part = operation.Step.Part;
        if (part is not (Power or Restart or TagsStep))
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var found = await FindServerAsync(operation.Call, id, desired);
        if (found.Item is not { } server)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The instance isn't there to be changed."));
        if (found.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(found.Path));
        var request = part switch
        {
            Power => ToPower(found.Path, server, desired.Suspended),
            Restart => ToRestart(found.Path, server, desired),
            _ => ToTags(found.Path, server, desired),
        };
        return request is null ? new Done<InstanceFacts>() : ToOutcome(await Api.ChangeAsync(operation.Call, request), []);
    }

    public async ValueTask<Outcome<InstanceFacts>> DeleteAsync(Operation operation, Identity id)
    {
        var call = operation.Call;
        switch (operation.Step.Part)
        {
            case InstanceView.Secret:
                return await _store.DeleteAsync(call, await _store.FindAsync(call, id, InstanceView.Secret, InstanceView.Secret)) is { } refused ? Failure(refused) : new Done<InstanceFacts>();
            case InstanceView.Server:
                var found = await FindServerAsync(call, id, null);
                if (found.Error is not null)
                    return Failure(found.Error);
                if (found.Candidates.Length > 0)
                    return Failure(GcpErrors.Refused(ErrorCode.Conflict, $"Several instances answer: {string.Join(", ", found.Candidates)}; none is deleted.") with { BlockedBy = found.Candidates });
                if (found.Item is null)
                    return new Done<InstanceFacts>();
                return found.Mark == MarkState.Ours ? await RemoveAsync(call, found.Path) : Failure(GcpErrors.NotOurs(found.Path));
            case InstanceView.Boot:
                var (boot, error) = await FindBootAsync(call, id, null);
                if (error is not null)
                    return Failure(error);
                if (boot is null)
                    return new Done<InstanceFacts>();
                return BootMark(boot, id) == MarkState.Ours ? await RemoveAsync(call, Paths.Below(boot.SelfLink, Api.Project)) : Failure(GcpErrors.NotOurs(boot.Name ?? ""));
            default:
                return Failure(GcpErrors.NoSuchStep(operation.Step));
        }
    }

    // ---- building

    private Step FirstStep(InstanceSpec desired) => _wish.UsesStore(desired) ? SecretStep : ServerStep;

    private static Step SecretStep => new() { Part = InstanceView.Secret, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create secret" };

    private static Step ContentsStep => new() { Part = Contents, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = "write the secret's contents" };

    private static Step ServerStep => new() { Part = InstanceView.Server, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create instance" };

    private async ValueTask<(GuestBootstrap? Guest, GuestPayloads Payloads, DriverError? Error)> RenderAsync(Call call, Identity id, InstanceSpec desired)
    {
        var payloads = GuestPayloads.Empty;
        if (GuestPayloads.References(desired).Any())
        {
            if (call.Payloads is null)
                return (null, payloads, GcpErrors.Refused(ErrorCode.Invalid, "The call brings no payloads, but the instance names some."));
            payloads = await GuestPayloads.ReadAsync(call, desired);
            if (GuestPayloads.References(desired).FirstOrDefault(p => !p.Optional && payloads.Find(p) is null) is { } missing)
                return (null, payloads, GcpErrors.Refused(ErrorCode.Invalid, $"The {(missing.Secret ? "secret" : "config map")} {missing.Name} isn't there."));
        }

        var guest = GuestBootstrap.Render(desired, payloads, _wish.Options(id, desired));
        var refusal = guest.Findings.FirstOrDefault(f => !f.Tolerated);
        return refusal is null ? (guest, payloads, null)
            : (null, payloads, GcpErrors.Refused(refusal.Capability is null ? ErrorCode.Invalid : ErrorCode.Unsupported, refusal.Message) with { Field = refusal.Path });
    }

    private async ValueTask<Outcome<InstanceFacts>> WriteSecretAsync(Call call, Identity id, InstanceSpec desired)
    {
        var secret = await _store.FindAsync(call, id, InstanceView.Secret, InstanceView.Secret);
        if (secret.Item is null)
            return Failure(secret.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The secret isn't there yet."));
        if (secret.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(secret.Path));
        if (secret.Hash == HashOf(id, desired))
            return new Done<InstanceFacts>();
        var (guest, payloads, error) = await RenderAsync(call, id, desired);
        if (error is not null)
            return Failure(error);
        var values = GuestPayloads.References(desired).Where(p => p.Secret).SelectMany(p => payloads.Find(p)?.Values ?? []).Select(v => Encoding.UTF8.GetString(v.Span)).Where(v => v.Length > 0);
        return await _store.PutAsync(call, secret, guest!.Secrets ?? default, HashOf(id, desired), values) is { } refused ? Failure(refused) : new Done<InstanceFacts>();
    }

    /// <summary>Names the contents: those of this wish, in this life.</summary>
    private string HashOf(Identity id, InstanceSpec desired) => string.Create(CultureInfo.InvariantCulture, $"{id.Incarnation}-{GuestBootstrap.HashOf(desired, _wish.Options(id, desired))[..32]}");

    private async ValueTask<Outcome<InstanceFacts>> InsertAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        var call = operation.Call;
        if (id.PartId(InstanceView.Server) is { } recorded)
        {
            var there = await ReadServerAsync(call, id, recorded);
            return there.Item is null ? Failure(there.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : there.Mark != MarkState.Ours ? Failure(GcpErrors.NotOurs(recorded)) : new Done<InstanceFacts> { Parts = [new Part { Name = InstanceView.Server, Id = recorded }] };
        }

        if (GcpLocation.Parse(desired.LocationJson)?.Zone is not { Length: > 0 } zone)
            return Failure(GcpErrors.Refused(ErrorCode.Invalid, "The Location's gcp block names no zone.") with { Field = "location.zone" });
        if (_wish.UsesStore(desired))
        {
            var secret = await _store.FindAsync(call, id, InstanceView.Secret, InstanceView.Secret);
            if (secret.Error is not null || secret.Hash != HashOf(id, desired))
                return Failure(secret.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The instance's secret isn't written yet."));
        }

        var size = MachineTypes.Choose(desired.Size);
        if (size.Error is { } noSize)
            return Failure(noSize);
        var (image, imageError) = await ImageAsync(call, id, desired);
        if (imageError is not null)
            return Failure(imageError);
        var (guest, _, error) = await RenderAsync(call, id, desired);
        if (error is not null)
            return Failure(error);
        var machineType = id.Resolved.GetValueOrDefault("machineType") ?? size.Value!;
        var wish = _wish.ToInsert(id, desired, zone, machineType, image!, guest!);
        var resolved = ImmutableDictionary<string, string>.Empty.Add("machineType", machineType).Add("image", image!)
            .Add("bootDiskType", Paths.Last(wish.Disks!.Value[0].InitializeParams!.DiskType!));
        var path = $"zones/{zone}/instances/{wish.Name}";
        var request = RestRequest.Post(RestRequest.WithQuery($"zones/{zone}/instances", new KeyValuePair<string, string?>("requestId", GcpContext.RequestId(operation))), wish, GcpJson.Default.GcpInstance);
        var look = await Api.ChangeAsync(call, request);
        if (look.Error is { PlatformCode: "alreadyExists" or "RESOURCE_ALREADY_EXISTS", Code: ErrorCode.Conflict } taken)
            return await TakenAsync(call, id, path, taken, resolved);
        return ToOutcome(look, look.Status is OperationStatus.Running or OperationStatus.Succeeded ? [new Part { Name = InstanceView.Server, Id = path }] : [], resolved);
    }

    private async ValueTask<Outcome<InstanceFacts>> TakenAsync(Call call, Identity id, string path, DriverError taken, ImmutableDictionary<string, string> resolved)
    {
        var found = await ReadServerAsync(call, id, path);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Item is not null)
            return found.Mark == MarkState.Ours && InstanceView.ReadMark(found.Item)?.Incarnation == id.Incarnation
                ? new Done<InstanceFacts> { Parts = [new Part { Name = InstanceView.Server, Id = path }], Resolved = resolved }
                : Failure(taken with { BlockedBy = [path] });
        // Not the instance's name is taken but its disk's.
        var disk = path.Replace("/instances/", "/disks/", StringComparison.Ordinal);
        var (boot, error) = await GcpApi.GetAsync(Api.Compute, call, disk, GcpJson.Default.GcpDisk);
        return error is not null ? Failure(error)
            : boot is not null ? Failure(taken with { BlockedBy = [disk] })
            : Failure(taken with { Code = ErrorCode.NotReadyYet, RetryAfter = GcpContext.LookAgain, Message = $"{path} is being made or removed at the platform." });
    }

    /// <summary>A family's newest image at first, and from then on that one (DC-41).</summary>
    private async ValueTask<(string? Image, DriverError? Error)> ImageAsync(Call call, Identity id, InstanceSpec desired)
    {
        if (id.Resolved.GetValueOrDefault("image") is { } recorded)
            return (recorded, null);
        var wanted = _wish.ImageOf(desired);
        if (wanted.Error is { } unknown)
            return (null, unknown);
        var name = wanted.Value!;
        if (!name.Contains("/family/", StringComparison.Ordinal))
            return (name, null);
        var at = name.IndexOf("projects/", StringComparison.Ordinal);
        var request = at < 0 ? RestRequest.Get(name) : RestRequest.AtRoot($"{Api.Compute.BaseAddress.AbsolutePath[..^(Api.Project.Length + 10)]}{name[at..]}");
        var answer = await Api.Compute.SendAsync(call, request);
        if (answer.NotFound)
            return (null, GcpErrors.Refused(ErrorCode.Invalid, $"The platform has no image family {name}; name another one in 'images' of the ProviderConfig.") with { Field = "images" });
        var read = answer.Read(GcpJson.Default.GcpImage);
        return read.Value is not { } image ? (null, read.Error)
            : image.SelfLink is null ? (null, GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer for {name} names no image."))
            : (Paths.Below(image.SelfLink, Api.Project), null);
    }

    // ---- changing

    private static RestRequest? ToPower(string path, GcpInstance server, bool off) =>
        off ? InstanceView.IsOff(server) ? null : RestRequest.Post(path + "/stop")
        : InstanceView.IsOff(server) ? RestRequest.Post(path + (server.Status == "SUSPENDED" ? "/resume" : "/start")) : null;

    /// <summary>Stop, then write down that it was; starting is the power's step. Whoever dies in between goes on at the same place.</summary>
    private static RestRequest? ToRestart(string path, GcpInstance server, InstanceSpec desired)
    {
        if (desired.RestartedAt is not { } at || InstanceView.MetadataOf(server, InstanceView.RestartKey) == at)
            return null;
        if (!InstanceView.IsOff(server))
            return RestRequest.Post(path + "/stop");
        var items = (server.Metadata?.Items ?? []).Where(i => i.Key != InstanceView.RestartKey).Append(new MetadataItem { Key = InstanceView.RestartKey, Value = at });
        return RestRequest.Post(path + "/setMetadata", new Metadata { Fingerprint = server.Metadata?.Fingerprint, Items = [.. items] }, GcpJson.Default.Metadata);
    }

    private static RestRequest? ToTags(string path, GcpInstance server, InstanceSpec desired)
    {
        var actual = server.Tags?.Items ?? [];
        var wanted = InstanceView.Tags(desired).ToList();
        if (actual.Where(InstanceView.IsOurTag).Order(StringComparer.Ordinal).SequenceEqual(wanted, StringComparer.Ordinal))
            return null;
        return RestRequest.Post(path + "/setTags", new Tags { Fingerprint = server.Tags?.Fingerprint, Items = [.. actual.Where(t => !InstanceView.IsOurTag(t)), .. wanted] }, GcpJson.Default.Tags);
    }

    private async ValueTask<Outcome<InstanceFacts>> RemoveAsync(Call call, string path)
    {
        // The platform asks the guest to stop, and gives it about 90 seconds.
        var look = await Api.ChangeAsync(call, RestRequest.Delete(path));
        if (look.Answer?.NotFound == true)
            return new Done<InstanceFacts>();
        if (look.Error is { Code: ErrorCode.NotReadyYet })
            return new Running<InstanceFacts> { Progress = new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = look.Error.Message } };
        return ToOutcome(look, []);
    }

    private static Outcome<InstanceFacts> ToOutcome(OperationLook look, ImmutableArray<Part> parts, ImmutableDictionary<string, string>? resolved = null) => look.Status switch
    {
        OperationStatus.Running => new Running<InstanceFacts> { Progress = look.Progress!, Parts = parts, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
        OperationStatus.Succeeded when look.Answer is { } answer && JsonText.Find(answer.Body, "operationType") is null => Failure(
            GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer ({answer.Status}, {answer.Body.Length} bytes) is no operation.", Effect.Unknown)),
        OperationStatus.Succeeded => new Done<InstanceFacts> { Parts = parts, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
        _ => Failure(look.Error!),
    };

    private static Failed<InstanceFacts> Failure(DriverError error) => new() { Error = error };

    private static bool IsGuestHandle(Handle handle) => handle.Data.StartsWith(GuestHandle, StringComparison.Ordinal);
}
