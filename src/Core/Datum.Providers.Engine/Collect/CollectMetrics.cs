using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Datum.Providers.Engine.Collect;

/// <summary>The instruments of collector and holds; tags name driver, account and type.</summary>
public static class CollectMetrics
{
    public const string MeterName = "Datum.Providers.Collect";

    private static readonly Meter Source = new(MeterName);
    private static readonly ConcurrentDictionary<(string Driver, string Account, string Type), int> Found = [];
    private static readonly ConcurrentDictionary<(string Driver, string Account, string Reason), int> Held = [];

    internal static readonly Counter<long> Deletions =
        Source.CreateCounter<long>("datum.collector.deletions", "{deletion}", "Deletions of objects without an entry that the collector began.");

    static CollectMetrics()
    {
        Source.CreateObservableGauge<int>("datum.collector.findings", static () => Found.Select(f => new Measurement<int>(f.Value, new("driver", f.Key.Driver), new("account", f.Key.Account), new("type", f.Key.Type))),
            "{object}", "Objects at the platform that the ledger doesn't explain.");
        Source.CreateObservableGauge<int>("datum.account.holds", static () => Held.Select(h => new Measurement<int>(h.Value, new("driver", h.Key.Driver), new("account", h.Key.Account), new("reason", h.Key.Reason))),
            "{hold}", "Holds that wait for a person.");
    }

    internal static void Tell(AccountKey account, IReadOnlyCollection<FoundItem> found)
    {
        foreach (var type in Enum.GetValues<FindingType>())
            if (type is not FindingType.Unknown)
                Found[(account.Driver, account.AccountId, type.ToString())] = found.Count(f => f.Type == type);
    }

    internal static void Tell(AccountKey account, IEnumerable<AccountHold> holds)
    {
        foreach (var key in Held.Keys.Where(k => k.Driver == account.Driver && k.Account == account.AccountId))
            Held[key] = 0;
        foreach (var hold in holds.Where(h => h.ConfirmedAt is null))
            Held[(account.Driver, account.AccountId, hold.Reason)] = 1;
    }
}
