using System.Diagnostics.CodeAnalysis;

namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>
/// First in, first out within a lane; the lanes take turns. Places that became stale are skipped when their turn comes; a lane whose
/// next item may not enter keeps it and loses only its turn.
/// </summary>
internal sealed class FairLanes<T> where T : class
{
    private readonly Dictionary<string, Queue<(T Item, long Ticket)>> _lanes = new(StringComparer.Ordinal);
    private readonly Queue<string> _turns = new();

    public void Add(string lane, T item, long ticket)
    {
        if (!_lanes.TryGetValue(lane, out var places))
        {
            _lanes[lane] = places = new();
            _turns.Enqueue(lane);
        }

        places.Enqueue((item, ticket));
    }

    /// <summary>The next item that is valid and may enter; asks each lane once.</summary>
    public bool TryTake<TState>(TState state, Func<TState, T, long, bool> isValid, Func<TState, T, bool> mayEnter, [NotNullWhen(true)] out T? item)
    {
        for (var left = _turns.Count; left > 0; left--)
        {
            var lane = _turns.Dequeue();
            var places = _lanes[lane];
            item = null;
            while (item is null && places.TryPeek(out var place))
            {
                if (isValid(state, place.Item, place.Ticket))
                    item = place.Item;
                else
                    places.Dequeue();
            }

            var taken = item is not null && mayEnter(state, item);
            if (taken)
                places.Dequeue();
            if (places.Count == 0)
                _lanes.Remove(lane);
            else
                _turns.Enqueue(lane);

            if (taken)
                return item is not null;
        }

        item = null;
        return false;
    }
}
