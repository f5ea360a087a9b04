namespace Datum.Providers.Drivers.Podman;

/// <summary>Pages of listings, which Podman gives whole: in the order of names and ids. A cursor is the last key that was shown, so any session can go on (DC-59).</summary>
internal static class Pages
{
    /// <summary>Null when the cursor is none, or one of this kind's listing: another kind's isn't taken for a place behind the end.</summary>
    public static DriverError? Bad(ResourceKind kind, string? cursor) => cursor is null || cursor.StartsWith(Prefix(kind), StringComparison.Ordinal) ? null : new DriverError
    {
        Code = ErrorCode.PreconditionFailed,
        Effect = Effect.NotApplied,
        Message = "The cursor isn't one of this listing; begin again.",
    };

    /// <summary>The page after the cursor; at most <paramref name="size"/> items, or all for 0.</summary>
    public static ListPage<TFacts> Of<TFacts>(ResourceKind kind, IEnumerable<Listed<TFacts>> items, int size, string? cursor) where TFacts : ResourceFacts
    {
        var rest = items.Select(i => (Key: $"{i.Name}/{(i.Parts.IsEmpty ? "" : i.Parts[0].Id)}", Item: i)).OrderBy(i => i.Key, StringComparer.Ordinal)
            .SkipWhile(i => cursor is not null && string.CompareOrdinal(i.Key, cursor[Prefix(kind).Length..]) <= 0).ToList();
        var shown = size > 0 && rest.Count > size ? rest[..size] : rest;
        return new ListPage<TFacts>
        {
            Items = [.. shown.Select(i => i.Item)],
            Next = shown.Count < rest.Count ? Prefix(kind) + shown[^1].Key : null,
            Complete = true,
        };
    }

    private static string Prefix(ResourceKind kind) => $"after-{ResourceNames.Prefix(kind)}:";
}
