using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Requests since the start, by verb (get, list, watch, create, update, patch, delete, deletecollection) and resource ("plural" or "plural.group").</summary>
public interface IPlaneCounters
{
    /// <summary>Requests of one verb on one resource; a null resource means all, a null verb means all.</summary>
    long Count(string? verb = null, string? resource = null);

    /// <summary>A copy of all counters.</summary>
    IReadOnlyDictionary<(string Verb, string Resource), long> Snapshot();
}

internal sealed class PlaneCounters : IPlaneCounters
{
    private readonly ConcurrentDictionary<(string Verb, string Resource), long> counts = new();

    public void Increment(string verb, string group, string plural) =>
        counts.AddOrUpdate((verb, group.Length == 0 ? plural : plural + "." + group), 1, (_, n) => n + 1);

    public long Count(string? verb = null, string? resource = null) =>
        counts.Where(c => (verb is null || c.Key.Verb == verb) && (resource is null || c.Key.Resource == resource)).Sum(c => c.Value);

    public IReadOnlyDictionary<(string Verb, string Resource), long> Snapshot() => new Dictionary<(string, string), long>(counts);

    public JsonObject ToJson()
    {
        var result = new JsonObject();
        foreach (var verb in counts.GroupBy(c => c.Key.Verb).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var resources = new JsonObject();
            foreach (var (key, count) in verb.OrderBy(c => c.Key.Resource, StringComparer.Ordinal)) resources[key.Resource] = count;
            result[verb.Key] = resources;
        }

        return result;
    }
}
