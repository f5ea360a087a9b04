using System.Collections.Concurrent;

namespace Datum.Providers.Engine;

/// <summary>The project planes that an engine works on, and why it doesn't work on others.</summary>
public sealed class EngagedPlanes
{
    private readonly ConcurrentDictionary<string, PlaneEngine> _engaged = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _absent = new(StringComparer.Ordinal);
    private volatile string? _others;

    /// <summary>True: planes come and go while the engine runs. False: there is one, and everything belongs to it.</summary>
    public required bool Many { get; init; }

    public IEnumerable<PlaneEngine> All => _engaged.Values;

    public ProjectPlane? Find(string id) => _engaged.TryGetValue(id, out var engine) ? engine.Plane : null;

    /// <summary>The client for whoever works for all planes: it gives up early, so that one plane can't hold them up.</summary>
    public IKubernetesClient? ClientOf(string id) => Find(id)?.SharedClient;

    /// <summary>Whether an owner's plane is engaged; if it isn't, <paramref name="why"/> says so to people, or is null while that isn't known yet.</summary>
    public bool IsEngaged(string id, out string? why)
    {
        why = null;
        if (!Many || _engaged.ContainsKey(id))
            return true;
        why = _absent.TryGetValue(id, out var told) ? told.Length > 0 ? told : null : _others;
        return false;
    }

    internal bool Add(PlaneEngine engine)
    {
        _absent.TryRemove(engine.Plane.Id, out _);
        return _engaged.TryAdd(engine.Plane.Id, engine);
    }

    internal bool Remove(PlaneEngine engine) => _engaged.TryRemove(KeyValuePair.Create(engine.Plane.Id, engine));

    /// <param name="why">Empty while it is about to be engaged; null forgets it.</param>
    internal bool Tell(string id, string? why)
    {
        if (why is null)
            return _absent.TryRemove(id, out _);
        var before = _absent.GetValueOrDefault(id);
        _absent[id] = why;
        return before != why;
    }

    internal void TellOthers(string why) => _others = why;
}
