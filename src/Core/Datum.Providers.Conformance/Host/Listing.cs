using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>Reads whole listings, and the platform's objects with their revisions.</summary>
internal static class Listing
{
    private const int MostPages = 2000;

    /// <summary>A query for the partition in which samples of the kind live.</summary>
    public static ListQuery Query(KindRun run, ResourceSpec spec, int pageSize = 100, string? installation = null) => new()
    {
        Installation = installation ?? run.World.Connection.Installation,
        PageSize = pageSize,
        Partition = run.Descriptor.ListPartition is { } field && spec.LocationJson is { } location ? FieldOf(location, field) : null,
    };

    /// <summary>Lets the declared window pass, after which looks and listings show everything.</summary>
    public static ValueTask SettleAsync(KindRun run) => run.World.PassAsync(run.Descriptor.ConsistencyWindow);

    /// <summary>All pages. Fails the case when one is refused or incomplete.</summary>
    public static async Task<List<PageItem>> AllAsync(KindRun run, ListQuery query, string? cursor = null, Func<Task<KindVerbs>>? verbs = null)
    {
        var items = new List<PageItem>();
        var cursors = new HashSet<string>(StringComparer.Ordinal);
        for (var pages = 0; pages < MostPages; pages++)
        {
            var page = await (await (verbs ?? run.VerbsAsync)()).ListAsync(query, cursor);
            KindRun.Expect(page.Error is null, $"Page {pages + 1} of a healthy platform: {page}");
            KindRun.Expect(page.Complete, $"Page {pages + 1} says that the platform left something out, but nothing was (DC-58): {page}");
            KindRun.Expect(query.PageSize == 0 || page.Items.Length <= query.PageSize, $"A page of at most {query.PageSize} has {page.Items.Length} items.");
            items.AddRange(page.Items);
            if (page.Next is not { } next)
                return items;
            KindRun.Expect(cursors.Add(next), $"The cursor '{next}' came twice; the listing has no end (DC-59).");
            cursor = next;
        }

        throw new CaseFailedException($"The listing has more than {MostPages} pages.");
    }

    /// <summary>All parts that items of an identity show: name and id, each once (DC-57).</summary>
    public static ImmutableArray<Part> PartsOf(IEnumerable<PageItem> items, Identity id) =>
        [.. items.Where(i => i.Name == id.Name).SelectMany(i => i.Parts).DistinctBy(p => (p.Name, p.Id)).OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Id, StringComparer.Ordinal)];

    /// <summary>Fails the case unless the items show exactly the recorded parts.</summary>
    public static void ExpectShown(IEnumerable<PageItem> items, Resource resource, string when)
    {
        var all = items.ToList();
        var shown = PartsOf(all, resource.Identity);
        ImmutableArray<Part> recorded = [.. resource.Identity.Parts.OrderBy(p => p.Name, StringComparer.Ordinal)];
        KindRun.Expect(shown.Select(p => (p.Name, p.Id)).SequenceEqual(recorded.Select(p => (p.Name, p.Id))),
            $"{when} the listing shows parts ({Show.Of(shown)}) of {resource.Identity.Name}, recorded are ({Show.Of(recorded)}) (DC-56); listed: {string.Join("; ", all.Select(i => i.Name + " " + Show.Of(i.Parts)))}");
    }

    /// <summary>Objects of our mark by id, with their revisions.</summary>
    public static async Task<ImmutableSortedDictionary<string, string>> ObjectsAsync(KindRun run) =>
        (await run.Run.Need<ICensus>().CountAsync()).ToImmutableSortedDictionary(o => o.Id, o => o.Revision ?? "", StringComparer.Ordinal);

    /// <summary>What differs between two counts; empty when nothing does.</summary>
    public static string Difference(ImmutableSortedDictionary<string, string> before, ImmutableSortedDictionary<string, string> after) => string.Join(", ",
        before.Keys.Except(after.Keys).Select(i => $"{i} is gone")
            .Concat(after.Keys.Except(before.Keys).Select(i => $"{i} is new"))
            .Concat(before.Where(b => after.TryGetValue(b.Key, out var now) && now != b.Value).Select(b => $"{b.Key} was changed ({b.Value} to {after[b.Key]})")));

    private static string? FieldOf(string location, string field)
    {
        using var json = JsonDocument.Parse(location);
        return json.RootElement.TryGetProperty(field, out var value) ? value.GetString() : null;
    }
}
