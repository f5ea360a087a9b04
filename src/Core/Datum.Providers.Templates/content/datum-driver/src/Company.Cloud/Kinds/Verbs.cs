namespace Company_Cloud;

/// <summary>
/// The verbs of a kind that is one object at the platform, whose name we choose (create class Named). A kind says only how wish, facts and
/// differences look. No verb waits, retries or keeps anything (DC-10, DC-12): the host can be killed between any two of these lines.
/// </summary>
internal abstract class Verbs<TSpec, TFacts, TItem>(ResourceKind kind, Collection<TItem> items) : IResourceDriver<TSpec, TFacts>
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
    where TItem : CloudObject
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(2);

    /// <summary>The part that steps name and the ledger records; never to be changed once a driver is out (DC-32).</summary>
    private string Part => ResourceNames.Prefix(kind);

    protected abstract void Validate(TSpec desired, ImmutableArray<Finding>.Builder findings);

    /// <summary>What is sent to make it; name and labels hold the mark already (DC-35).</summary>
    protected abstract TItem ToWish(TSpec desired, Identity id, string name, ImmutableDictionary<string, string> labels);

    /// <summary>What is sent to change it: only what can be changed in place.</summary>
    protected abstract TItem ToChange(TSpec desired);

    protected abstract TFacts ToFacts(TItem item);

    /// <summary>Differences over what the wish sets (DC-75).</summary>
    protected abstract SpecDiff Compare(TSpec desired, TItem item);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        Validate(desired, findings);
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
    {
        var (item, error) = await FindAsync(call, id);
        if (error is not null)
            return error;
        return item is null ? new Absent<TFacts> { Next = desired is null ? null : StepOf(StepVerb.Create, CreateClass.Named) } : Seen(item, id, desired);
    }

    public async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (Misfit(operation, StepVerb.Create) is { } misfit)
            return Failure(misfit);
        if (id.PartId(Part) is { } recorded)
        {
            // L1: what is recorded isn't made again in this incarnation.
            var (known, problem) = await items.GetAsync(operation.Call, recorded);
            return known is not null ? Own(known, id, desired)
                : Failure(problem ?? Refused(ErrorCode.PreconditionFailed, $"The recorded object {recorded} isn't there; it isn't made again in this incarnation."));
        }

        var answer = await items.CreateAsync(operation.Call, ToWish(desired, id, Naming.NameOf(id), Naming.LabelsOf(id, desired)));
        if (answer.Value is { } made)
            return Own(made, id, desired);
        if (answer.Error!.PlatformCode != "name_taken")
            return Failure(answer.Error);
        // DC-47: by our own earlier request, whose answer was lost, or by somebody else? Only the mark tells.
        var (holder, error) = await FindAsync(operation.Call, id);
        return holder is null ? Failure(error ?? answer.Error) : Own(holder, id, desired);
    }

    public async ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (Misfit(operation, StepVerb.Update) is { } misfit)
            return Failure(misfit);
        var (item, error) = await FindAsync(operation.Call, id);
        if (item is null)
            return Failure(error ?? Refused(ErrorCode.PreconditionFailed, "The object isn't there to be changed."));
        // DC-16: the mark was read in this very call.
        if (Marks.Compare(id, Naming.MarkOf(item)) != MarkState.Ours)
            return Failure(NotOurs(item));
        var answer = await items.ChangeAsync(operation.Call, item.Id, ToChange(desired));
        return answer.Value is { } changed ? Own(changed, id, desired) : Failure(answer.Error!);
    }

    public async ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (Misfit(operation, StepVerb.Delete) is { } misfit)
            return Failure(misfit);
        var (item, error) = await FindAsync(operation.Call, id);
        if (error is not null)
            return Failure(error);
        // DC-67: what is gone is done.
        if (item is null)
            return new Done<TFacts> { Observation = new Absent<TFacts>() };
        if (Marks.Compare(id, Naming.MarkOf(item)) != MarkState.Ours)
            return Failure(NotOurs(item));
        var (leaving, refused) = await items.DeleteAsync(operation.Call, item.Id);
        if (refused is not null)
            return Failure(refused);
        return leaving is null ? new Done<TFacts> { Observation = new Absent<TFacts>() } : new Running<TFacts> { Progress = AtWork };
    }

    public async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        // DC-56: everything with the installation's mark, also what is half-built or failed.
        var answer = await items.ListAsync(call,
            [new(Marks.InstallKey, query.Installation), new(Marks.KindKey, ResourceNames.Prefix(kind))], query.PageSize, cursor);
        if (answer.Value is not { } page)
            return answer.Error!;
        return new ListPage<TFacts>
        {
            Items = [.. page.Items.Select(ToListed).OfType<Listed<TFacts>>()],
            Next = page.Next,
            // This platform answers with everything or with an error.
            Complete = true,
        };
    }

    /// <summary>DC-16, DC-24: by the recorded id if there is one; only that object is ours. Otherwise by the name that we would have chosen.</summary>
    private ValueTask<(TItem? Item, DriverError? Error)> FindAsync(Call call, Identity id) =>
        id.PartId(Part) is { } recorded ? items.GetAsync(call, recorded) : items.FindAsync(call, Naming.NameOf(id));

    private Outcome<TFacts> Own(TItem item, Identity id, TSpec desired)
    {
        var mark = Naming.MarkOf(item);
        // An earlier life's leftover under our name isn't what this step made either.
        if (Marks.Compare(id, mark) != MarkState.Ours || mark!.Incarnation != id.Incarnation)
            return Failure(NotOurs(item));
        return new Done<TFacts> { Parts = PartsOf(item), Observation = Seen(item, id, desired) };
    }

    private Present<TFacts> Seen(TItem item, Identity id, TSpec? desired)
    {
        var mark = Naming.MarkOf(item);
        var whose = Marks.Compare(id, mark);
        var state = ToLifecycle(item);
        var diff = desired is null ? new SpecDiff() : Compare(desired, item);
        Step? next = null;
        if (whose == MarkState.Ours && state != Lifecycle.Deleting)
        {
            // DC-27: a deletion doesn't wait until the platform has finished building.
            if (desired is null)
                next = StepOf(StepVerb.Delete, CreateClass.Repeatable);
            else if (state != Lifecycle.Creating && diff.CanUpdate)
                next = StepOf(StepVerb.Update, CreateClass.Repeatable);
        }

        return new Present<TFacts>
        {
            Facts = ToFacts(item),
            Parts = PartsOf(item),
            State = state,
            Mark = whose,
            Incarnation = mark?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = next,
            InProgress = next is null && state is Lifecycle.Creating or Lifecycle.Deleting ? AtWork : null,
            Failure = item.Problem is { } problem ? items.ToError(problem) : null,
        };
    }

    private Listed<TFacts>? ToListed(TItem item) => Naming.MarkOf(item) is not { } mark ? null : new Listed<TFacts>
    {
        Name = mark.Name,
        Incarnation = mark.Incarnation,
        Parts = PartsOf(item),
        State = ToLifecycle(item),
        Facts = ToFacts(item),
        Revision = item.Revision,
        CreatedAt = item.CreatedAt,
    };

    private ImmutableArray<Part> PartsOf(TItem item) => [new Part { Name = Part, Id = item.Id }];

    private Step StepOf(StepVerb verb, CreateClass createClass) => new() { Part = Part, Verb = verb, Class = createClass, Description = $"{verb} {Part}" };

    // DC-15: exactly the step, or nothing.
    private DriverError? Misfit(Operation operation, StepVerb verb) =>
        operation.Step.Part == Part && operation.Step.Verb == verb ? null : Refused(ErrorCode.PreconditionFailed, $"There is no step {operation.Step.Verb} {operation.Step.Part} here.");

    /// <summary>The platform works on it; its own state tells the progress, so that no handle is needed (DC-81).</summary>
    private static Progress AtWork => new() { LookAgainAfter = s_lookAgain, WaitingFor = WaitingFor.Platform };

    private static Lifecycle ToLifecycle(TItem item) => item.State switch
    {
        "starting" => Lifecycle.Creating,
        "ready" => Lifecycle.Ready,
        "stopped" => Lifecycle.Degraded,
        "stopping" => Lifecycle.Deleting,
        "failed" => Lifecycle.Failed,
        _ => Lifecycle.Unknown,
    };

    private static DriverError NotOurs(TItem item) =>
        Refused(ErrorCode.Conflict, $"{item.Id} doesn't carry this resource's mark; it is left alone.") with { BlockedBy = [item.Id] };

    private static DriverError Refused(ErrorCode code, string message) =>
        new() { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Resource, Message = message };

    private static Failed<TFacts> Failure(DriverError error) => new() { Error = error };
}
