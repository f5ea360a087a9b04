using System.Collections.Concurrent;

namespace Datum.Providers.Engine.Collect;

/// <summary>A finding as it is told.</summary>
public sealed record FoundItem
{
    public required FindingType Type { get; init; }
    public required ResourceKind Kind { get; init; }
    public required string Name { get; init; }
    public required long Incarnation { get; init; }
    public required string Id { get; init; }
    public required DateTimeOffset? CreatedAt { get; init; }
    public required DateTimeOffset? Since { get; init; }
    public required Verdict Verdict { get; init; }

    /// <summary>Names it over time and restarts.</summary>
    public string Key => KeyOf(Type.ToString(), Kind.ToString(), Name, Incarnation, Id);

    public static string KeyOf(string type, string kind, string name, long incarnation, string id) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{type}/{kind}/{name}/{incarnation}/{id}");
}

/// <summary>What was found in each account, which configs reach it, and the deletions that were begun. Thread-safe.</summary>
public sealed class FindingBook
{
    private readonly ConcurrentDictionary<AccountKey, ImmutableArray<FoundItem>> _found = [];
    private readonly ConcurrentDictionary<AccountKey, ImmutableArray<DateTimeOffset>> _begun = [];
    private readonly ConcurrentDictionary<string, ImmutableHashSet<AccountKey>> _accounts = new(StringComparer.Ordinal);

    /// <summary>A ProviderConfig reaches an account.</summary>
    public void Reaches(string config, AccountKey account) =>
        _accounts.AddOrUpdate(config, static (_, a) => [a], static (_, known, a) => known.Add(a), account);

    public IReadOnlyCollection<AccountKey> AccountsOf(string config) => _accounts.TryGetValue(config, out var known) ? known : [];

    public ImmutableArray<FoundItem> Of(AccountKey account) => _found.TryGetValue(account, out var found) ? found : [];

    public ImmutableArray<DateTimeOffset> Begun(AccountKey account) => _begun.TryGetValue(account, out var begun) ? begun : [];

    /// <summary>The time that it is known by: each has its own.</summary>
    public DateTimeOffset Begin(AccountKey account, DateTimeOffset at)
    {
        while (Begun(account).Contains(at))
            at = at.AddTicks(1);
        _begun.AddOrUpdate(account, static (_, t) => [t], static (_, known, t) => known.Add(t), at);
        return at;
    }

    /// <summary>A deletion that was begun goes on: it counts from now.</summary>
    public DateTimeOffset Continue(AccountKey account, DateTimeOffset begun, DateTimeOffset at)
    {
        if (_begun.TryGetValue(account, out var known) && known.IndexOf(begun) is >= 0 and var index)
            _begun.TryUpdate(account, known.RemoveAt(index), known);
        return Begin(account, at);
    }

    /// <summary>What an earlier process began.</summary>
    public void Restore(AccountKey account, IEnumerable<DateTimeOffset> begun) => _begun.AddOrUpdate(account, static (_, b) => [.. b], static (_, known, b) => [.. known.Union(b)], begun);

    /// <summary>Forgets deletions from before a time.</summary>
    public void Prune(AccountKey account, DateTimeOffset before)
    {
        if (_begun.TryGetValue(account, out var known))
            _begun.TryUpdate(account, known.RemoveAll(t => t <= before), known);
    }

    /// <summary>The findings of a round. True when they differ from the last one's.</summary>
    public bool Set(AccountKey account, ImmutableArray<FoundItem> found)
    {
        // The first round of a process differs from what its predecessor told, also when it found nothing.
        var first = !_found.ContainsKey(account);
        var before = Of(account);
        _found[account] = found;
        return first || !before.AsSpan().SequenceEqual(found.AsSpan());
    }
}
