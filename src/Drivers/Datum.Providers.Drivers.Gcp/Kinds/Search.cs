using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>Searches over all zones or regions, for what no recorded path leads to.</summary>
internal static class Search
{
    /// <summary>Objects of our name, for kinds whose mark stands in a description.</summary>
    public static string ByName(string name) => $"name = \"{name}\"";

    /// <summary>Objects of our name, and those that carry the identity's mark under another one: what was adopted.</summary>
    public static string ByNameOrMark(string name, Identity id) => $"(name = \"{name}\") OR (labels.{Marks.NameKey} = \"{id.Name}\")";

    /// <summary>Everything that the filter lets through; an error when a part of the platform didn't answer.</summary>
    /// <param name="partial">True: zones that the platform itself left out of its answer aren't waited for.</param>
    public static async ValueTask<(ImmutableArray<T> All, DriverError? Error)> AllAsync<T>(GcpApi api, Call call, string collection, string filter, JsonTypeInfo<T> type, bool partial = false) where T : class
    {
        var request = RestRequest.Get(RestRequest.WithQuery($"aggregated/{collection}", new KeyValuePair<string, string?>("filter", filter)));
        var pages = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), api.Project, collection, filter).AllAsync(api.Compute, call, request);
        if (pages.Error is { } error)
            return ([], error);
        var all = ImmutableArray.CreateBuilder<T>();
        foreach (var answer in pages.Value!.Pages)
        {
            var page = GcpApi.ReadPage(answer, collection, type);
            if (page.Value is not { } read)
                return ([], page.Error);
            if (!read.Complete && !partial)
                return ([], GcpErrors.Refused(ErrorCode.Unavailable, $"A part of the platform didn't answer the search in {collection} for {filter}; nothing is concluded from it."));
            all.AddRange(read.Items);
        }

        return (all.ToImmutable(), null);
    }

    /// <summary>
    /// Those that answer to the identity. Our own name comes first: the platform gives it to one object of a place, while a person's copy carries
    /// our labels under a name of its own. Under another name only what was adopted counts.
    /// </summary>
    /// <param name="wished">True: what carries another's mark elsewhere is in nobody's way.</param>
    public static ImmutableArray<T> Pick<T>(IEnumerable<T> all, Identity id, string name, Func<T, Mark?> markOf, Func<T, bool> isAdopted, bool wished) where T : ComputeObject
    {
        var marked = all.Where(i => markOf(i) is not null).ToList();
        var ours = marked.Where(i => Marks.Compare(id, markOf(i)) == MarkState.Ours).ToList();
        var named = ours.Where(i => i.Name == name).ToImmutableArray();
        if (named.Length > 0)
            return named;
        var adopted = ours.Where(isAdopted).ToImmutableArray();
        return adopted.Length > 0 || wished ? adopted : [.. marked.Where(i => i.Name == name)];
    }
}

/// <summary>Operations that are under way on an object which reads don't show.</summary>
internal static class PendingWork
{
    public static async ValueTask<(Progress? Progress, DriverError? Error)> FindAsync(GcpApi api, Call call, string collection, string name)
    {
        // One regular expression at most: the platform refuses filters with several. What has ended is told apart here.
        var (all, error) = await Search.AllAsync(api, call, "operations", $"targetLink eq \".*/{collection}/{name}\"", GcpJson.Default.GcpOperation);
        return error is null && all.Any(o => o.Status != "DONE")
            ? (new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = "an operation on it is under way" }, null)
            : (null, error);
    }
}
