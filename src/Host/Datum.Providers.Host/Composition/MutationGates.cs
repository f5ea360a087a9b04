using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Composition;

/// <summary>
/// The gate of the development host: its lock on the state folder is exclusive, so nobody else can hold the plane. A restart is
/// the same as a new leader: operations of the last process may still be under way, but each is found by its recorded intent.
/// </summary>
internal sealed class ExclusiveGate(string holder, bool observeOnly, string? unconfirmed = null) : IMutationGate
{
    public string Holder => holder;
    public bool ObserveOnly => observeOnly || unconfirmed is not null;
    public string? Unconfirmed => unconfirmed;
    public bool MayMutate(TimeSpan timeout) => true;
}

/// <summary>The gate of a host that shares its plane: no mutation starts after the lease deadline, and a new leader waits for the last one's requests (law L10).</summary>
internal sealed class LeaseGate(LeaseElector elector, string holder, bool observeOnly, TimeProvider time, TimeSpan longestRequest, string? unconfirmed = null) : IMutationGate
{
    private readonly Lock _lock = new();
    private int _term = -1;
    private long _from;

    public string Holder => holder;
    public bool ObserveOnly => observeOnly || unconfirmed is not null;
    public string? Unconfirmed => unconfirmed;

    public bool MayMutate(TimeSpan timeout)
    {
        if (!elector.MayMutate())
            return false;
        lock (_lock)
        {
            if (_term != elector.Terms)
            {
                _term = elector.Terms;
                _from = time.GetTimestamp();
            }
            return elector.PreviousReleased || time.GetElapsedTime(_from) >= (timeout > longestRequest ? timeout : longestRequest);
        }
    }
}
