using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// What one account's objects did lately: which vanished, by looks and by listings, and which replacements are planned. Counts, and holds
/// when the count of law L15 is passed. Guarded by its own lock; memory only, since a listing and a look find all of it again.
/// </summary>
internal sealed class AccountWatch(AccountKey account)
{
    /// <summary>A vanished object that was made again counts for this long: what one round takes.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(30);

    /// <summary>One that can't be made again (paused, no room) stops counting after this long: it isn't of this round any more.</summary>
    private static readonly TimeSpan Stuck = TimeSpan.FromMinutes(5);

    /// <summary>Replacements count for this long.</summary>
    private static readonly TimeSpan Planning = TimeSpan.FromMinutes(10);

    /// <summary>How long a planned replacement waits for others of the same cause to be planned.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (DateTimeOffset Since, DateTimeOffset Sure, bool Renewed)> _absent = new(StringComparer.Ordinal);
    private readonly Dictionary<ResourceKind, (DateTimeOffset Began, HashSet<string> Missing)> _listings = [];
    private readonly Dictionary<string, DateTimeOffset> _lookedPresent = new(StringComparer.Ordinal);
    private readonly HashSet<string> _exempt = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, DateTimeOffset>> _planned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AccountHold> _blasts = new(StringComparer.Ordinal);
    private AccountHold? _mass;
    private bool _adopting;
    private bool _restored;
    private int _cleanRounds;

    public AccountKey Account => account;

    public Func<int, Func<int>, double, bool> IsMass { get; init; } = AccountHold.IsMass;

    /// <summary>The hold on everything of the account; null while there is none that waits for a person.</summary>
    public AccountHold? Mass
    {
        get
        {
            lock (_lock)
                return _mass is { ConfirmedAt: null } ? _mass : null;
        }
    }

    /// <summary>Everything to tell, confirmed mass absences included as long as they aren't over.</summary>
    public IReadOnlyList<AccountHold> Holds
    {
        get
        {
            lock (_lock)
                return [.. (_mass is null ? [] : new[] { _mass }), .. _blasts.Values.Where(b => b.ConfirmedAt is null).OrderBy(b => b.Token, StringComparer.Ordinal)];
        }
    }

    /// <summary>Takes over what an earlier process told.</summary>
    public void Restore(AccountHold hold)
    {
        lock (_lock)
        {
            _mass ??= hold;
            _adopting = _mass.ConfirmedAt is not null;
            if (_adopting)
                _exempt.UnionWith(_mass.Entries);
            // Which parts the listings had shown isn't known any more: only a person can say that nothing is missing.
            _restored = _mass.ConfirmedAt is null;
        }
    }

    /// <summary>Forgets that these are missing: a person has said so.</summary>
    public void Exempt(string name)
    {
        lock (_lock)
            _exempt.Add(name);
    }

    /// <summary>A look found it.</summary>
    public void Present(string name, DateTimeOffset now)
    {
        lock (_lock)
        {
            _absent.Remove(name);
            _exempt.Remove(name);
            _lookedPresent[name] = now;
            // Until the listing shows it again it is missed no more than it was; then a confirmation no longer covers it.
            foreach (var (_, missing) in _listings.Values)
                missing.Remove(name);
        }
    }

