using System.Diagnostics.CodeAnalysis;

namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>First in, first out within a lane; the lanes take turns. Places that became stale are skipped when their turn comes.</summary>
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

    public bool TryTake(Func<T, long, bool> isValid, [NotNullWhen(true)] out T? item)
    {
        while (_turns.TryDequeue(out var lane))
        {
            var places = _lanes[lane];
            item = null;
            while (item is null && places.TryDequeue(out var place))
            {
                if (isValid(place.Item, place.Ticket))
                    item = place.Item;
            }

            if (places.Count == 0)
                _lanes.Remove(lane);
            else
                _turns.Enqueue(lane);

            if (item is not null)
                return true;
        }

        item = null;
        return false;
    }
}
