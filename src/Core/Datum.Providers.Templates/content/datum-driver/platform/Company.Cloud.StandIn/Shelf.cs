using System.Globalization;

namespace Company_Cloud.StandIn;

/// <summary>One collection: unique names, labels that listings filter by, pages. What is special about a kind comes as functions.</summary>
public sealed class Shelf<T>(StandInPlatform platform, string prefix) where T : Item
{
    private readonly SortedDictionary<string, T> _items = new(StringComparer.Ordinal);
    private long _counter;

    /// <summary>Completes and checks a wish; refuses by <see cref="CloudException"/>.</summary>
    public required Func<T, T> Make { get; init; }

    /// <summary>Applies a change to what is there.</summary>
    public required Func<T, T, T> Apply { get; init; }

    /// <summary>Ids of what holds the item, so that it can't be deleted.</summary>
    public required Func<T, IEnumerable<string>> HeldBy { get; init; }

    /// <summary>How the item looks now; null when its time is over.</summary>
    public required Func<T, T?> Now { get; init; }

    /// <summary>Marks the item as leaving; null when it is gone at once.</summary>
    public required Func<T, T?> Leave { get; init; }

    /// <summary>No more than this many; null for no limit.</summary>
    public int? Quota { get; set; }

    public T Create(T wish)
    {
        lock (platform.Gate)
        {
            if (wish.Name.Length is 0 or > 63)
                throw new CloudException(400, "bad_name", "A name has 1 to 63 characters.");
            if (All().Any(i => i.Name == wish.Name))
                throw new CloudException(409, "name_taken", $"There is an object named {wish.Name} already.");
            if (All().Count() >= Quota)
                throw new CloudException(403, "quota_exceeded", "The account's quota is used up.");
            var id = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{++_counter:x8}");
            return Put(Make(wish with { Id = id, CreatedAt = platform.Time.GetUtcNow() }));
        }
    }

    public T Get(string id)
    {
        lock (platform.Gate)
            return All().FirstOrDefault(i => i.Id == id) ?? throw new CloudException(404, "not_found", $"There is no {id}.");
    }

    public T Change(string id, T change)
    {
        lock (platform.Gate)
            return Put(Apply(Get(id), change));
    }

    /// <summary>The item while it leaves; null when it is gone.</summary>
    public T? Delete(string id)
    {
        lock (platform.Gate)
        {
            var item = Get(id);
            if (HeldBy(item).ToArray() is { Length: > 0 } holders)
                throw new CloudException(409, "in_use", $"{id} is in use by {string.Join(", ", holders)}.", holders);
            if (Leave(item) is { } leaving)
                return Put(leaving);
            _items.Remove(id);
            return null;
        }
    }

    public Page<T> List(string? name, IReadOnlyList<KeyValuePair<string, string>> labels, int limit, string? after)
    {
        lock (platform.Gate)
        {
            if (after is not null && !after.StartsWith(prefix, StringComparison.Ordinal))
                throw new CloudException(400, "bad_cursor", "The cursor isn't one of this collection.");
            var found = All()
                .Where(i => after is null || string.CompareOrdinal(i.Id, after) > 0)
                .Where(i => name is null || i.Name == name)
                .Where(i => labels.All(l => i.Labels.TryGetValue(l.Key, out var value) && value == l.Value))
                .Take(Math.Clamp(limit, 1, platform.PageSize) + 1).ToList();
            var size = Math.Clamp(limit, 1, platform.PageSize);
            return found.Count <= size ? new Page<T>(found, null) : new Page<T>(found[..size], found[size - 1].Id);
        }
    }

    /// <summary>Everything, as it is now.</summary>
    public IEnumerable<T> All()
    {
        foreach (var item in _items.Values.ToList())
        {
            if (Now(item) is { } now)
                yield return now;
            else
                _items.Remove(item.Id);
        }
    }

    /// <summary>Puts an item there as it is, with a new revision: for tests that change things behind the driver's back.</summary>
    public T Put(T item)
    {
        lock (platform.Gate)
            return _items[item.Id] = item with { Revision = (++_counter).ToString(CultureInfo.InvariantCulture) };
    }

    /// <summary>Takes an item away as if it had never been there.</summary>
    public void Vanish(string id)
    {
        lock (platform.Gate)
            _items.Remove(id);
    }
}
