using System.Globalization;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>A mark as it was read from an object.</summary>
public sealed record Mark
{
    /// <summary>The installation.</summary>
    public required string Installation { get; init; }

    /// <summary>The kind.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary><see cref="Identity.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The incarnation; 0 when the mark holds none.</summary>
    public long Incarnation { get; init; }

    /// <summary>The part of the resource; null for its main object.</summary>
    public string? Part { get; init; }
}

/// <summary>
/// The ownership mark: who made an object and for what, in keys and values or in flat tags. Values hold only <c>[a-z0-9-]</c> and at most 40 characters.
/// </summary>
public static class Marks
{
    /// <summary>The key of the installation.</summary>
    public const string InstallKey = "datum-install";

    /// <summary>The key of the kind's short word (<see cref="ResourceNames.Prefix"/>).</summary>
    public const string KindKey = "datum-kind";

    /// <summary>The key of the identity's name.</summary>
    public const string NameKey = "datum-name";

    /// <summary>The key of the incarnation.</summary>
    public const string IncarnationKey = "datum-incarnation";

    /// <summary>The key of the part; absent on the main object.</summary>
    public const string PartKey = "datum-part";

    /// <summary>The mark of the resource, or of one of its parts.</summary>
    public static Mark For(Identity id, string? part = null) => new()
    {
        Installation = id.Installation,
        Kind = id.Kind,
        Name = id.Name,
        Incarnation = id.Incarnation,
        Part = part,
    };

    /// <summary>As keys and values.</summary>
    public static ImmutableDictionary<string, string> ToPairs(Mark mark)
    {
        var pairs = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        pairs[InstallKey] = mark.Installation;
        pairs[KindKey] = ResourceNames.Prefix(mark.Kind);
        pairs[NameKey] = mark.Name;
        if (mark.Incarnation > 0)
            pairs[IncarnationKey] = mark.Incarnation.ToString(CultureInfo.InvariantCulture);
        if (mark.Part is not null)
            pairs[PartKey] = mark.Part;
        return pairs.ToImmutable();
    }

    /// <summary>As flat tags <c>datum-install-x</c>, <c>datum-kind-ins</c> and so on; at most 51 characters each.</summary>
    public static ImmutableArray<string> ToTags(Mark mark) =>
        [.. ToPairs(mark).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}-{p.Value}")];

    /// <summary>The tag that a listing filters by: every object of the installation carries it.</summary>
    public static string InstallTag(string installation) => $"{InstallKey}-{installation}";

    /// <summary>As one text for a name or description: <c>datum:INSTALL:ins:NAME:INCARNATION</c>, with the part at the end.</summary>
    public static string ToText(Mark mark)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"datum:{mark.Installation}:{ResourceNames.Prefix(mark.Kind)}:{mark.Name}:{mark.Incarnation}");
        if (mark.Part is not null)
            text.Append(':').Append(mark.Part);
        return text.ToString();
    }

    /// <summary>Reads keys and values; null when they are no mark. A mark with an unreadable incarnation holds none.</summary>
    public static Mark? Parse(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        string? install = null, kind = null, name = null, incarnation = null, part = null;
        foreach (var (key, value) in pairs)
        {
            switch (key)
            {
                case InstallKey: install = value; break;
                case KindKey: kind = value; break;
                case NameKey: name = value; break;
                case IncarnationKey: incarnation = value; break;
                case PartKey: part = value; break;
                default: break;
            }
        }

        return Build(install, kind, name, incarnation, part);
    }

    /// <summary>Reads flat tags; null when they are no mark, and when they hold parts of two: a copy that was marked again is nobody's.</summary>
    public static Mark? ParseTags(IEnumerable<string> tags)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in tags)
            foreach (var key in (ReadOnlySpan<string>)[InstallKey, KindKey, NameKey, IncarnationKey, PartKey])
                if (tag.Length > key.Length + 1 && tag.StartsWith(key, StringComparison.Ordinal) && tag[key.Length] == '-'
                    && !pairs.TryAdd(key, tag[(key.Length + 1)..]) && pairs[key] != tag[(key.Length + 1)..])
                    return null;
        return Parse(pairs);
    }

    /// <summary>Reads what <see cref="ToText"/> wrote; null when it is no mark.</summary>
    public static Mark? ParseText(string? text)
    {
        var fields = (text ?? "").Split(':');
        return fields is ["datum", var install, var kind, var name, var incarnation, ..] && fields.Length <= 6
            ? Build(install, kind, name, incarnation, fields.Length == 6 ? fields[5] : null)
            : null;
    }

    /// <summary>
    /// Whose the object is (law L3). An earlier or later incarnation of the identity is still ours; the caller compares incarnations where it matters.
    /// A mark for another part than <paramref name="part"/> is foreign.
    /// </summary>
    public static MarkState Compare(Identity id, Mark? mark, string? part = null)
    {
        if (mark is null)
            return MarkState.Missing;
        return mark.Installation == id.Installation && mark.Kind == id.Kind && mark.Name == id.Name && mark.Part == part
            ? MarkState.Ours
            : MarkState.Foreign;
    }

    private static Mark? Build(string? install, string? kind, string? name, string? incarnation, string? part) =>
        string.IsNullOrEmpty(install) || string.IsNullOrEmpty(name) || ResourceNames.KindOf(kind ?? "") is not { } known
            ? null
            : new Mark
            {
                Installation = install,
                Kind = known,
                Name = name,
                Incarnation = long.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0,
                Part = string.IsNullOrEmpty(part) ? null : part,
            };
}
