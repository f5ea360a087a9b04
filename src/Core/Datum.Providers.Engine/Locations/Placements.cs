using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Locations;

/// <summary>Which provider blocks the ledger's entries of a Location were made with: mostly one. Kept by the entries' changes, so that asking costs nothing.</summary>
internal sealed class Placements : IDisposable
{
    private readonly Dictionary<string, Dictionary<(string Driver, string Block), int>> _byLocation = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly IDisposable _subscription;

    public Placements(IObjectCache<ManagedResource> entries)
    {
        _subscription = entries.Subscribe(OnEntry);
        foreach (var entry in entries.All())
            Count(entry, 1);
    }

    /// <summary>The first scope field of which a Location says something else than what stands there was made with; null when there is none.</summary>
    public (string Field, string Was, string Is)? Moved(string? locationUid, DriverDescriptor driver, JsonElement block, IEnumerable<string> fields)
    {
        List<string> made;
        lock (_lock)
        {
            if (locationUid is null || !_byLocation.TryGetValue(locationUid, out var blocks))
                return null;
            made = [.. blocks.Keys.Where(k => k.Driver == driver.Id).Select(k => k.Block)];
        }
        foreach (var text in made)
        {
            var before = JsonElement.Parse(text);
            foreach (var field in fields)
                if (ValueOf(before, field) is var was && ValueOf(block, field) is var now && was != now)
                    return (field, was, now);
        }
        return null;
    }

    /// <summary>A scope field's value as a list of allowed values has it; empty when the block lacks it.</summary>
    public static string ValueOf(JsonElement block, string field) =>
        block.ValueKind is JsonValueKind.Object && block.TryGetProperty(field, out var value) ? value.ToString() : "";

    public void Dispose() => _subscription.Dispose();

    private void OnEntry(ObjectChange<ManagedResource> change)
    {
        // The block and the Location of an entry never change.
        if (change.Before is null && change.After is { } made)
            Count(made, 1);
        else if (change.After is null && change.Before is { } gone)
            Count(gone, -1);
    }

    private void Count(ManagedResource entry, int by)
    {
        if (entry.Spec.Location?.Uid is not { Length: > 0 } uid || entry.Spec.LocationBlock is not { } block)
            return;
        lock (_lock)
        {
            if (!_byLocation.TryGetValue(uid, out var blocks))
                _byLocation[uid] = blocks = [];
            var key = (entry.Spec.Driver, block.GetRawText());
            var count = blocks.GetValueOrDefault(key) + by;
            if (count > 0)
                blocks[key] = count;
            else
                blocks.Remove(key);
            if (blocks.Count == 0)
                _byLocation.Remove(uid);
        }
    }
}
