using System.Globalization;
using System.Text;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>How a node stands.</summary>
internal enum Mark
{
    Ok = 0,
    /// <summary>Not ready, and it goes on by itself or waits for something else.</summary>
    Waiting = 1,
    Failed = 2,
    /// <summary>Nobody could look.</summary>
    Unknown = 3,
}

/// <summary>
/// One object of the tree. Needs stand in its way while they aren't ready; children are what was made for it. A node that several
/// others need is one object in all of them. Texts from outside are cleaned when they are set.
/// </summary>
internal sealed class TraceNode(string kind, string? ns, string name)
{
    public string Kind { get; } = kind;

    public string? Namespace { get; } = ns is null ? null : Clean(ns);

    public string Name { get; } = Clean(name);

    public string Key => $"{Kind} {(Namespace is null ? "" : Namespace + "/")}{Name}";

    /// <summary>Stands behind the name in text, e.g. what an entry is of.</summary>
    public string? Label { get; set => field = value is null ? null : Clean(value); }

    public Mark Mark { get; set; }

    /// <summary>Type and status of the condition that decides; null where the kind has none.</summary>
    public string? Condition { get; set; }

    public string? Status { get; set; }

    public string Reason { get; set => field = Clean(value); } = "";

    public string Message { get; set => field = Clean(value); } = "";

    public DateTimeOffset? Created { get; set; }

    /// <summary>When the condition's status changed last.</summary>
    public DateTimeOffset? Since { get; set; }

    public long? Generation { get; set; }

    /// <summary>The generation that the condition was written for, where it is older than the object's.</summary>
    public long? SeenGeneration { get; set; }

    public bool Deleting { get; set; }

    /// <summary>The object is named by another one and isn't there.</summary>
    public bool Missing { get; set; }

    /// <summary>Only told, never a cause: what the platform shows.</summary>
    public bool Informational { get; set; }

    /// <summary>The kind by which the advice is looked up, where it isn't <see cref="Kind"/>.</summary>
    public string? AdviceKind { get; set; }

    /// <summary>More for a person, a line each.</summary>
    public List<string> Details { get; } = [];

    /// <summary>Names for the advice; those of the nearest node count.</summary>
    public Dictionary<string, string> Facts { get; } = new(StringComparer.Ordinal);

    public List<TraceNode> Needs { get; } = [];

    public List<TraceNode> Children { get; } = [];

    public IEnumerable<TraceNode> Below => Needs.Concat(Children);

    public void Detail(string text) => Details.Add(Clean(text));

    public void Fact(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            Facts[name] = Clean(value);
    }

    /// <summary>Control and format characters (terminal sequences, direction marks) become blanks.</summary>
    public static string Clean(string text)
    {
        var clean = true;
        foreach (var rune in text.EnumerateRunes())
            clean &= !IsHidden(rune);
        if (clean)
            return text;
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            result.Append(IsHidden(rune) ? " " : rune.ToString());
        return string.Join(' ', result.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned;
}

/// <summary>Whether a host holds its lease, as far as it can be seen.</summary>
internal enum HostState
{
    /// <summary>No lease: a development host, or none at all.</summary>
    NoLease = 0,
    Held = 1,
    /// <summary>There is a lease and nobody renews it.</summary>
    Silent = 2,
    NotReadable = 3,
}

/// <param name="Text">For people.</param>
internal sealed record HostSight(HostState State, string Text);

/// <summary>What couldn't be read.</summary>
internal sealed record TraceGap(string Plural, string Message);

/// <summary>The whole: from the topmost owner down, with the object that was asked for in it.</summary>
internal sealed class TraceTree
{
    public required TraceNode Top { get; init; }

    public required TraceNode Focus { get; init; }

    public required HostSight Host { get; init; }

    public required DateTimeOffset Now { get; init; }

    public IReadOnlyList<TraceGap> Gaps { get; init; } = [];
}
