using System.Globalization;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// Pages of lists that the platform gives whole. A cursor says of what the list is and after which object it goes on, so that any session can.
/// </summary>
internal static class Slices
{
    public static Answer<ListPage<TFacts>> Of<TFacts>(IEnumerable<Listed<TFacts>> items, ListQuery query, ResourceKind kind, string? cursor, bool complete = true) where TFacts : ResourceFacts
    {
        var head = $"{ResourceNames.Prefix(kind)}.{query.Installation}.";
        if (cursor is not null && (!cursor.StartsWith(head, StringComparison.Ordinal) || cursor.Length == head.Length || cursor.Length > 512))
            return Api.PveErrors.NotOurCursor();
        var after = cursor?[head.Length..] ?? "";
        var rest = items.Select(i => (Key: i.Parts[0].Id, Item: i)).OrderBy(i => i.Key, StringComparer.Ordinal).Where(i => string.CompareOrdinal(i.Key, after) > 0).ToList();
        var size = query.PageSize > 0 ? query.PageSize : int.MaxValue;
        return new ListPage<TFacts>
        {
            Items = [.. rest.Take(size).Select(i => i.Item)],
            Next = rest.Count > size ? head + rest[size - 1].Key : null,
            Complete = complete,
        };
    }

    public static Answer<CatalogPage<T>> Catalog<T>(IEnumerable<(string Key, T Item)> items, CatalogQuery query, string? cursor)
    {
        const string head = "images.";
        if (cursor is not null && (!cursor.StartsWith(head, StringComparison.Ordinal) || cursor.Length > 512))
            return Api.PveErrors.NotOurCursor();
        var after = cursor?[head.Length..] ?? "";
        var rest = items.OrderBy(i => i.Key, StringComparer.Ordinal).Where(i => string.CompareOrdinal(i.Key, after) > 0).ToList();
        var size = query.PageSize > 0 ? query.PageSize : int.MaxValue;
        return new CatalogPage<T> { Items = [.. rest.Take(size).Select(i => i.Item)], Next = rest.Count > size ? head + rest[size - 1].Key : null };
    }

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
