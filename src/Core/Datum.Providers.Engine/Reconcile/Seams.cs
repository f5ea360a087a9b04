using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Says whether this process may change anything at a platform right now (law L10).</summary>
public interface IMutationGate
{
    /// <summary>Names the lease holder in intents.</summary>
    string Holder { get; }

    /// <summary>True when a request that may take <paramref name="timeout"/> can start: we lead, and the lease outlasts it.</summary>
    bool MayMutate(TimeSpan timeout);

    /// <summary>True when the whole process only observes.</summary>
    bool ObserveOnly { get; }

    /// <summary>Why the process only observes until a person says what the plane is; null when that isn't the reason.</summary>
    string? Unconfirmed => null;
}

/// <summary>Reads the owner of an entry live; decisions to delete or replace are never made on a cache.</summary>
public interface IOwnerReader
{
    /// <summary>Whether the owner is in our caches; false asks for a live read before anything is concluded.</summary>
    bool IsKnown(ResourceOwner owner);

    /// <summary>Whether the owner's plane is worked on. If not, nothing is done for the entry; <paramref name="why"/> is for people, null while that isn't known yet.</summary>
    bool IsEngaged(ResourceOwner owner, out string? why)
    {
        why = null;
        return true;
    }

    /// <summary>Reads the owner live.</summary>
    ValueTask<OwnerState> ReadAsync(ResourceOwner owner, CancellationToken cancellation);
}

/// <summary>What a live read of an owner said.</summary>
public enum OwnerState
{
    /// <summary>The plane didn't answer, or isn't engaged: nothing is concluded.</summary>
    Unknown = 0,

    /// <summary>There, with the UID that the entry names.</summary>
    Exists = 1,

    /// <summary>There, with a deletionTimestamp.</summary>
    Deleting = 2,

    /// <summary>Gone, or another object of the same name.</summary>
    Gone = 3,
}

/// <summary>Makes readers for the payloads that an entry's desired state names.</summary>
public interface IPayloadSource
{
    /// <summary>Null when the entry names none.</summary>
    IPayloadReader? For(ManagedResource entry);
}
