using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// What the complete listings of one account and kind have shown. Immutable: a listing makes the next one. What a complete listing
/// doesn't show is forgotten, and so is everything that an incomplete one would have said.
/// </summary>
public sealed class SightingBook
{
    public static SightingBook Empty { get; } = new(ImmutableDictionary<(string, long, string), Sighting>.Empty);

    private readonly ImmutableDictionary<(string Name, long Incarnation, string Id), Sighting> _sightings;

    private SightingBook(ImmutableDictionary<(string, long, string), Sighting> sightings) => _sightings = sightings;

    public IEnumerable<Sighting> All => _sightings.Values;

    /// <summary>The book after one more complete listing.</summary>
    /// <param name="round">Grows with each listing; two listings of one round count once.</param>
    /// <param name="began">When the listing began, by our clock.</param>
    public SightingBook After(ResourceKind kind, long round, DateTimeOffset began, IEnumerable<ListedObject> items)
    {
        var after = ImmutableDictionary.CreateBuilder<(string, long, string), Sighting>();
        foreach (var item in items)
        {
            if (item.Parts.IsDefaultOrEmpty)
                continue;
            var key = (item.Name, item.Incarnation, item.Parts[0].Id);
            // Another time of birth under a known id is another object: platforms use ids again.
            var known = _sightings.TryGetValue(key, out var before) && before.CreatedAt == item.CreatedAt ? before : null;
            after[key] = new Sighting
            {
                Kind = kind, Name = item.Name, Incarnation = item.Incarnation, Parts = item.Parts, Deleting = item.State is Lifecycle.Deleting, CreatedAt = item.CreatedAt,
                FirstSeen = known?.FirstSeen ?? began, FirstRound = known?.FirstRound ?? round, LastSeen = began, LastRound = round,
            };
        }
        return new SightingBook(after.ToImmutable());
    }
}