    /// <summary>A look found nothing of what is recorded and wanted. True when that made the hold.</summary>
    /// <param name="hidden">How long the platform may hide it although it is there: so long it holds back what rests on absences, and calls no person yet.</param>
    public bool Absent(string name, Func<int> objects, DateTimeOffset now, TimeSpan hidden)
    {
        lock (_lock)
        {
            _lookedPresent.Remove(name);
            foreach (var (_, missing) in _listings.Values)
                missing.Remove(name);
            if (!_absent.TryGetValue(name, out var known) || known.Renewed)
                _absent[name] = (now, now + hidden, false);
            if (_adopting || _mass is { ConfirmedAt: null })
                return false;
            var names = Counted(now).FindAll(n => _absent[n].Sure <= now);
            if (!IsMass(names.Count, objects, 0.05))
                return false;
            _cleanRounds = 0;
            _restored = false;
            _mass = new AccountHold
            {
                Reason = Reasons.MassAbsence, Account = account, Since = now, Count = names.Count, Entries = [.. names.Take(AccountHold.MaxNames)],
                Token = AccountHold.TokenOf(Reasons.MassAbsence, account.ToString(), now.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture)),
                Message = $"{names.Count} of {objects()} objects vanished from account {account.AccountId} within one round. Nothing of it is made, changed or released until a person confirms that they are gone.",
            };
            return true;
        }
    }

    /// <summary>True while so many are missed by the last listing or absent that the count may yet be passed: looks are still to come.</summary>
    public bool Brewing(Func<int> objects, DateTimeOffset now)
    {
        lock (_lock)
            return _adopting || IsMass(Counted(now).Union(Missing()).Count(), objects, 0.05);
    }

    /// <summary>The next life begins: it isn't missed any more, but it vanished in this round.</summary>
    public void Renewed(string name)
    {
        lock (_lock)
        {
            if (_exempt.Remove(name))
                _absent.Remove(name);
            else if (_absent.TryGetValue(name, out var known))
                _absent[name] = known with { Renewed = true };
        }
    }

    /// <summary>True when a complete listing of the kind began after <paramref name="since"/>.</summary>
    public bool ListedSince(ResourceKind kind, DateTimeOffset since)
    {
        lock (_lock)
            return _listings.TryGetValue(kind, out var listing) && listing.Began > since;
    }

    /// <summary>A complete listing of one kind.</summary>
    /// <param name="missing">Entries that record parts, are wanted, and weren't in it.</param>
    public void Listed(ResourceKind kind, DateTimeOffset began, IEnumerable<string> missing, IReadOnlySet<string> seen)
    {
        lock (_lock)
        {
            foreach (var name in _lookedPresent.Keys.Where(seen.Contains).ToList())
                _lookedPresent.Remove(name);
            foreach (var name in _absent.Where(a => a.Value.Renewed && seen.Contains(a.Key)).Select(a => a.Key).ToList())
                if (began - _absent[name].Since > Round)
                    _absent.Remove(name);
            var list = missing.ToHashSet(StringComparer.Ordinal);
            if (_adopting)
                _exempt.UnionWith(list);
            // A look from before the listing says nothing against it: what was there then may have gone with all the rest.
            list.RemoveWhere(n => (_lookedPresent.TryGetValue(n, out var looked) && looked >= began) || _absent.ContainsKey(n));
            _listings[kind] = (began, list);
        }
    }

    /// <summary>Every kind has been listed in whole. True when a hold ended by that.</summary>
    /// <param name="missing">All that were missing in this round.</param>
    /// <param name="exists">Whether the ledger still has an entry of that name.</param>
    public bool RoundEnded(IReadOnlySet<string> missing, Func<string, bool> exists)
    {
        lock (_lock)
        {
            _adopting = false;
            _exempt.RemoveWhere(n => !exists(n));
            foreach (var name in _absent.Keys.Where(n => !exists(n)).ToList())
                _absent.Remove(name);
            var changed = false;
            foreach (var (cause, planned) in _planned.ToList())
            {
                foreach (var name in planned.Keys.Where(n => !exists(n)).ToList())
                    planned.Remove(name);
                if (planned.Count == 0)
                    changed |= Drop(cause);
            }
            if (_mass is { ConfirmedAt: not null } && _exempt.Count == 0)
            {
                _mass = null;
                return true;
            }
            if (_mass is { ConfirmedAt: null } && !_restored)
            {
                // Everything is back, in two complete listings of the proved account: there is nothing to confirm.
                _cleanRounds = missing.Count == 0 ? _cleanRounds + 1 : 0;
                if (_cleanRounds >= 2)
                {
                    _mass = null;
                    _absent.Clear();
                    return true;
                }
            }
            return changed;
        }
    }

    /// <summary>
    /// A replacement that no owner asked for is planned. Null: it may go on. A time: others of the cause may be planned until then. A hold: too many.
    /// </summary>
    public (DateTimeOffset? Until, AccountHold? Hold, bool Begun) Plan(string name, string cause, Func<int> objects, bool confirmed, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_planned.TryGetValue(cause, out var planned))
                _planned[cause] = planned = new(StringComparer.Ordinal);
            planned.TryAdd(name, now);
            if (confirmed)
            {
                if (_blasts.Remove(cause, out var was))
                    _blasts[cause] = was with { ConfirmedAt = now };
                return (null, null, false);
            }
            if (_blasts.TryGetValue(cause, out var hold) && hold.ConfirmedAt is null)
            {
                _blasts[cause] = hold with { Count = planned.Count, Message = Blast(planned.Count, objects), Entries = [.. planned.Keys.Order(StringComparer.Ordinal).Take(AccountHold.MaxNames)] };
                return (null, _blasts[cause], planned.Count != hold.Count);
            }
            var recent = planned.Count(p => now - p.Value < Planning);
            if (IsMass(recent, objects, 0.1))
            {
                _blasts[cause] = new AccountHold
                {
                    Reason = Reasons.BlastRadius, Account = account, Since = now, Count = recent, Token = AccountHold.TokenOf(Reasons.BlastRadius, account.ToString(), cause),
                    Message = Blast(recent, objects), Entries = [.. planned.Keys.Order(StringComparer.Ordinal).Take(AccountHold.MaxNames)],
                };
                return (null, _blasts[cause], true);
            }
            var at = planned[name] + Settling;
            return now < at ? (at, null, false) : (null, null, false);
        }
    }

    /// <summary>It needs no replacement: what was planned for it is off. True when a hold ended by that.</summary>
    public bool Settled(string name)
    {
        lock (_lock)
        {
            var changed = false;
            foreach (var (cause, planned) in _planned.ToList())
                // One that was begun still counts as planned within the ten minutes; a held one was never begun.
                if (_blasts.TryGetValue(cause, out var hold) && hold.ConfirmedAt is null && planned.Remove(name) && planned.Count == 0)
                    changed |= Drop(cause);
            return changed;
        }
    }

    /// <summary>A person has seen it. True when the token names a hold of this account.</summary>
    public bool Confirm(IReadOnlyCollection<string> tokens, DateTimeOffset now)
    {
        lock (_lock)
        {
            var changed = false;
            if (_mass is { ConfirmedAt: null } && tokens.Contains(_mass.Token))
            {
                _mass = _mass with { ConfirmedAt = now };
                _exempt.UnionWith(_mass.Entries);
                _exempt.UnionWith(_absent.Keys);
                _exempt.UnionWith(_listings.Values.SelectMany(l => l.Missing));
                // Names that only a listing knows (after a restart) are taken over by the next round.
                _adopting = _exempt.Count < _mass.Count;
                changed = true;
            }
            foreach (var (cause, hold) in _blasts.Where(b => b.Value.ConfirmedAt is null && tokens.Contains(b.Value.Token)).ToList())
            {
                _blasts[cause] = hold with { ConfirmedAt = now };
                changed = true;
            }
            return changed;
        }
    }

    private bool Drop(string cause)
    {
        _planned.Remove(cause);
        return _blasts.Remove(cause, out var hold) && hold.ConfirmedAt is null;
    }

    private string Blast(int count, Func<int> objects) =>
        $"{count} of {objects()} objects of account {account.AccountId} would be replaced by one change of ProviderConfig, driver or host, or by what changed at the platform; no owner asked for it. They are left as they are until a person confirms.";

    private List<string> Counted(DateTimeOffset now) =>
        [.. _absent.Where(a => !_exempt.Contains(a.Key) && now - a.Value.Since < (a.Value.Renewed ? Round : Stuck)).Select(a => a.Key).Order(StringComparer.Ordinal)];

    private IEnumerable<string> Missing() => _listings.Values.SelectMany(l => l.Missing).Where(n => !_exempt.Contains(n));
}
