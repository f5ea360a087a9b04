using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>One object of a resource that may be taken over, as it was read.</summary>
internal sealed record Takeable(string Part, string? MarkPart, CloudObject Item)
{
    public Mark? Mark => PartAccess.ReadMark(Item);
}

/// <summary>
/// Taking over and letting go: marks on and off objects that exist. Each change is sent for the revision that was read, so that a mark
/// that somebody else puts there in between is never overwritten (DC-109).
/// </summary>
internal static class Adoption
{
    public const string Adopt = "adopt";
    public const string Release = "release";

    private static readonly ImmutableArray<string> MarkKeys = [Marks.InstallKey, Marks.KindKey, Marks.NameKey, Marks.IncarnationKey, Marks.PartKey];

    /// <summary>The mark of a whole of several objects (DC-25).</summary>
    public static MarkState Worst(IEnumerable<MarkState> marks)
    {
        var all = marks.ToHashSet();
        return all.Contains(MarkState.Foreign) ? MarkState.Foreign
            : all.Contains(MarkState.Missing) ? MarkState.Missing
            : all.Contains(MarkState.Unknown) ? MarkState.Unknown
            : MarkState.Ours;
    }

    public static MarkState MarkOf(Identity id, IReadOnlyList<Takeable> objects) =>
        Worst(objects.Select(o => Marks.Compare(id, o.Mark, o.MarkPart)));

    /// <summary>Who holds the first object that is somebody else's, for people; null when none is.</summary>
    public static string? OwnerOf(Identity id, IReadOnlyList<Takeable> objects) =>
        objects.Where(o => Marks.Compare(id, o.Mark, o.MarkPart) == MarkState.Foreign).Select(o => Show(o.Mark!)).FirstOrDefault();

    public static ImmutableArray<Part> Parts(IReadOnlyList<Takeable> objects) => [.. objects.Select(o => new Part { Name = o.Part, Id = o.Item.Id })];

    /// <summary>An object by id, else by name.</summary>
    public static async ValueTask<(CloudObject? Item, DriverError? Error)> FindAsync(SimulatorApi api, Call call, string collection, string providerId)
    {
        var (item, _, error) = await api.GetAsync(call, collection, providerId);
        if (error is not null || item is not null)
            return (item, error);
        var (named, listError) = await api.ListAllAsync(call, collection, name: providerId);
        return listError is not null ? (null, listError)
            : named.Count == 1 ? (named[0], null)
            : (null, PartAccess.Refused(ErrorCode.Invalid, named.Count == 0
                ? $"There is no {providerId} in {collection}; name an object by its id or name."
                : $"Several of {collection} are called {providerId}; name one by its id: {string.Join(", ", named.Select(n => n.Id))}."));
    }

    /// <summary>Why the objects can't become this identity's; null when they can.</summary>
    public static DriverError? Refusal(Identity id, IReadOnlyList<Takeable> objects, CloudObject? known)
    {
        var main = objects[0];
        if (OwnerOf(id, objects) is { } owner)
            return Conflict($"{main.Item.Id} belongs to {owner}; it is left as it is.", owner);
        // One identity, one object (law L1).
        var other = id.PartId(main.Part) is { } recorded && recorded != main.Item.Id ? recorded : known is not null && known.Id != main.Item.Id ? known.Id : null;
        return other is null ? null : Conflict($"This resource is {other} already; {main.Item.Id} is left as it is.", other);
    }

    /// <summary>Puts the identity's mark on each object that doesn't carry it yet.</summary>
    public static ValueTask<DriverError?> MarkAsync(SimulatorApi api, Call call, Identity id, IReadOnlyList<Takeable> objects) =>
        ChangeAsync(api, call, objects.Where(o => o.Mark != Marks.For(id, o.MarkPart)), o => Bare(o).SetItems(Marks.ToPairs(Marks.For(id, o.MarkPart))),
            gone: o => PartAccess.Refused(ErrorCode.PreconditionFailed, $"{o.Item.Id} is gone."));

    /// <summary>Takes the identity's mark off each object that carries it.</summary>
    public static ValueTask<DriverError?> UnmarkAsync(SimulatorApi api, Call call, Identity id, IEnumerable<Takeable> objects) =>
        ChangeAsync(api, call, objects.Where(o => Marks.Compare(id, o.Mark, o.MarkPart) == MarkState.Ours), Bare, gone: _ => null);

    private static async ValueTask<DriverError?> ChangeAsync(SimulatorApi api, Call call, IEnumerable<Takeable> objects,
        Func<Takeable, ImmutableSortedDictionary<string, string>> labels, Func<Takeable, DriverError?> gone)
    {
        var changed = false;
        foreach (var one in objects)
        {
            var (item, failure) = await api.RelabelAsync(call, one.Item, labels(one));
            var error = failure ?? (item is null ? gone(one) : null);
            if (error is not null)
                return changed && error.Effect == Effect.NotApplied ? error with { Effect = Effect.Applied } : error;
            changed |= item is not null;
        }

        return null;
    }

    private static ImmutableSortedDictionary<string, string> Bare(Takeable one) =>
        (one.Item.Labels ?? ImmutableSortedDictionary<string, string>.Empty).RemoveRange(MarkKeys);

    private static string Show(Mark mark) => $"{mark.Installation}/{ResourceNames.Prefix(mark.Kind)}-{mark.Name}";

    private static DriverError Conflict(string message, string blockedBy) =>
        PartAccess.Refused(ErrorCode.Conflict, message) with { BlockedBy = [blockedBy] };
}
