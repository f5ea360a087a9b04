using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>What a look for a secret found.</summary>
internal sealed record FoundSecret
{
    public GcpSecret? Item { get; init; }
    public string Path { get; init; } = "";
    public MarkState Mark { get; init; }
    public DriverError? Error { get; init; }

    /// <summary>The hash of its contents; null before there are any.</summary>
    public string? Hash => Item?.Annotations?.GetValueOrDefault(SecretStore.HashKey);
}

/// <summary>
/// Secret Manager: a secret is an object with a mark and a hash of its contents beside it; the contents are versions, of which the newest
/// counts. Contents are written and never read back. Ids of parts are <c>secrets/NAME</c>.
/// </summary>
internal sealed class SecretStore(GcpContext context)
{
    public const string HashKey = "datum-hash";

    /// <summary>Bytes of a version at most.</summary>
    public const int MaxBytes = 65_536;

    private const string Reader = "roles/secretmanager.secretAccessor";

    /// <summary>Whether secrets are used at all: without an account that reads them they would reach nobody.</summary>
    public bool Enabled => context.Settings.InstanceServiceAccount is not null;

    public async ValueTask<FoundSecret> FindAsync(Call call, Identity id, string part, string? markPart)
    {
        var recorded = id.PartId(part);
        if (recorded is null && !Enabled)
            return new FoundSecret();
        var found = await ReadAsync(call, id, recorded ?? PathOf(id, markPart), markPart);
        return recorded is null && found.Mark == MarkState.Missing ? new FoundSecret() : found;
    }

    public async ValueTask<FoundSecret> ReadAsync(Call call, Identity id, string path, string? markPart)
    {
        if (!Paths.IsPath(path) || !path.StartsWith("secrets/", StringComparison.Ordinal))
            return new FoundSecret();
        var (item, error) = await GcpApi.GetAsync(context.Api.Secrets, call, path, GcpJson.Default.GcpSecret);
        if (item is not null && item.Name is null)
            error = GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer for {path} has no name.");
        return new FoundSecret
        {
            Item = error is null ? item : null, Path = path, Error = error,
            Mark = item is null || error is not null ? MarkState.Unknown : Marks.Compare(id, ReadMark(item), markPart),
        };
    }

