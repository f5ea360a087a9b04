using System.Collections.Concurrent;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// Law L15 for every account: what the reconciler asks before it believes an absence or replaces something, and what the listings tell.
/// A hold is told on the ProviderConfigs that reach the account, and taken over from there by the next process.
/// </summary>
public sealed class AccountGuard(HomePlane home, IScheduler scheduler, string hostVersion)
{
    private readonly ConcurrentDictionary<AccountKey, AccountWatch> _watches = [];
    private readonly ConcurrentDictionary<(string Config, string From, string To), AccountHold> _changed = [];
    private readonly ConcurrentDictionary<string, int> _claims = new(StringComparer.Ordinal);

    internal EngineSeams Seams { get; init; } = new();

    /// <summary>Called with a ProviderConfig whose holds have changed.</summary>
    public event Action<string>? Changed;

    /// <summary>Called when a decision waits for a listing that hasn't been made yet.</summary>
    public event Action<AccountKey>? ListingWanted;

    public static AccountKey KeyOf(Session session) => new(session.Descriptor.Id, session.Account.AccountId);

    /// <summary>The hold on everything of the account.</summary>
    public AccountHold? HeldBy(AccountKey account) => Watch(account).Mass;

    /// <summary>
    /// An entry of one account meets a session that proves another. Null once a person has confirmed this very change: then the entry belongs to the new account.
    /// </summary>
    public AccountHold? OtherAccount(string config, string driver, string from, string to, string entry)
    {
        var token = AccountHold.TokenOf(Reasons.AccountChanged, config, from, to);
        if (IsConfirmed(config, token))
        {
            if (_changed.TryRemove((config, from, to), out _))
                Changed?.Invoke(config);
            // That its old object isn't there is what was confirmed.
            Watch(new AccountKey(driver, to)).Exempt(entry);
            return null;
        }
        var added = false;
        var hold = _changed.GetOrAdd((config, from, to), _ =>
        {
            added = true;
            return new AccountHold
            {
                Reason = Reasons.AccountChanged, Account = new AccountKey(driver, from), Token = token, Since = scheduler.Time.GetUtcNow(),
                Message = $"Entries were made in account {from}, the session proves {to}. Nothing is changed until the old account is back, or a person confirms that its objects are given up and made anew in {to}.",
            };
        });
        if (added)
            Changed?.Invoke(config);
        return hold;
    }

    /// <summary>An entry has left the account. With the last one the account's own hold is over: nobody can ever see its objects come back.</summary>
    public void Moved(AccountKey from, string config)
    {
        if (!home.Entries.All().Any(e => e.Spec.Driver == from.Driver && e.Spec.Record.AccountId == from.AccountId) && _watches.TryRemove(from, out _))
            Changed?.Invoke(config);
    }

    /// <summary>What a look found, of an entry that is wanted and has recorded parts.</summary>
    /// <param name="hidden">How long the platform may hide it from such a look.</param>
    public void Looked(AccountKey account, ManagedResource entry, bool absent, TimeSpan hidden)
    {
        var watch = Watch(account);
        if (!absent)
            watch.Present(entry.Metadata.Name!, scheduler.Time.GetUtcNow());
        else if (watch.Absent(entry.Metadata.Name!, () => ObjectsOf(account), scheduler.Time.GetUtcNow(), hidden))
            Tell(account);
    }

    /// <summary>Why an absence isn't believed yet; null when it may be.</summary>
    /// <param name="since">When it was first seen.</param>
    /// <param name="listed">The kind is listed, so that the account's other objects can be told from.</param>
    /// <param name="remakes">The object would be made again, not let go.</param>
    public string? NotBelieved(AccountKey account, ResourceKind kind, DateTimeOffset since, bool listed, bool remakes)
    {
        var watch = Watch(account);
        if (watch.Mass is { } hold)
            return hold.Message;
        if (watch.Brewing(() => ObjectsOf(account), scheduler.Time.GetUtcNow()))
            return "Not found, and so are many others of the account: they are looked at first.";
        if (!remakes || !listed || watch.ListedSince(kind, since))
            return null;
        ListingWanted?.Invoke(account);
        return "Not found; the account's listing is asked before it is made again.";
    }

    public void Renewed(AccountKey account, string name) => Watch(account).Renewed(name);

    /// <summary>Whether a replacement that no owner asked for may begin.</summary>
    public (DateTimeOffset? Until, AccountHold? Hold) Plan(AccountKey account, ManagedResource entry, Session session)
    {
        var config = entry.Spec.ProviderConfig;
        var cause = ChangeCauses.Stamp(home.Configs.Find(new ObjectKey(null, config))?.Spec, session.Descriptor, hostVersion);
        var token = AccountHold.TokenOf(Reasons.BlastRadius, account.ToString(), cause);
        var (until, hold, changed) = Watch(account).Plan(entry.Metadata.Name!, cause, () => ObjectsOf(account), IsConfirmed(config, token), scheduler.Time.GetUtcNow());
        if (changed)
            Tell(account);
        return (until, hold);
    }

    /// <summary>The entry is in sync.</summary>
    public void Settled(AccountKey account, string name)
    {
        if (_watches.TryGetValue(account, out var watch) && watch.Settled(name))
            Tell(account);
    }

