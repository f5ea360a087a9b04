using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Reconcile;

namespace Datum.Providers.Engine;

/// <summary>Where the proof puts a wrong part in place of a right one, to see that it notices. Nothing else sets it.</summary>
internal sealed record EngineSeams
{
    public Func<DecisionInput, Decision> Decide { get; init; } = Decider.Decide;

    public Func<IOwnerReader, IOwnerReader> Owners { get; init; } = static owners => owners;

    /// <summary>Keeps a new token from depending on what is given: (entry, incarnation, part, refused creates) to the token.</summary>
    public Func<string, long, string, int, string> Token { get; init; } = Ledger.EntryIdentity.Token;

    public Func<CollectorInput, Verdict> Judge { get; init; } = CollectorRules.Judge;

    /// <summary>Whether so many of so many are too many, by a share (law L15).</summary>
    public Func<int, Func<int>, double, bool> IsMass { get; init; } = AccountHold.IsMass;
}