    /// <summary>Makes the secret without contents. What is there already is compared by its mark.</summary>
    public async ValueTask<(Part? Made, DriverError? Error)> CreateAsync(Operation operation, Identity id, ResourceSpec desired, string part, string? markPart)
    {
        var path = PathOf(id, markPart);
        if (id.PartId(part) is { } recorded)
        {
            var look = await ReadAsync(operation.Call, id, recorded, markPart);
            return look.Item is null ? (null, look.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : look.Mark == MarkState.Ours ? (new Part { Name = part, Id = recorded }, null) : (null, GcpErrors.NotOurs(recorded));
        }

        var wish = new GcpSecret { Replication = new Replication { Automatic = new Automatic() }, Labels = GcpContext.LabelsOf(id, desired, markPart) };
        var answer = await context.Api.Secrets.SendAsync(operation.Call, RestRequest.Post(RestRequest.WithQuery("secrets", new KeyValuePair<string, string?>("secretId", path[8..])), wish, GcpJson.Default.GcpSecret));
        if (answer.Error is not { } error)
        {
            var made = answer.Read(GcpJson.Default.GcpSecret);
            if (made.Error is not null)
                return (null, made.Error);
            return made.Value!.Name is null ? (null, GcpErrors.Refused(ErrorCode.Failed, "The platform's answer names no secret.", Effect.Unknown)) : (new Part { Name = part, Id = path }, null);
        }

        if (error.PlatformCode != "ALREADY_EXISTS")
            return (null, error);
        var taken = await ReadAsync(operation.Call, id, path, markPart);
        return taken.Error is not null ? (null, taken.Error)
            : taken.Item is null ? (null, error with { Code = ErrorCode.NotReadyYet, RetryAfter = GcpContext.LookAgain })
            : taken.Mark == MarkState.Ours && ReadMark(taken.Item)?.Incarnation == id.Incarnation ? (new Part { Name = part, Id = path }, null)
            : (null, error with { BlockedBy = [path] });
    }

    /// <summary>Writes contents: a new version, who may read it, the hash; then older versions go. All of it may be repeated.</summary>
    public async ValueTask<DriverError?> PutAsync(Call call, FoundSecret secret, ReadOnlyMemory<byte> contents, string hash, IEnumerable<string> values)
    {
        if (contents.Length > MaxBytes)
            return GcpErrors.Refused(ErrorCode.Invalid, $"The contents are {contents.Length} bytes and the platform's store takes {MaxBytes}.");
        var text = Convert.ToBase64String(contents.Span);
        using var client = context.Api.SecretsHiding(values.Append(text));
        var added = await client.SendAsync(call, RestRequest.Post(secret.Path + ":addVersion", new AddSecretVersion { Payload = new SecretPayload { Data = text } }, GcpJson.Default.AddSecretVersion));
        var version = added.Read(GcpJson.Default.SecretVersion);
        if (version.Error is { } refused)
            // The platform's machine code may be anything, the contents too.
            return refused with { PlatformCode = GcpErrors.Rows.Any(r => r.PlatformCodes.Contains(refused.PlatformCode ?? "")) ? refused.PlatformCode : null };
        if (context.Settings.InstanceServiceAccount is { } account)
        {
            var policy = new SetIamPolicy { Policy = new IamPolicy { Bindings = [new IamBinding { Role = Reader, Members = ["serviceAccount:" + account] }] } };
            if ((await context.Api.Secrets.SendAsync(call, RestRequest.Post(secret.Path + ":setIamPolicy", policy, GcpJson.Default.SetIamPolicy))).Error is { } denied)
                return denied;
        }

        var annotations = (secret.Item!.Annotations ?? ImmutableSortedDictionary<string, string>.Empty).SetItem(HashKey, hash);
        var change = new GcpSecret { Annotations = annotations, Etag = secret.Item.Etag };
        if ((await context.Api.Secrets.SendAsync(call, RestRequest.Patch(RestRequest.WithQuery(secret.Path, new KeyValuePair<string, string?>("updateMask", "annotations")), change, GcpJson.Default.GcpSecret))).Error is { } stale)
            return stale;
        return version.Value!.Name is { } name && Paths.Last(name) != "1" ? await DestroyOlderAsync(call, secret.Path, Paths.Last(name)) : null;
    }

    /// <summary>Exchanges the labels of a secret that was read; refused when it changed since.</summary>
    public async ValueTask<DriverError?> RelabelAsync(Call call, FoundSecret secret, ImmutableSortedDictionary<string, string> labels)
    {
        var change = new GcpSecret { Labels = labels, Etag = secret.Item!.Etag };
        return (await context.Api.Secrets.SendAsync(call, RestRequest.Patch(RestRequest.WithQuery(secret.Path, new KeyValuePair<string, string?>("updateMask", "labels")), change, GcpJson.Default.GcpSecret))).Error;
    }

    /// <summary>Removes a secret of ours with all that it holds.</summary>
    public async ValueTask<DriverError?> DeleteAsync(Call call, FoundSecret secret)
    {
        if (secret.Error is not null || secret.Item is null)
            return secret.Error;
        if (secret.Mark != MarkState.Ours)
            return GcpErrors.NotOurs(secret.Path);
        var answer = await context.Api.Secrets.SendAsync(call, RestRequest.Delete(secret.Path));
        return answer.NotFound ? null : answer.Error;
    }

    public async ValueTask<(ImmutableArray<GcpSecret> Items, string? Next, DriverError? Error)> PageAsync(Call call, ListQuery query, ResourceKind kind, string? cursor)
    {
        if (!Enabled)
            return cursor is null ? ([], null, null) : ([], null, GcpErrors.NotOurCursor());
        var pager = new Pager(PageStyle.Token("pageToken", "nextPageToken"), context.Api.Project, "secrets", kind.ToString(), query.Installation) { Expired = static a => a.Status is 400 or 410 };
        var size = query.PageSize is > 0 and < 500 ? query.PageSize : 500;
        var filter = $"labels.{Marks.InstallKey} = \"{query.Installation}\" AND labels.{Marks.KindKey} = \"{ResourceNames.Prefix(kind)}\"";
        var page = await pager.GetAsync(context.Api.Secrets, call, RestRequest.Get(RestRequest.WithQuery("secrets", new("filter", filter), new("pageSize", size.ToString(System.Globalization.CultureInfo.InvariantCulture)))), cursor);
        if (page.Error is { } error)
            return ([], null, error);
        var read = GcpApi.ReadPage(page.Answer, "secrets", GcpJson.Default.GcpSecret);
        return read.Value is { } items
            ? ([.. items.Items.Where(i => ReadMark(i) is { } m && m.Installation == query.Installation && m.Kind == kind)], page.Next, null)
            : ([], null, read.Error);
    }

    public static Mark? ReadMark(GcpSecret item) => PairMarks.Read(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    public static string PathOf(Identity id, string? markPart) => "secrets/" + ResourceNames.For(id, GcpContext.Names, markPart);

    public static string PathOf(GcpSecret item) => "secrets/" + Paths.Last(item.Name ?? "");

    private async ValueTask<DriverError?> DestroyOlderAsync(Call call, string path, string newest)
    {
        var versions = await context.Api.Secrets.SendAsync(call, RestRequest.Get(path + "/versions?pageSize=100"));
        var page = GcpApi.ReadPage(versions, "versions", GcpJson.Default.SecretVersion);
        if (page.Value is not { } read)
            return page.Error;
        foreach (var old in read.Items.Where(v => v.State != "DESTROYED" && v.Name is not null && Paths.Last(v.Name) != newest))
            if ((await context.Api.Secrets.SendAsync(call, RestRequest.Post($"{path}/versions/{Paths.Last(old.Name!)}:destroy"))).Error is { } error)
                return error;
        return null;
    }
}

/// <summary>A secret of its own: one payload, as a JSON object of base64 values.</summary>
internal sealed class SecretKind(GcpContext context) : IResourceDriver<SecretSpec, SecretFacts>
{
    private const string Part = "sec";

    /// <summary>What stands for contents whose hash the host doesn't tell.</summary>
    private const string NoHash = "unknown";

    private readonly SecretStore _store = new(context);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, SecretSpec desired) => new(_store.Enabled ? [] :
        [new Finding { Path = "payload", Capability = "secrets", Message = "The ProviderConfig's settings name no instanceServiceAccount, so nobody could read the secret." }]);

    public async ValueTask<Answer<Observation<SecretFacts>>> ObserveAsync(Call call, Identity id, SecretSpec? desired, Handle? handle)
    {
        var found = await _store.FindAsync(call, id, Part, null);
        if (found.Error is not null)
            return found.Error;
        return found.Item is null
            ? new Absent<SecretFacts> { Next = desired is null ? null : new Step { Part = Part, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create secret" } }
            : Seen(found, desired);
    }

    public async ValueTask<Outcome<SecretFacts>> CreateAsync(Operation operation, Identity id, SecretSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var (made, error) = await _store.CreateAsync(operation, id, desired, Part, null);
        return error is not null ? Failure(error) : new Done<SecretFacts> { Parts = [made!] };
    }

    public async ValueTask<Outcome<SecretFacts>> UpdateAsync(Operation operation, Identity id, SecretSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var found = await _store.FindAsync(operation.Call, id, Part, null);
        if (found.Item is null)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The secret isn't there to be changed."));
        if (found.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(found.Path));
        if (HasContents(found, desired))
            return new Done<SecretFacts>();
        var payload = operation.Call.Payloads is { } reader ? await reader.ReadAsync(desired.Payload, operation.Call.Cancellation) : null;
        if (payload is null && !desired.Payload.Optional)
            return Failure(GcpErrors.Refused(ErrorCode.Invalid, $"The secret {desired.Payload.Name} isn't there.") with { Field = "payload" });
        var values = payload ?? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;
        var error = await _store.PutAsync(operation.Call, found, Write(values), desired.Payload.Hash ?? NoHash, values.Values.Select(v => Encoding.UTF8.GetString(v.Span)).Where(v => v.Length > 0));
        return error is not null ? Failure(error) : new Done<SecretFacts> { Parts = [new Part { Name = Part, Id = found.Path }] };
    }

    public async ValueTask<Outcome<SecretFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        return await _store.DeleteAsync(operation.Call, await _store.FindAsync(operation.Call, id, Part, null)) is { } error ? Failure(error) : new Done<SecretFacts> { Observation = new Absent<SecretFacts>() };
    }

    public async ValueTask<Answer<ListPage<SecretFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var (items, next, error) = await _store.PageAsync(call, query, ResourceKind.Secret, cursor);
        if (error is not null)
            return error;
        return new ListPage<SecretFacts>
        {
            Items =
            [
                .. items.Select(i => (Item: i, Mark: SecretStore.ReadMark(i)!)).Select(i => new Listed<SecretFacts>
                {
                    Name = i.Mark.Name,
                    Incarnation = i.Mark.Incarnation,
                    Parts = [new Part { Name = Part, Id = SecretStore.PathOf(i.Item) }],
                    State = StateOf(i.Item),
                    Facts = FactsOf(i.Item),
                    Revision = i.Item.Etag ?? Revisions.Of(i.Item, GcpJson.Default.GcpSecret),
                    CreatedAt = Times.Parse(i.Item.CreateTime),
                }),
            ],
            Next = next,
            Complete = true,
        };
    }

    private static Present<SecretFacts> Seen(FoundSecret found, SecretSpec? desired)
    {
        var drift = desired is null || HasContents(found, desired) ? [] : new SpecDiff().Add("payload.hash", Remedy.InPlace).ToDrift();
        Step? next = found.Mark != MarkState.Ours ? null
            : desired is null ? new Step { Part = Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "delete secret" }
            : drift.Length > 0 ? new Step { Part = Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "write contents" } : null;
        return new Present<SecretFacts>
        {
            Facts = FactsOf(found.Item!),
            Parts = [new Part { Name = Part, Id = found.Path }],
            State = StateOf(found.Item!),
            Mark = found.Mark,
            Incarnation = SecretStore.ReadMark(found.Item!)?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
        };
    }

    private static bool HasContents(FoundSecret found, SecretSpec desired) => found.Hash is { } hash && (desired.Payload.Hash is null || desired.Payload.Hash == hash);

    private static Lifecycle StateOf(GcpSecret item) => item.Annotations?.ContainsKey(SecretStore.HashKey) == true ? Lifecycle.Ready : Lifecycle.Creating;

    private static SecretFacts FactsOf(GcpSecret item) => new() { Hash = item.Annotations?.GetValueOrDefault(SecretStore.HashKey) };

    private static Failed<SecretFacts> Failure(DriverError error) => new() { Error = error };

    private static byte[] Write(ImmutableDictionary<string, ReadOnlyMemory<byte>> values)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            foreach (var (key, value) in values.OrderBy(v => v.Key, StringComparer.Ordinal))
                json.WriteBase64String(key, value.Span);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
