using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>
/// A platform and a ledger that change at random, and the collector's pure choice over them. It knows the truth of every object apart from
/// what the collector is told, so that it can judge each deletion.
/// </summary>
internal sealed class CollectionWorld(int seed, Func<CollectorInput, CollectorInput>? bug = null, bool believesIncomplete = false)
{
    private const string Own = "own";
    private static readonly TimeSpan Floor = TimeSpan.FromHours(1);

    private readonly Random _random = new(seed);
    private readonly List<Thing> _things = [];
    private readonly Dictionary<string, Entry> _ledger = [];
    private readonly HashSet<string> _retained = [];
    private readonly List<DateTimeOffset> _begun = [];
    private readonly List<DateTimeOffset> _trulyBegun = [];
    private Dictionary<string, Entry> _cache = [];
    private SightingBook _book = SightingBook.Empty;
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long _round;
    private int _names = 1;
    private int _ids;

    public int Deletions { get; private set; }

    /// <summary>Deletions by what was deleted: proof that the model reaches them.</summary>
    public Dictionary<FindingType, int> Deleted { get; } = [];

    /// <summary>What was wrong with a deletion; null while none was.</summary>
    public string? Wrong { get; private set; }

    /// <summary>One collection: the world moves, a listing is made, findings are judged, and what may go goes.</summary>
    public void Collect()
    {
        _now += TimeSpan.FromMinutes(_random.Next(5, 45));
        if (_random.Next(40) == 0)
            // The host's clock is put back.
            _now -= TimeSpan.FromMinutes(_random.Next(1, 50));
        for (var i = _random.Next(4); i > 0; i--)
            Move(beforeListing: true);
        if (_random.Next(3) > 0)
            _cache = new(_ledger);
        var policy = new CollectorPolicyInForce { Delete = _random.Next(8) > 0, AgeFloor = _random.Next(4) == 0 ? TimeSpan.Zero : Floor, Budget = 3 };

        // A page that fails, a place that is left out, pages that move: nothing is concluded and what was seen before is forgotten.
        var complete = _random.Next(6) > 0;
        var visible = _things.Where(t => t.Marked && (!t.Foreign || t.Lies) && t.VisibleFrom <= _now).ToList();
        if (!complete)
            visible = [.. visible.Where(_ => _random.Next(3) > 0)];
        _round++;
        if (complete || believesIncomplete)
            _book = _book.After(ResourceKind.Disk, _round, _now, visible.Select(t => t.Listed()));
        else
            _book = SightingBook.Empty;
        foreach (var thing in _things.Where(t => !visible.Contains(t)))
            thing.Seen.Clear();
        foreach (var thing in visible)
            if (complete)
                thing.Seen.Add((_round, _now));
            else
                thing.Seen.Clear();
        if (!complete && !believesIncomplete)
            return;

        for (var i = _random.Next(3); i > 0; i--)
            Move();
        foreach (var sighting in _book.All.ToList())
            if (Judge(sighting, _cache, _now, policy) is Verdict.Delete)
                Delete(sighting, policy);
    }

    private void Delete(Sighting sighting, CollectorPolicyInForce policy)
    {
        // Between choice and call somebody else writes, then the ledger is read live; it may not answer.
        if (_random.Next(3) == 0)
            Move();
        var answers = _random.Next(10) > 0;
        if (Judge(sighting, _ledger, answers ? _now : null, policy) is not Verdict.Delete)
            return;
        var look = _things.Find(t => t.Id == sighting.Id && t.Marked);
        var shown = look is null ? new Look { Presence = Presence.Absent } : new Look
        {
            Presence = Presence.Present, Mark = look.Foreign ? MarkState.Foreign : look.Name == sighting.Name ? MarkState.Ours : MarkState.Foreign, Incarnation = look.Incarnation,
            Parts = [new Part { Name = "disk", Id = look.Id }], Next = new Step { Part = "disk", Verb = StepVerb.Delete, Class = CreateClass.Repeatable },
        };
        if (CollectorRules.Shown(shown, [sighting], _ledger.GetValueOrDefault(sighting.Name)?.Known()) is not null)
            return;
        Check(look!, sighting, answers, policy);
        _things.Remove(look!);
        _begun.Add(_now);
        _trulyBegun.Add(_now);
        Deletions++;
        var type = _ledger.ContainsKey(sighting.Name) ? FindingType.EarlierLife : FindingType.Orphan;
        Deleted[type] = Deleted.GetValueOrDefault(type) + 1;
    }