    public void Listed(AccountKey account, ResourceKind kind, DateTimeOffset began, IReadOnlyCollection<string> missing, IReadOnlySet<string> seen) =>
        Watch(account).Listed(kind, began, missing, seen);

    /// <summary>Every kind has been listed in whole. True when a hold ended by that.</summary>
    public bool RoundEnded(AccountKey account, IReadOnlyCollection<string> configs, IReadOnlySet<string> missing)
    {
        foreach (var (key, hold) in _changed)
            if (hold.Account == account && configs.Contains(key.Config) && _changed.TryRemove(key, out _))
                // The old account has just been proved.
                Changed?.Invoke(key.Config);
        if (!Watch(account).RoundEnded(missing, name => home.Entries.Find(new ObjectKey(null, name)) is not null))
            return false;
        Tell(account);
        return true;
    }

    /// <summary>What there is to tell on a ProviderConfig.</summary>
    public IReadOnlyList<AccountHold> HoldsOf(string config, string driver, IEnumerable<string> accounts) =>
    [
        .. accounts.Distinct(StringComparer.Ordinal).Select(a => new AccountKey(driver, a)).SelectMany(a => Watch(a).Holds),
        .. _changed.Where(c => c.Key.Config == config).Select(c => c.Value).OrderBy(h => h.Token, StringComparer.Ordinal),
    ];

    /// <summary>The ProviderConfig was changed by a person, perhaps to confirm. Accounts whose hold ended by it.</summary>
    public IReadOnlyList<AccountKey> Confirm(ProviderConfig config)
    {
        var tokens = Tokens(config);
        if (tokens.Count == 0)
            return [];
        List<AccountKey> ended = [.. _watches.Values.Where(w => w.Account.Driver == config.Spec.Driver && w.Confirm(tokens, scheduler.Time.GetUtcNow())).Select(w => w.Account)];
        foreach (var account in ended)
            Tell(account);
        ended.AddRange(_changed.Where(c => c.Key.Config == config.Metadata.Name && tokens.Contains(c.Value.Token)).Select(c => c.Value.Account));
        return ended;
    }

    /// <summary>The collector works on this name: the reconciler begins nothing for it until the result is disposed.</summary>
    public IDisposable Claim(string name)
    {
        _claims.AddOrUpdate(name, 1, static (_, n) => n + 1);
        return new Claimed(this, name);
    }

    public bool IsClaimed(string name) => _claims.ContainsKey(name);

    /// <summary>Entries of the account that have something at the platform and are to keep it.</summary>
    public IEnumerable<ManagedResource> EntriesOf(AccountKey account) => home.Entries.All().Where(e =>
        e.Spec.Driver == account.Driver && e.Spec.Record.AccountId == account.AccountId && e.Spec.Installation == home.Installation && Counts(e));

    /// <summary>
    /// Whether its absence would be a loss. What is still being made, of which only the id is known yet, was never there to vanish: slow creates
    /// of a whole account would look like one that was emptied.
    /// </summary>
    public static bool Counts(ManagedResource entry) =>
        entry.Spec.Wanted && !entry.IsDeleting && entry.Spec.Record is { Retiring: false, Parts: { Count: > 0 } parts } record
        && !(record.Intent is { } intent && parts.TrueForAll(p => p.Name == intent.Part));

    private int ObjectsOf(AccountKey account) => EntriesOf(account).Count();

    private AccountWatch Watch(AccountKey account) => _watches.GetOrAdd(account, key =>
    {
        var watch = new AccountWatch(key) { IsMass = Seams.IsMass };
        // A hold outlives the process that told it.
        foreach (var config in home.Configs.All().Where(c => c.Spec.Driver == key.Driver && home.Entries.All().Any(e => e.Spec.Driver == key.Driver && e.Spec.Record.AccountId == key.AccountId)))
            foreach (var told in config.Status?.Holds ?? [])
                if (told.Reason == Reasons.MassAbsence && told.AccountId == key.AccountId)
                    watch.Restore(new AccountHold
                    {
                        Reason = told.Reason, Account = key, Token = told.Token, Since = told.Since, Message = told.Message ?? "", Count = told.Count,
                        Entries = [.. told.Entries ?? []], ConfirmedAt = told.ConfirmedAt ?? (Tokens(config).Contains(told.Token) ? told.Since : null),
                    });
        return watch;
    });

    private void Tell(AccountKey account)
    {
        foreach (var config in home.Configs.All())
            if (config.Spec.Driver == account.Driver)
                Changed?.Invoke(config.Metadata.Name!);
    }

    private bool IsConfirmed(string config, string token) => home.Configs.Find(new ObjectKey(null, config)) is { } c && Tokens(c).Contains(token);

    /// <summary>Tokens that a person put on the config.</summary>
    public static IReadOnlyCollection<string> Tokens(ProviderConfig config) =>
        config.Metadata.Annotation(Annotations.Confirm) is { Length: > 0 } text ? text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [];

    private sealed class Claimed(AccountGuard guard, string name) : IDisposable
    {
        private AccountGuard? _guard = guard;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _guard, null) is not { } guard)
                return;
            if (guard._claims.AddOrUpdate(name, 0, static (_, n) => n - 1) <= 0)
                guard._claims.TryRemove(new KeyValuePair<string, int>(name, 0));
        }
    }
}
