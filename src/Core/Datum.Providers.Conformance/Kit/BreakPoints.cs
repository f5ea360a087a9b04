namespace Datum.Providers.Conformance;

/// <summary>
/// Chooses which of many places a case breaks at, and counts what it left out. Where a world sets <see cref="ConformanceWorld.MostBreakPoints"/>, the
/// places are spread evenly and begin at another one for each case, so that cases together reach all of them and every run the same ones.
/// </summary>
internal sealed class BreakPoints(int most, int caseNumber)
{
    /// <summary>Places that were there.</summary>
    public long Found { get; private set; }

    /// <summary>Places that were tried.</summary>
    public long Tried { get; private set; }

    /// <summary>Some of these, in their order; all when they are few enough.</summary>
    public ImmutableArray<T> Choose<T>(IEnumerable<T> all)
    {
        ImmutableArray<T> places = [.. all];
        var chosen = places.Length <= most ? places
            : [.. Enumerable.Range(0, most).Select(i => (caseNumber + i * places.Length / most) % places.Length).Distinct().Order().Select(i => places[i])];
        Found += places.Length;
        Tried += chosen.Length;
        return chosen;
    }

    /// <summary>The mutating requests of steps, each by the step's number from <paramref name="from"/> on and its own from 1 on.</summary>
    public ImmutableArray<(int At, int Nth)> ChooseMutations(IReadOnlyList<DoneStep> steps, int from = 0) =>
        Choose(Enumerable.Range(from, steps.Count - from).SelectMany(at => Enumerable.Range(1, steps[at].Mutations).Select(nth => (at, nth))));
}