    private Verdict Judge(Sighting sighting, Dictionary<string, Entry> ledger, DateTimeOffset? readAt, CollectorPolicyInForce policy)
    {
        var input = new CollectorInput
        {
            Sighting = sighting, Entry = ledger.GetValueOrDefault(sighting.Name)?.Known(), ReadAt = readAt, Installation = Own, Policy = policy, Begun = _begun,
            Retained = _retained.Contains(sighting.Name), MayMutate = true, Now = _now,
        };
        return CollectorRules.Judge(bug is null ? input : bug(input));
    }

    /// <summary>The oracle: from the truth, not from what the collector keeps.</summary>
    private void Check(Thing thing, Sighting sighting, bool read, CollectorPolicyInForce policy)
    {
        void Must(bool holds, string what)
        {
            if (!holds)
                Wrong ??= $"seed {seed}, collection {_round}: {what}: {thing.Name}/{thing.Incarnation} {thing.Id}";
        }

        var entry = _ledger.GetValueOrDefault(thing.Name);
        Must(policy.Delete, "deleted although the policy reports");
        Must(read, "deleted without a fresh read of the ledger");
        Must(thing.Marked && !thing.Foreign, "deleted what isn't ours");
        Must(entry is null || (entry.Settled && thing.Incarnation > 0 && thing.Incarnation < entry.Incarnation), "deleted what has an entry");
        Must(entry is null || !entry.Ids.Contains(thing.Id), "deleted what is recorded");
        Must(!_retained.Contains(thing.Name), "deleted what was to be kept");
        Must(thing.Seen.Select(s => s.Round).Distinct().Count() >= 2, "deleted what was seen once");
        Must(thing.Seen.Count > 0 && _now - thing.Seen[0].At >= policy.AgeFloor && (thing.CreatedAt is not { } born || _now - born >= policy.AgeFloor), "deleted what is too young");
        Must(_trulyBegun.Count(t => t > _now - TimeSpan.FromHours(1)) < policy.Budget, "deleted beyond the budget");
        Must(sighting.Name == thing.Name && sighting.Incarnation == thing.Incarnation, "deleted another object under a known id");
    }

