using System.Globalization;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>A moment in an object's life.</summary>
public enum AuditEvent
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>It exists from here on.</summary>
    Created = 1,

    /// <summary>It exists no more: deleted through the API, or undone by a failed operation.</summary>
    Deleted = 2,

    /// <summary>It exists no more: taken away behind everyone's back.</summary>
    Vanished = 3,

    /// <summary>It existed when the platform started.</summary>
    Loaded = 4,

    /// <summary>It exists as before and carries another mark, or none: adopted or released through the API.</summary>
    Marked = 5,
}

/// <summary>One line of the audit log.</summary>
public sealed record AuditEntry
{
    /// <summary>From 1, in the order in which things happened.</summary>
    public required long Number { get; init; }

    /// <summary>When, by the platform's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What.</summary>
    public required AuditEvent Event { get; init; }

    /// <summary>The collection.</summary>
    public required string Collection { get; init; }

    /// <summary>The object's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its mark as it was at that moment; null when it had none.</summary>
    public Mark? Mark { get; init; }
}

/// <summary>How many objects answered to one identity, part and incarnation.</summary>
public sealed record AuditLife
{
    /// <summary>The mark that they share.</summary>
    public required Mark Mark { get; init; }

    /// <summary>The collection.</summary>
    public required string Collection { get; init; }

    /// <summary>How many exist now.</summary>
    public required int Alive { get; init; }

    /// <summary>How many existed at one moment at most. Law L1: never above 1.</summary>
    public required int MaxAlive { get; init; }

    /// <summary>How many were ever made.</summary>
    public required int Created { get; init; }
}

/// <summary>
/// Watches from outside how many objects live for one identity and incarnation, so that law L1 can be checked without trusting driver or host.
/// </summary>
public sealed class CloudAudit
{
    private readonly Lock _gate = new();
    private readonly List<AuditEntry> _log = [];
    private readonly Dictionary<(string Collection, Mark Mark), (int Alive, int Max, int Created)> _lives = [];
    private readonly Dictionary<string, Mark?> _marks = [];

    /// <summary>Everything that happened, in order.</summary>
    public ImmutableArray<AuditEntry> Log { get { lock (_gate) return [.. _log]; } }

    /// <summary>One entry for each (collection, identity, part, incarnation) that ever had an object.</summary>
    public ImmutableArray<AuditLife> Lives
    {
        get
        {
            lock (_gate)
                return [.. _lives.Select(p => new AuditLife { Mark = p.Key.Mark, Collection = p.Key.Collection, Alive = p.Value.Alive, MaxAlive = p.Value.Max, Created = p.Value.Created })];
        }
    }

    /// <summary>Where law L1 was broken, as text; empty when it held.</summary>
    public ImmutableArray<string> Violations =>
        [.. Lives.Where(l => l.MaxAlive > 1).Select(l => string.Create(CultureInfo.InvariantCulture,
            $"{l.MaxAlive} of {l.Collection} at once for {Marks.ToText(l.Mark)}"))];

    /// <summary>The most objects of any one identity, part and incarnation at one moment.</summary>
    public int MaxAlive => Lives.Select(l => l.MaxAlive).DefaultIfEmpty(0).Max();

    /// <summary>What is alive of one identity, over all collections, parts and incarnations.</summary>
    public int AliveOf(string identityName) => Lives.Where(l => l.Mark.Name == identityName).Sum(l => l.Alive);

    internal void Record(AuditEvent what, CloudObject item, DateTimeOffset at)
    {
        lock (_gate)
        {
            // A life is counted under the mark that it began with, also when somebody changes the mark behind everyone's back.
            var given = Marks.Parse(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty);
            var mark = _marks.Remove(item.Id, out var begun) ? begun : given;
            if (what == AuditEvent.Marked)
            {
                _marks[item.Id] = given;
                if (given == mark)
                    return;
                Count(item.Collection, mark, -1, 0);
                Count(item.Collection, given, 1, 0);
                mark = given;
            }
            else if (what is AuditEvent.Created or AuditEvent.Loaded)
            {
                _marks[item.Id] = mark;
                Count(item.Collection, mark, 1, 1);
            }
            else
            {
                Count(item.Collection, mark, -1, 0);
            }

            _log.Add(new AuditEntry { Number = _log.Count + 1, At = at, Event = what, Collection = item.Collection, Id = item.Id, Mark = mark });
        }
    }

    private void Count(string collection, Mark? mark, int alive, int created)
    {
        if (mark is null)
            return;
        var life = _lives.GetValueOrDefault((collection, mark));
        life.Alive += alive;
        life.Max = Math.Max(life.Max, life.Alive);
        life.Created += created;
        _lives[(collection, mark)] = life;
    }
}

/// <summary>What was called how often.</summary>
public sealed record CloudStatistics
{
    /// <summary>Requests that arrived, by <c>METHOD Kind</c>; account and operations count as <c>Unknown</c>.</summary>
    public required ImmutableSortedDictionary<string, long> Calls { get; init; }

    /// <summary>Objects made, by collection.</summary>
    public required ImmutableSortedDictionary<string, long> Creates { get; init; }

    /// <summary>All requests.</summary>
    public long Total => Calls.Values.Sum();

    /// <summary>Requests of one method and kind.</summary>
    public long Of(HttpMethod method, ResourceKind kind) => Calls.GetValueOrDefault($"{method} {kind}");

    /// <summary>Requests that could change something.</summary>
    public long Mutations => Calls.Where(c => !c.Key.StartsWith("GET ", StringComparison.Ordinal)).Sum(c => c.Value);
}
