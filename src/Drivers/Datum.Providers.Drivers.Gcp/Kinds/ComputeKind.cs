using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>Where objects of a collection live.</summary>
internal enum Place
{
    Global,
    Region,
    Zone,
}

/// <summary>What one look found.</summary>
internal sealed record Found<T> where T : class
{
    public T? Item { get; init; }
    public string Path { get; init; } = "";
    public MarkState Mark { get; init; }
    public ImmutableArray<string> Candidates { get; init; } = [];
    public DriverError? Error { get; init; }
}

/// <summary>The verbs of every kind that is one object of Compute Engine. A kind says only how wish, facts and differences look.</summary>
internal abstract partial class ComputeKind<TSpec, TFacts, T>(GcpContext context, ResourceKind kind, string collection, Place place) : IResourceDriver<TSpec, TFacts>
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
    where T : ComputeObject
{
    protected GcpContext Context => context;

    protected GcpApi Api => context.Api;

    protected ResourceKind Kind => kind;

    protected string Collection => collection;

    /// <summary>The one part's name, also the step's.</summary>
    protected string Part => ResourceNames.Prefix(kind);

    protected abstract JsonTypeInfo<T> Type { get; }

    protected abstract void Validate(TSpec desired, ImmutableArray<Finding>.Builder findings);

    /// <summary>What is sent to make it, without name and mark.</summary>
    protected abstract T ToWish(TSpec desired, Identity id);

    /// <summary>Puts name and mark on what is sent.</summary>
    protected abstract T Marked(T wish, Identity id, TSpec desired, string name);

    protected abstract Mark? ReadMark(T item);

    protected abstract TFacts ToFacts(T item);

    protected abstract ImmutableArray<Drift> Compare(TSpec desired, T item, Identity id);

    /// <summary>The list's filter for everything of an installation.</summary>
    protected abstract string ListFilter(string installation);

    /// <summary>The request that moves the object towards the wish; null when nothing is to be done.</summary>
    protected abstract RestRequest? ToChange(Operation operation, TSpec desired, T item, string path);

    /// <summary>What of the wish depends on what is there.</summary>
    protected virtual ValueTask<(T Wish, DriverError? Error)> SettleAsync(Call call, T wish) => new((wish, null));

    protected virtual Lifecycle ToLifecycle(T item) => Lifecycle.Ready;

    protected virtual string? Fingerprint(T item) => null;

    protected virtual ImmutableDictionary<string, string> Resolve(T wish) => ImmutableDictionary<string, string>.Empty;

    public virtual ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var location = GcpLocation.Parse(desired.LocationJson);
        if (place == Place.Region && string.IsNullOrEmpty(location?.AnyRegion))
            findings.Add(new Finding { Path = "location.region", Message = "The Location's gcp block needs a region." });
        if (place == Place.Zone && string.IsNullOrEmpty(location?.Zone))
            findings.Add(new Finding { Path = "location.zone", Message = "The Location's gcp block needs a zone." });
        if (location?.Contradiction is { } contradiction)
            findings.Add(contradiction);
        Validate(desired, findings);
        return new(findings.ToImmutable());
    }

    public virtual async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
    {
        // The operation first: what it has done is there for the read behind it.
        var work = handle is null ? null : await Api.Operations.LookAsync(call, handle);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var found = await FindAsync(call, id, desired, elsewhere: work?.Status != OperationStatus.Running);
        if (found.Error is not null)
            return found.Error;
        if (found.Candidates.Length > 0)
            return new Ambiguous<TFacts> { Candidates = [.. found.Candidates.Select(c => new Part { Name = Part, Id = c })] };
        if (found.Item is { } item)
            return await SeenAsync(call, item, found, id, desired, work);
        var running = work?.Progress;
        if ((desired is null || id.PartId(Part) is not null) && work?.Status is null or OperationStatus.Unknown)
        {
            // A create whose answer or handle was lost may still be at work, while reads don't show what it makes.
            var (pending, error) = await PendingAsync(call, id.PartId(Part) is { } known ? Paths.Last(known) : ResourceNames.For(id, GcpContext.Names));
            if (error is not null)
                return error;
            running = pending;
        }

        return new Absent<TFacts>
        {
            Next = desired is null ? null : CreateStep,
            InProgress = running,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    public virtual async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        if (id.PartId(Part) is { } recorded)
            return await RecordedAsync(operation, id, desired, recorded);
        if (ScopeOf(desired) is not { } scope)
            return Failure(GcpErrors.Refused(ErrorCode.Invalid, "The Location's gcp block says no place.") with { Field = "location" });
        var name = ResourceNames.For(id, GcpContext.Names);
        var path = $"{scope}/{collection}/{name}";
        var (wish, unsettled) = await SettleAsync(operation.Call, ToWish(desired, id));
        if (unsettled is not null)
            return Failure(unsettled);
        var look = await Api.ChangeAsync(operation.Call, RestRequest.Post(WithRequestId(operation, $"{scope}/{collection}"), Marked(wish, id, desired, name), Type));
        if (look.Error is { PlatformCode: "alreadyExists" or "RESOURCE_ALREADY_EXISTS", Code: ErrorCode.Conflict } taken)
            return await TakenAsync(operation, id, desired, path, taken);
        ImmutableArray<Part> parts = look.Status is OperationStatus.Running or OperationStatus.Succeeded ? [new Part { Name = Part, Id = path }] : [];
        return ToOutcome(look, parts, Resolve(wish));
    }

    public virtual async ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var found = await FindAsync(operation.Call, id, desired);
        if (found.Item is not { } item)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, "The object isn't there to be changed."));
        if (found.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(found.Path));
        return ToChange(operation, desired, item, found.Path) is { } change
            ? ToOutcome(await Api.ChangeAsync(operation.Call, change), [new Part { Name = Part, Id = found.Path }])
            : new Done<TFacts>();
    }

    public virtual async ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Part)
            return Failure(GcpErrors.NoSuchStep(operation.Step));
        var found = await FindAsync(operation.Call, id, null);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Candidates.Length > 0)
            return Failure(GcpErrors.Refused(ErrorCode.Conflict, $"Several objects answer to {Part}: {string.Join(", ", found.Candidates)}; none is deleted.") with { BlockedBy = found.Candidates });
        if (found.Item is null)
            return new Done<TFacts> { Observation = new Absent<TFacts>() };
        return found.Mark == MarkState.Ours ? await RemoveAsync(operation.Call, found.Path) : Failure(GcpErrors.NotOurs(found.Path));
    }

    public virtual async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var page = await PageAsync(call, query, cursor);
        if (page.Error is { } error)
            return error;
        return new ListPage<TFacts>
        {
            Items = [.. page.Items.Where(i => IsOf(i, query)).Select(ToListed)],
            Next = page.Next,
            Complete = page.Complete,
        };
    }

    /// <summary>One page of everything that the list's filter lets through.</summary>
    protected async ValueTask<(ImmutableArray<T> Items, string? Next, bool Complete, DriverError? Error)> PageAsync(Call call, ListQuery query, string? cursor)
    {
        var pager = new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, collection, kind.ToString(), query.Installation) { Expired = static a => a.Status is 400 or 410 };
        var size = query.PageSize is > 0 and < 500 ? query.PageSize : 500;
        var first = RestRequest.WithQuery(place == Place.Global ? $"global/{collection}" : $"aggregated/{collection}",
            new("filter", ListFilter(query.Installation)), new("maxResults", size.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var page = await pager.GetAsync(Api.Compute, call, RestRequest.Get(first), cursor);
        if (page.Error is { } error)
            return ([], null, false, error);
        var read = GcpApi.ReadPage(page.Answer, collection, Type);
        return read.Value is { } items ? (items.Items, page.Next, items.Complete, null) : ([], null, false, read.Error);
    }

    protected bool IsOf(T item, ListQuery query) => ReadMark(item) is { } mark && mark.Installation == query.Installation && mark.Kind == kind && mark.Part is null;

    protected Listed<TFacts> ToListed(T item)
    {
        var mark = ReadMark(item)!;
        var facts = ToFacts(item);
        return new Listed<TFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = [new Part { Name = Part, Id = PathOf(item) }],
            State = ToLifecycle(item),
            Facts = facts,
            Revision = Revisions.Of(item, Type),
            CreatedAt = Times.Parse(item.CreationTimestamp),
        };
    }

    protected string PathOf(T item) => Paths.Below(item.SelfLink, Api.Project);

    protected Step CreateStep => new() { Part = Part, Verb = StepVerb.Create, Class = CreateClass.Named, Description = $"create {collection}" };

    protected Step DeleteStep(string path) => new() { Part = Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {path}" };

    protected async ValueTask<Outcome<TFacts>> RemoveAsync(Call call, string path)
    {
        var look = await Api.ChangeAsync(call, RestRequest.Delete(path));
        if (look.Answer?.NotFound == true)
            return new Done<TFacts>();
        // Somebody's insert or delete of it is under way: what comes of it the next look tells.
        if (look.Error is { Code: ErrorCode.NotReadyYet })
            return new Running<TFacts> { Progress = new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = look.Error.Message } };
        return ToOutcome(look, []);
    }

    protected static string WithRequestId(Operation operation, string path) => RestRequest.WithQuery(path, new KeyValuePair<string, string?>("requestId", GcpContext.RequestId(operation)));

    protected static Outcome<TFacts> ToOutcome(OperationLook look, ImmutableArray<Part> parts, ImmutableDictionary<string, string>? resolved = null) => look.Status switch
    {
        OperationStatus.Running => new Running<TFacts> { Progress = look.Progress!, Parts = parts, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
        OperationStatus.Succeeded when look.Answer is { } answer && JsonText.Find(answer.Body, "operationType") is null => Failure(
            GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer ({answer.Status}, {answer.Body.Length} bytes) is no operation.", Effect.Unknown)),
        OperationStatus.Succeeded => new Done<TFacts> { Parts = parts, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
        _ => new Failed<TFacts> { Error = look.Error!, Parts = [] },
    };

    protected static Failed<TFacts> Failure(DriverError error) => new() { Error = error };

    private async ValueTask<Outcome<TFacts>> RecordedAsync(Operation operation, Identity id, TSpec desired, string path)
    {
        var found = await ReadAsync(operation.Call, id, path);
        if (found.Item is not { } item)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {path} isn't there; it isn't made again in this incarnation."));
        return found.Mark != MarkState.Ours ? Failure(GcpErrors.NotOurs(path)) : await FoundAsync(operation, item, found, id, desired);
    }

    private async ValueTask<Outcome<TFacts>> TakenAsync(Operation operation, Identity id, TSpec desired, string path, DriverError taken)
    {
        var found = await ReadAsync(operation.Call, id, path);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Item is not { } item)
            return Failure(taken with { Code = ErrorCode.NotReadyYet, RetryAfter = GcpContext.LookAgain, Message = $"{path} is being made or removed at the platform." });
        return found.Mark == MarkState.Ours && ReadMark(item)?.Incarnation == id.Incarnation
            ? await FoundAsync(operation, item, found, id, desired)
            : Failure(taken with { BlockedBy = [path] });
    }

    private async ValueTask<Outcome<TFacts>> FoundAsync(Operation operation, T item, Found<T> found, Identity id, TSpec desired)
    {
        var seen = await SeenAsync(operation.Call, item, found, id, desired, null);
        return seen.Error is { } error
            ? new Failed<TFacts> { Error = error, Parts = [new Part { Name = Part, Id = found.Path }] }
            : new Done<TFacts> { Observation = seen.Value, Parts = [new Part { Name = Part, Id = found.Path }], Resolved = Resolve(ToWish(desired, id)) };
    }

    private ValueTask<(Progress? Progress, DriverError? Error)> PendingAsync(Call call, string name) => PendingWork.FindAsync(Api, call, collection, name);
}