    /// <summary>Somebody does something.</summary>
    private void Move(bool beforeListing = false)
    {
        var name = $"n{_random.Next(_names)}";
        switch (_random.Next(11))
        {
            case 0 or 1:
                // A new entry, and its object, which may stay hidden for a while.
                name = $"n{_names++}";
                var made = Make(name, 1);
                _ledger[name] = new Entry { Incarnation = 1, Ids = [made.Id], Settled = _random.Next(4) > 0 };
                break;
            case 2 when _ledger.TryGetValue(name, out var known):
                // A replacement: the old object goes, but one that came late may stay behind.
                if (_random.Next(2) == 0)
                    _things.RemoveAll(t => t.Name == name && known.Ids.Contains(t.Id));
                var next = Make(name, known.Incarnation + 1);
                _ledger[name] = new Entry { Incarnation = known.Incarnation + 1, Ids = [next.Id], Settled = _random.Next(3) > 0 };
                break;
            case 3:
                // The entry is lost; its object stays.
                _ledger.Remove(name);
                break;
            case 4:
                // Released for good.
                _things.RemoveAll(t => t.Name == name && _random.Next(8) > 0);
                _ledger.Remove(name);
                break;
            case 5:
                // A lost entry is made again under its name; its record may be empty, or an older one.
                if (!_ledger.ContainsKey(name))
                    _ledger[name] = new Entry
                    {
                        Incarnation = _random.Next(1, 3), Ids = _things.Find(t => t.Name == name) is { } there && _random.Next(2) == 0 ? [there.Id] : [], Settled = false,
                    };
                break;
            case 6:
                // A person copies it, mark and all.
                if (_things.Find(t => t.Name == name) is { } original)
                    _things.Add(Born(new Thing { Name = name, Incarnation = original.Incarnation, Id = $"i{_ids++}", Marked = true }));
                break;
            case 7:
                // Another installation's, in a listing that shows it all the same; or something without any mark.
                _things.Add(Born(new Thing { Name = name, Incarnation = 1, Id = $"i{_ids++}", Marked = _random.Next(2) == 0, Foreign = true, Lies = _random.Next(2) == 0 }));
                break;
            case 8:
                // The platform uses an id again, and says when. That one of the same mark is in its place can only be seen by a listing; without one, it is another's.
                if (_things.Count > 0 && _things[_random.Next(_things.Count)] is { CreatedAt: not null } gone && gone.CreatedAt != _now)
                {
                    _things.Remove(gone);
                    var again = beforeListing && _random.Next(2) == 0 ? gone.Name : $"n{_names++}";
                    if (again != gone.Name && _random.Next(2) == 0)
                        _ledger[again] = new Entry { Incarnation = 1, Ids = [gone.Id], Settled = true };
                    _things.Add(new Thing { Name = again, Incarnation = gone.Incarnation, Id = gone.Id, Marked = gone.Marked, Foreign = gone.Foreign, Lies = gone.Lies, CreatedAt = _now, VisibleFrom = _now });
                }
                break;
            case 9 when _random.Next(3) == 0 && _ledger.Remove(name):
                _retained.Add(name);
                break;
            case 10 when _ledger.TryGetValue(name, out var open):
                _ledger[name] = new Entry { Incarnation = open.Incarnation, Ids = open.Ids, Settled = !open.Settled };
                break;
        }
    }

    private Thing Make(string name, long incarnation)
    {
        var thing = Born(new Thing { Name = name, Incarnation = _random.Next(12) == 0 ? 0 : incarnation, Id = $"i{_ids++}", Marked = true });
        _things.Add(thing);
        return thing;
    }

    private Thing Born(Thing thing) => new()
    {
        Name = thing.Name, Incarnation = thing.Incarnation, Id = thing.Id, Marked = thing.Marked, Foreign = thing.Foreign, Lies = thing.Lies,
        VisibleFrom = _now + TimeSpan.FromMinutes(_random.Next(3) * _random.Next(40)),
        // The platform's clock is hours off, or it doesn't say.
        CreatedAt = _random.Next(4) == 0 ? null : _now + TimeSpan.FromMinutes(_random.Next(5) == 0 ? _random.Next(-300, 300) : 0),
    };

    private sealed class Thing
    {
        public required string Name { get; init; }
        public required long Incarnation { get; init; }
        public required string Id { get; init; }
        public bool Marked { get; init; }
        public bool Foreign { get; init; }

        /// <summary>The platform's filter shows it to others as well.</summary>
        public bool Lies { get; init; }

        public DateTimeOffset VisibleFrom { get; init; }
        public DateTimeOffset? CreatedAt { get; init; }

        /// <summary>The complete listings in a row that showed it.</summary>
        public List<(long Round, DateTimeOffset At)> Seen { get; } = [];

        public ListedObject Listed() => new()
        {
            Name = Name, Incarnation = Incarnation, Parts = [new Part { Name = "disk", Id = Id }], State = Lifecycle.Ready, Fingerprint = "", CreatedAt = CreatedAt,
        };
    }

    private sealed class Entry
    {
        public required long Incarnation { get; init; }
        public required ImmutableArray<string> Ids { get; init; }
        public required bool Settled { get; init; }

        public KnownEntry Known() => new()
        {
            Installation = Own, Incarnation = Incarnation, Parts = Ids.ToImmutableDictionary(_ => "disk", i => i), Recorded = [.. Ids], Settled = Settled,
        };
    }
}
