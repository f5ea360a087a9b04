using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>A gate that lets through what it must hold back.</summary>
internal sealed class WrongGate(IMutationGate inner, bool? mayMutate = null, bool? observeOnly = null) : IMutationGate
{
    public string Holder => inner.Holder;

    public bool MayMutate(TimeSpan timeout) => mayMutate ?? inner.MayMutate(timeout);

    public bool ObserveOnly => observeOnly ?? inner.ObserveOnly;
}

/// <summary>An owner reader that always gives the same answer.</summary>
internal sealed class WrongOwners(OwnerState always) : IOwnerReader
{
    public bool IsKnown(ResourceOwner owner) => true;

    public ValueTask<OwnerState> ReadAsync(ResourceOwner owner, CancellationToken cancellation) => new(always);
}
