using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;

namespace Datum.Providers.Engine.Collect;

/// <summary>A listing of one kind, whole or with the reason why nothing is concluded from it.</summary>
/// <param name="Began">When the first page was asked for: what came into being later need not be in it.</param>
internal sealed record ListingResult(ImmutableArray<ListedObject> Items, DateTimeOffset Began, DriverError? Error);

/// <summary>Reads all pages of a listing. It is whole or worth nothing: no answer, pages that moved, a place that was left out, a cursor that leads back.</summary>
internal static class ListingReader
{
    private const int PageSize = 500;

    public static async Task<ListingResult> ReadAsync(
        SessionMeter meter, KindVerbs verbs, KindDescriptor descriptor, string installation, IReadOnlyCollection<string?> partitions, IScheduler scheduler, CancellationToken cancellation)
    {
        var began = scheduler.Time.GetUtcNow();
        var items = ImmutableArray.CreateBuilder<ListedObject>();
        var seen = new HashSet<(string, long, string, string)>();
        foreach (var partition in partitions)
        {
            var cursors = new HashSet<string>(StringComparer.Ordinal);
            string? cursor = null;
            do
            {
                if (await meter.TurnToListAsync(scheduler, cancellation).ConfigureAwait(false) is { } notNow)
                    return new ListingResult([], began, notNow);
                using var scope = Calls.New(scheduler, descriptor.CallTimeout, cancellation);
                var answer = await verbs.ListAsync(scope.Call, new ListQuery { Installation = installation, Partition = partition, PageSize = PageSize }, cursor).ConfigureAwait(false);
                if (answer.Error is { } error)
                    return new ListingResult([], began, error);
                var page = answer.Value!;
                if (!page.Complete)
                    return Refuse(began, "the platform left something out");
                foreach (var item in page.Items)
                {
                    // One object on two pages: the pages moved while we read, so another one may stand on none.
                    if (!item.Parts.IsDefaultOrEmpty && !seen.Add((item.Name, item.Incarnation, item.Parts[0].Name, item.Parts[0].Id)))
                        return Refuse(began, $"{item.Parts[0].Id} stands in it twice: the pages moved");
                    items.Add(item);
                }
                cursor = page.Next;
                if (cursor is not null && !cursors.Add(cursor))
                    return Refuse(began, "its cursor leads back to a page that was read already");
            }
            while (cursor is not null);
        }
        return new ListingResult(items.ToImmutable(), began, null);
    }

    private static ListingResult Refuse(DateTimeOffset began, string why) =>
        new([], began, new DriverError { Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied, Message = $"The listing isn't complete: {why}." });
}
