using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Limits;

/// <summary>
/// Looks, object by object, at kinds whose listing doesn't show what an observation would: as many a minute as the budget allows, one
/// after the other, so that reads are bounded however many objects there are (law L8).
/// </summary>
public sealed class ObserveRounds(HomePlane home, SessionManager sessions, EntryController entries, IScheduler scheduler) : IController
{
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => "observations";

    public async Task RunAsync(CancellationToken cancellation)
    {
        void Start(Session session)
        {
            if (session.Descriptor.Kinds.Any(NeedsLooks))
                _ = scheduler.Run(() => LookAroundAsync(session, cancellation));
        }

        sessions.Opened += Start;
        foreach (var session in sessions.Open)
            Start(session);
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        await _stopped.Task.ConfigureAwait(false);
        sessions.Opened -= Start;
    }

    /// <summary>Whether a change can go unseen by listings.</summary>
    internal static bool NeedsLooks(KindDescriptor kind) =>
        kind.ListQuality is ListQuality.None or ListQuality.Unknown || (!kind.ListingCarriesFacts && !kind.ListingCarriesRevision);

    private async Task LookAroundAsync(Session session, CancellationToken cancellation)
    {
        var kinds = session.Descriptor.Kinds.Where(NeedsLooks).Select(k => k.Kind.ToString()).ToHashSet(StringComparer.Ordinal);
        var last = "";
        var owed = 0d;
        while (true)
        {
            try
            {
                await scheduler.Delay(AccountLister.DefaultPeriod * (0.9 + 0.2 * scheduler.NextRandom()), cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            if (session.TryUse() is not { } use)
                return;
            use.Dispose();
            var budget = session.Meter.Settings.ObservesPerMinute;
            owed = Math.Min(owed + budget * AccountLister.DefaultPeriod.TotalMinutes, budget);
            if (session.Meter.Breaker.IsOpen || owed < 1)
                continue;
            last = PokeNext(session, kinds, last, (int)owed);
            owed -= Math.Floor(owed);
        }
    }

    /// <summary>Pokes the next entries in the order of their names, each at most once; the result is the last one's name.</summary>
    private string PokeNext(Session session, HashSet<string> kinds, string last, int count)
    {
        var all = home.Entries.ByIndex(HomePlane.ByConfig, session.ConfigName)
            .Where(e => kinds.Contains(e.Spec.Kind) && e.Spec.Record.Parts is { Count: > 0 }).OrderBy(e => e.Metadata.Name, StringComparer.Ordinal).ToList();
        var from = all.FindIndex(e => string.CompareOrdinal(e.Metadata.Name, last) > 0);
        for (var i = 0; i < all.Count && count > 0; i++)
        {
            var entry = all[(Math.Max(from, 0) + i) % all.Count];
            last = entry.Metadata.Name!;
            if (!IsOf(session, entry))
                continue;
            entries.Poke(last);
            count--;
        }
        return last;
    }

    private static bool IsOf(Session session, ManagedResource entry) =>
        CanonicalJson.Same(SessionManager.ScopeOf(session.Descriptor, entry.Spec.LocationBlock), session.Connection.Location);
}
