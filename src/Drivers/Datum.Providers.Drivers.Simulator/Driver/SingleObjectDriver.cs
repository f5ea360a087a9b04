using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>The verbs of every kind that is one platform object. A kind says only how wish, facts and differences look.</summary>
internal abstract partial class SingleObjectDriver<TSpec, TFacts>(SimulatorContext context, ResourceKind kind, string collection) : IResourceDriver<TSpec, TFacts>
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
{
    private readonly PartAccess _part = new(context, kind);

    protected SimulatorContext Context => context;

    /// <summary>The one part's name, also the step's.</summary>
    private string Part => ResourceNames.Prefix(kind);

    protected abstract void Validate(TSpec desired, ImmutableArray<Finding>.Builder findings);

    /// <summary>What is sent to make it.</summary>
    protected abstract CloudObject ToWish(TSpec desired, Identity id);

    /// <summary>What is sent to change it.</summary>
    protected abstract CloudObject ToChange(TSpec desired);

    protected abstract TFacts ToFacts(CloudObject item);

    protected abstract ImmutableArray<Drift> Compare(TSpec desired, CloudObject item, Identity id);

    /// <summary>Adds what isn't in the spec: payload contents.</summary>
    protected virtual ValueTask<(CloudObject Wish, DriverError? Error)> FillAsync(Call call, TSpec desired, CloudObject wish) => new((wish, null));

    /// <summary>What to record of the first create.</summary>
    protected virtual ImmutableDictionary<string, string> Resolve(CloudObject wish) => ImmutableDictionary<string, string>.Empty;

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        Validate(desired, findings);
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
    {
        var look = await _part.FindAsync(call, id, collection, Part, markPart: null);
        if (look.Error is not null)
            return look.Error;
        if (look.Candidates.Length > 0)
            return new Ambiguous<TFacts> { Candidates = [.. look.Candidates.Select(c => new Part { Name = Part, Id = c.Id })] };
        var (running, failure, error) = await _part.AskAsync(call, handle);
        if (error is not null)
            return error;
        if (look.Item is not { } item)
        {
            return new Absent<TFacts>
            {
                Next = desired is null ? null : CreateStep,
                Terminal = look.Gone,
                InProgress = running,
                Failure = failure,
            };
        }

        return Seen(item, look.Mark, id, desired, running is null ? null : handle, failure);
    }

    public async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (WrongStep(operation, Part) is { } wrong)
            return wrong;
        var (wish, problem) = await FillAsync(operation.Call, desired, ToWish(desired, id) with { Labels = desired.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal) });
        if (problem is not null)
            return Failure(problem);
        var (item, itemId, running, error) = await _part.CreateAsync(operation, id, collection, Part, markPart: null, wish);
        ImmutableArray<Part> parts = itemId is null ? [] : [new Part { Name = Part, Id = itemId }];
        if (error is not null)
            return new Failed<TFacts> { Error = error, Parts = parts };
        var resolved = Resolve(wish);
        if (running is not null)
            return new Running<TFacts> { Progress = running, Parts = parts, Resolved = resolved };
        return new Done<TFacts>
        {
            Parts = parts,
            Resolved = resolved,
            Observation = item is null ? null : Seen(item, Marks.Compare(id, PartAccess.ReadMark(item)), id with { Resolved = id.Resolved.SetItems(resolved) }, desired, null, null),
        };
    }

    public async ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired)
    {
        if (WrongStep(operation, Part) is { } wrong)
            return wrong;
        var look = await _part.FindAsync(operation.Call, id, collection, Part, markPart: null);
        if (look.Item is not { } item)
            return Failure(look.Error ?? PartAccess.Refused(ErrorCode.PreconditionFailed, "The object isn't there to be changed."));
        if (look.Mark != MarkState.Ours)
            return Failure(PartAccess.NotOurs(item));
        var (change, problem) = await FillAsync(operation.Call, desired, ToChange(desired));
        if (problem is not null)
            return Failure(problem);
        var answer = await context.Api.PatchAsync(operation.Call, collection, item.Id, change);
        return answer.Value is { } changed
            ? new Done<TFacts> { Observation = Seen(changed, look.Mark, id, desired, null, null), Parts = [new Part { Name = Part, Id = changed.Id }] }
            : Failure(answer.Error!);
    }

    public async ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (WrongStep(operation, Part) is { } wrong)
            return wrong;
        var (running, terminal, error) = await _part.DeleteAsync(operation, id, collection, Part, markPart: null);
        if (error is not null)
            return Failure(error);
        return running is not null
            ? new Running<TFacts> { Progress = running }
            : new Done<TFacts> { Observation = new Absent<TFacts> { Terminal = terminal } };
    }

    public async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        // A cursor names its collection, so that another kind's isn't taken for a place behind the end.
        if (cursor is not null && !cursor.StartsWith(collection + ":", StringComparison.Ordinal))
            return PartAccess.NotOurCursor();
        var answer = await context.Api.ListAsync(call, collection, query.PageSize, cursor?[(collection.Length + 1)..],
            [new(Marks.InstallKey, query.Installation), new(Marks.KindKey, ResourceNames.Prefix(kind))]);
        if (answer.Value is not { } page)
            return answer.Error!;
        var items = ImmutableArray.CreateBuilder<Listed<TFacts>>();
        foreach (var item in page.Items)
        {
            if (PartAccess.ReadMark(item) is not { } mark)
                continue;
            items.Add(new Listed<TFacts>
            {
                Name = mark.Name,
                Incarnation = mark.Incarnation,
                Parts = [new Part { Name = Part, Id = item.Id }],
                State = PartAccess.ToLifecycle(item),
                Facts = ToFacts(item),
                Revision = item.Revision,
                CreatedAt = item.CreatedAt,
            });
        }

        return new ListPage<TFacts> { Items = items.ToImmutable(), Next = page.Next is { } more ? $"{collection}:{more}" : null, Complete = page.Unreachable.Length == 0 };
    }

    private Step CreateStep => new() { Part = Part, Verb = StepVerb.Create, Class = _part.Class, Description = $"create {collection}" };

    private Present<TFacts> Seen(CloudObject item, MarkState mark, Identity id, TSpec? desired, Handle? handle, DriverError? failure)
    {
        var drift = desired is null ? [] : Compare(desired, item, id);
        Step? next = null;
        if (mark == MarkState.Ours && item.State != CloudStates.Deleting)
        {
            next = desired is null ? new Step { Part = Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {item.Id}" }
                : drift.Any(d => d.Remedy == Remedy.InPlace) && drift.All(d => d.Remedy != Remedy.Replace)
                    ? new Step { Part = Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"update {item.Id}" }
                    : null;
        }

        return new Present<TFacts>
        {
            Facts = ToFacts(item),
            Parts = [new Part { Name = Part, Id = item.Id }],
            State = PartAccess.ToLifecycle(item),
            Mark = mark,
            Incarnation = PartAccess.ReadMark(item)?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds it (DC-27).
            InProgress = desired is null && next is not null ? null : PartAccess.ToProgress(item, handle),
            Failure = item.Error is { } why ? context.Api.ToError(why, Effect.Applied) : failure,
        };
    }

    private static Failed<TFacts>? WrongStep(Operation operation, string part) =>
        operation.Step.Part == part ? null : Failure(PartAccess.NoSuchStep(operation.Step));

    private static Failed<TFacts> Failure(DriverError error) => new() { Error = error };
}
