using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>Finding an object, and what a look at it means.</summary>
internal abstract partial class ComputeKind<TSpec, TFacts, T>
{
    /// <summary>What mends an object that stands in another zone or region than the wish's. Unknown where it holds what can't be made again.</summary>
    protected virtual Remedy MoveRemedy => Remedy.Replace;

    /// <summary>Whether an object that hasn't our name was adopted.</summary>
    protected virtual bool IsAdopted(T item) => false;

    protected virtual string SearchFilter(Identity id, string name) => Search.ByName(name);

    /// <summary>By recorded id, else by our name: where the wish says, and then everywhere.</summary>
    protected async ValueTask<Found<T>> FindAsync(Call call, Identity id, TSpec? desired, bool elsewhere = true)
    {
        if (id.PartId(Part) is { } recorded)
            return await ReadAsync(call, id, recorded);
        var name = ResourceNames.For(id, GcpContext.Names);
        var scope = place == Place.Global ? "global" : desired is null ? null : ScopeOf(desired);
        if (scope is not null)
        {
            var found = await ReadAsync(call, id, $"{scope}/{collection}/{name}");
            // What carries no mark isn't ours, whatever its name.
            if (found.Error is not null || (found.Item is not null && found.Mark != MarkState.Missing))
                return found;
            if (place == Place.Global || !elsewhere)
                return new Found<T>();
        }

        return await SearchAsync(call, id, name, wished: scope is not null);
    }

    // A name is given out once in each zone or region: one that a lost record or a changed Location left elsewhere is still this identity's. With a wish,
    // places that don't answer hold nothing up: what stands there is found by the listing.
    private async ValueTask<Found<T>> SearchAsync(Call call, Identity id, string name, bool wished)
    {
        var (all, error) = await Search.AllAsync(Api, call, collection, SearchFilter(id, name), Type, partial: wished);
        if (error is not null)
            return new Found<T> { Error = error };
        var best = Search.Pick(all, id, name, ReadMark, IsAdopted, wished);
        return best.Length switch
        {
            0 => new Found<T>(),
            // A list may be late: what counts is the read.
            1 => await ReadAsync(call, id, PathOf(best[0])),
            _ => new Found<T> { Candidates = [.. best.Select(PathOf)] },
        };
    }

    protected async ValueTask<Found<T>> ReadAsync(Call call, Identity id, string path)
    {
        if (!Paths.IsPath(path))
            return new Found<T>();
        var (item, error) = await GcpApi.GetAsync(Api.Compute, call, path, Type);
        if (item is not null && item.Name is null)
            error = GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer for {path} has no name.");
        return new Found<T> { Item = error is null ? item : null, Path = path, Error = error, Mark = item is null || error is not null ? MarkState.Unknown : Marks.Compare(id, ReadMark(item)) };
    }

    protected string? ScopeOf(TSpec desired)
    {
        var location = GcpLocation.Parse(desired.LocationJson);
        return place switch
        {
            Place.Global => "global",
            Place.Region => location?.AnyRegion is { Length: > 0 } region ? "regions/" + region : null,
            _ => location?.Zone is { Length: > 0 } zone ? "zones/" + zone : null,
        };
    }

    /// <summary>What a look at a present object means. Kinds of more than one object add to it.</summary>
    protected virtual ValueTask<Answer<Observation<TFacts>>> SeenAsync(Call call, T item, Found<T> found, Identity id, TSpec? desired, OperationLook? work) =>
        new(Seen(item, found, id, desired, work, desired is null ? [] : Compare(desired, item, id)));

    protected Present<TFacts> Seen(T item, Found<T> found, Identity id, TSpec? desired, OperationLook? work, ImmutableArray<Drift> drift)
    {
        drift = WithPlace(drift, desired, found.Path);
        var deleting = ToLifecycle(item) == Lifecycle.Deleting || (work is { Status: OperationStatus.Running, Answer: { } answer } && JsonText.Find(answer.Body, "operationType") == "delete");
        Step? next = null;
        if (found.Mark == MarkState.Ours && !deleting)
            next = desired is null ? DeleteStep(found.Path)
                : drift.Any(d => d.Remedy == Remedy.InPlace) && drift.All(d => d.Remedy != Remedy.Replace)
                    ? new Step { Part = Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"update {found.Path}" }
                    : null;
        var state = deleting ? Lifecycle.Deleting : ToLifecycle(item);
        var busy = work?.Progress ?? (state is Lifecycle.Creating or Lifecycle.Deleting or Lifecycle.Updating ? new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform } : null);
        return new Present<TFacts>
        {
            Facts = ToFacts(item),
            Parts = [new Part { Name = Part, Id = found.Path }],
            State = state,
            Mark = found.Mark,
            Incarnation = ReadMark(item)?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds (DC-27).
            InProgress = desired is null && next is not null ? null : busy,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private ImmutableArray<Drift> WithPlace(ImmutableArray<Drift> drift, TSpec? desired, string path)
    {
        if (desired is null || place == Place.Global || ScopeOf(desired) is not { } scope || path.StartsWith(scope + "/", StringComparison.Ordinal))
            return drift;
        var actual = path.Split('/') is [_, var where, ..] ? where : path;
        return [.. drift, .. new SpecDiff().Add(place == Place.Zone ? "location.zone" : "location.region", MoveRemedy, Paths.Last(scope), actual).ToDrift()];
    }
}
